"""What counts as an effect, as a guard, as a look before it."""

import pytest

from perdure.errors import UsageError
from perdure.workflow_file import DoctorRules, Rule, mend, read_rules
from perdure.workflow_file.command_effects import effect_of
from perdure.workflow_file.conditions import Guard, joined
from perdure.workflow_file.shell import commands_of
from perdure.workflow_file.tree import mend_all

RULES = DoctorRules()
GUARD = Guard(variable="PERDURE_LIVE")
HEAD = "on: workflow_call\njobs:\n  a:\n    runs-on: x\n    steps:\n"


def effects(script, rules=RULES):
    return [found.what for command in commands_of(script) if (found := effect_of(command, rules))]


def found(text, rules=RULES):
    return [each.rule for each in mend("a.yml", text, rules).findings]


@pytest.mark.parametrize(
    "script",
    [
        "git push",
        "git -C repo push origin main",
        "sudo -E git push",
        "cd x && FOO=1 git push --tags",
        "if test -f x; then git push; fi",
        "for x in a b; do docker push $x; done",
        "(cd x; npm publish)",
        'out="$(gh release create v1)"',
        "echo `cargo publish`",
        "bash -c 'npm publish'",
        "npx --yes semantic-release",
        "python3 -m twine upload dist/*",
        "npm --prefix packages/a publish",
        "./gradlew :a:publish",
        "mvn -B -s s.xml clean deploy",
        "docker buildx build --push .",
        "kubectl -n prod apply -f x",
        "helm upgrade x ./c --namespace y",
        "terraform -chdir=infra apply",
        "aws s3 sync a s3://b",
        "aws lambda update-function-code --function-name x",
        "gcloud run deploy web",
        "az webapp restart --name x",
        "curl -XPOST https://example.com",
        "curl --json @x https://example.com",
        "gh api -X PATCH /repos/a/b",
        "gh api graphql -f query='mutation { x }'",
        "rsync -a x host:/y",
        "./scripts/deploy.sh production",
        "make release",
        "npm run deploy:prod",
        "cat <<EOF | ssh host\nls\nEOF",
        "x=1 \\\n  git \\\n  push",
    ],
)
def test_commands_that_change_something_outside_are_seen(script):
    """However they are written, wrapped or joined with others."""
    assert len(effects(script)) == 1


@pytest.mark.parametrize(
    "script",
    [
        "echo git push",
        "echo 'git push; npm publish'",
        '# git push\necho "x # git push"',
        "git push --dry-run",
        "git commit -m push",
        "git stash push",
        "npm publish --dry-run",
        "docker build -t x .",
        "docker pull x",
        "cat > f <<'EOF'\ngit push\nEOF\necho",
        "kubectl -n prod get pods",
        "kubectl apply --dry-run=client -f x",
        "helm template x",
        "terraform plan",
        "aws s3 ls s3://b",
        "aws s3 cp s3://b/x y",
        "aws ecr get-login-password",
        "gcloud auth configure-docker",
        "az account show",
        "curl -fsSL https://example.com",
        "curl -X POST http://127.0.0.1:80/x",
        "curl -G -d q=1 https://example.com",
        "gh release view v1",
        "gh api repos/a/b",
        "gh api graphql -f query='query { x }'",
        "rsync -a host:/y x",
        "make test",
        "make release-notes",
        "npm run build",
        "goreleaser release --snapshot",
        "git tag --list",
        "echo \"${{ inputs.x && 'git push' }}\"",
        "",
        "'",
        '"$(',
        "`",
        ")",
        "<<EOF",
    ],
)
def test_other_commands_are_not(script):
    """Text, comments, dry runs and reads change nothing; nor does what is not finished stop the reader."""
    assert effects(script) == []


@pytest.mark.parametrize(
    "condition",
    [
        "vars.PERDURE_LIVE == 'true'",
        "${{ vars.PERDURE_LIVE == 'true' }}",
        "VARS.perdure_live == 'true'",
        "vars['PERDURE_LIVE'] == 'yes' && x",
        "x && (y || z) && 'true' == vars.PERDURE_LIVE",
        "(a && vars.PERDURE_LIVE) || (vars.PERDURE_LIVE != '' && b)",
        "github.repository == 'acme/library'",
    ],
)
def test_conditions_that_demand_the_guard(condition):
    """Every way to make them true needs the variable."""
    assert GUARD.is_demanded_by(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "true",
        "vars.PERDURE_LIVE != 'true'",
        "!vars.PERDURE_LIVE",
        "vars.PERDURE_LIVE == ''",
        "vars.PERDURE_LIVE == 'true' || x",
        "'vars.PERDURE_LIVE == ''true'''",
        "vars.PERDURE_LIVENESS == 'true'",
        "contains(vars.PERDURE_LIVE, 'x') || x",
        "github.repository == 'acme/mirror-library'",
        "(" * 30 + "vars.PERDURE_LIVE" + ")" * 29,
        "${{ vars.PERDURE_LIVE == 'true' }} && x",
    ],
)
def test_conditions_that_do_not(condition):
    """Being mentioned is not being demanded."""
    assert not GUARD.is_demanded_by(condition)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("a", "a && b"),
        ("a || c", "(a || c) && b"),
        ("${{ a || c }}", "(a || c) && b"),
        ("(a || c)", "(a || c) && b"),
        ("x == '||'", "x == '||' && b"),
    ],
)
def test_conditions_are_joined(condition, wanted):
    """What was demanded before is demanded still."""
    assert joined(condition, "b") == wanted


def test_a_look_before_makes_a_step_safe_to_repeat():
    """In the same script or an earlier step of the job; in a later one it comes too late."""
    look, publish = "      - run: npm view x version\n", "      - run: npm publish\n"

    assert Rule.UNSAFE_TO_REPEAT in found(HEAD + publish)
    assert Rule.UNSAFE_TO_REPEAT not in found(HEAD + look + publish)
    assert Rule.UNSAFE_TO_REPEAT in found(HEAD + publish + look)
    assert Rule.UNSAFE_TO_REPEAT not in found(HEAD + "      - run: npm view x || npm publish\n")


def test_text_beside_an_expression_is_left_to_a_person():
    """GitHub takes such a condition for a text, which is always true: nothing is joined with it."""
    text = HEAD + "      - if: ${{ a }} && b\n        run: git push\n      - run: git push\n"

    after = mend("a.yml", text, RULES)

    assert [each.mended for each in after.findings] == [False, True]
    assert "always true at GitHub" in after.left[0].message
    assert "- if: ${{ a }} && b\n" in after.after


def test_what_uses_an_own_action_is_guarded_instead_of_it():
    """An action knows no variables; actions that use each other are seen through."""
    inner = "runs:\n  using: composite\n  steps:\n    - run: npm publish\n      shell: bash\n"
    outer = "runs:\n  using: composite\n  steps:\n    - uses: ./.github/actions/inner\n"
    files = {
        ".github/actions/inner/action.yml": inner,
        ".github/actions/outer/action.yaml": outer,
        ".github/workflows/a.yml": HEAD + "      - uses: ./.github/actions/outer\n",
    }

    mended = {each.path: each for each in mend_all(files, RULES)}

    assert "        if: vars.PERDURE_LIVE == 'true'\n" in mended[".github/workflows/a.yml"].after
    assert [each.path for each in mended.values() if each.is_changed] == [".github/workflows/a.yml"]
    assert "an action knows no vars" in mend("action.yml", inner, RULES).findings[0].message


def test_rules_of_ones_own_are_added():
    """Commands and actions that have an effect here, those that have none, and another variable."""
    rules = read_rules(
        'variable = "LIVE"\nignore = ["unsafe-to-repeat"]\nharmless = ["npm publish", "Acme/Harmless"]\n'
        '[[command]]\nrun = "shipit now"\nkind = "deploy"\nharmless_with = ["--check"]\n'
        '[[action]]\nuses = "acme/ship"\nkind = "release"\nrepeatable = false\n',
        "rules.toml",
    )
    steps = "- run: shipit now\n- run: shipit now --check\n- run: npm publish\n- uses: acme/ship@v1\n"
    text = HEAD + "".join(f"      {line}\n" for line in steps.splitlines())

    after = mend("a.yml", text, rules)

    assert [(each.line, each.rule) for each in after.findings] == [(6, Rule.UNGUARDED), (9, Rule.UNGUARDED)]
    assert after.after.count("if: vars.LIVE == 'true'") == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = ", "rules.toml is not TOML"),
        ("[[command]]\nrn = 'x'\n", "rules.toml: command.0.run: field required"),
        ("ignore = ['x']\n", "rules.toml: ignore.0: input should be 'unreadable'"),
        ("variable = '1 || true'\n", "rules.toml: variable: string should match"),
    ],
)
def test_rules_that_cannot_be_read_are_refused(text, says):
    """The message names the key."""
    with pytest.raises(UsageError, match=says):
        read_rules(text, "rules.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "not YAML"),
        ("on: push\njobs: {}\n---\non: push\n", "one document"),
        ("on: push\non: push\njobs: {}\n", "not YAML"),
        ("- a\n", "holds no mapping"),
        ("name: x\n", "neither a workflow file"),
        ("%YAML 1.1\n---\non: push\njobs: {}\n", "directive"),
        ("x: &a {b: c}\ny:\n  <<: *a\n", "merge key"),
        ("on: push\njobs:\n\ta: b\n", "not YAML"),
        ("[" * 60, "deeper than 50"),
        ("#" * 300_000, "more than 256,000"),
        ("on: push\njobs: \x00\n", "not YAML"),
        ("", "holds no mapping"),
    ],
)
def test_what_is_no_workflow_file_is_said(text, says):
    """It is a finding like others, and nothing is written."""
    after = mend("a.yml", text, RULES)

    assert [each.rule for each in after.findings] == [Rule.UNREADABLE]
    assert says in after.findings[0].message
    assert not after.is_changed


def test_a_file_with_anchors_is_examined_and_left():
    """One change would show in several places."""
    text = HEAD + "      - &push {run: git push}\n      - *push\n"

    after = mend("a.yml", text, RULES)

    assert not after.is_changed
    assert "anchors" in after.left[0].message


def test_a_26th_input_is_not_added():
    """GitHub would refuse the file."""
    inputs = "".join(f"      i{number}:\n" for number in range(25))
    text = f"on:\n  workflow_dispatch:\n    inputs:\n{inputs}jobs:\n  a:\n    steps:\n      - run: x\n"

    after = mend("a.yml", text, RULES)

    assert not after.is_changed
    assert "leave another one out" in after.left[0].message


@pytest.mark.parametrize(
    "script",
    [
        "$(" * 10_000,
        '"$(' * 5_000,
        "`" * 10_001,
        "${{" * 5_000,
        "<<A " * 5_000,
        "deploy" + "-" * 10_000 + "!",
    ],
    ids=lambda script: script[:6],
)
def test_a_script_that_is_meant_to_stop_the_reader_does_not(script):
    """Neither depth nor length takes it long."""
    text = HEAD + f"      - run: |\n          {script}\n"

    assert Rule.UNREADABLE not in found(text)


def test_a_condition_that_is_meant_to_stop_the_reader_does_not():
    """What is too long to look into is left to a person; the rest of the file is mended."""
    long = "(" * 20_000 + "a" + ")" * 20_000
    text = HEAD + f"      - run: git push\n        if: {long}\n      - run: git push\n"

    after = mend("a.yml", text, RULES)

    assert [each.mended for each in after.findings] == [False, True]
    assert "too long to look into" in after.left[0].message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "      - run: git push\n        if:\n", "its if: is empty"),
        (HEAD + "      - run: git push\n        if: ''\n", "its if: is empty"),
        ("{on: workflow_dispatch, jobs: {a: {steps: [{run: x}]}}}\n", "the file is one line of {}"),
        (
            "on: [push, # why\n  workflow_dispatch]\njobs:\n  a:\n    if: github.repository == 'a/b'\n",
            "a comment",
        ),
        (
            "run-name:\non:\n  workflow_dispatch:\n    inputs: {dispatch_id: }\njobs: {}\n",
            "run-name: is empty",
        ),
        ("on: push\njobs:\n  a: {}\n", "nothing stands there"),
    ],
)
def test_what_has_no_place_for_text_is_left_to_a_person(text, says):
    """The reason is part of the finding, and the file stays as it is."""
    after = mend("a.yml", text, RULES)

    assert not after.is_changed
    assert f"; not mended: {says}" in after.left[0].message
