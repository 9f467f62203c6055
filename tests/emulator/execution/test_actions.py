"""What `uses` does: checkout, artifacts, composite actions, and the refusal of everything else."""

import io
import subprocess
import zipfile

import pytest

ACTION = """
name: Greet
inputs:
  who: {description: Whom, default: world}
  from: {default: "${{ github.repository }}"}
outputs:
  greeting: {value: "${{ steps.say.outputs.greeting }}"}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      env: {WHO: "${{ inputs.who }}"}
      run: |
        echo "hello $WHO from ${{ inputs.from }} in $OUTER"
        echo "greeting=hello $WHO" >> "$GITHUB_OUTPUT"
    - {shell: bash, run: 'cat "${{ github.action_path }}/data.txt" "$GITHUB_ACTION_PATH/data.txt"'}
    - {if: "inputs.who == 'nobody'", shell: bash, run: exit 4}
    - {shell: bash, run: echo after}
    - {if: always(), shell: bash, run: 'echo cleaning'}
"""
NESTED = """
runs:
  using: composite
  steps:
    - {id: inner, uses: ./.github/actions/greet, with: {who: nested}}
    - {shell: bash, run: 'echo "got ${{ steps.inner.outputs.greeting }}"'}
"""


def git(folder, *arguments):
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-c", "user.name=T", "-c", "user.email=t@example.invalid", *arguments],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(runner):
    """A repository with two commits, a tag, a branch and two actions."""
    folder = runner.repository_dir
    git(folder, "init", "--quiet", "--initial-branch=main")
    files = {
        "README.md": "first\n",
        ".github/actions/greet/action.yml": ACTION,
        ".github/actions/greet/data.txt": "data\n",
        ".github/actions/nested/action.yaml": NESTED,
        ".github/actions/node/action.yml": "runs: {using: node20, main: index.js}\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "First")
    git(folder, "tag", "v1")
    git(folder, "branch", "side")
    (folder / "README.md").write_text("second\n")
    git(folder, "commit", "--quiet", "-a", "-m", "Second")
    runner.head_sha = git(folder, "rev-parse", "HEAD")
    return folder


def job(steps):
    lines = "\n".join(f"      {line}" for line in steps.strip("\n").splitlines())
    return f"on: workflow_dispatch\njobs:\n  a:\n    runs-on: x\n    steps:\n{lines}\n"


async def test_checkout_brings_the_runs_commit(runner, repository):
    """The workspace holds the commit of the run, on its branch, with a history of one."""
    conclusion = await runner.run(
        job(
            """
- {id: c, uses: actions/checkout@v4}
- run: |
    cat README.md
    git rev-parse HEAD
    git branch --show-current
    git rev-list --count HEAD
    git status --porcelain
    echo "${{ steps.c.outputs.ref }} ${{ steps.c.outputs.commit }}"
"""
        )
    )
    seen = runner.recorder
    assert conclusion == "success", seen.text()
    sha = runner.head_sha
    assert seen.printed("a", 3) == ["second", sha, "main", "1", f"refs/heads/main {sha}"]
    assert seen.step_names["a"] == [
        "Set up job",
        "Run actions/checkout@v4",
        "Run cat README.md",
        "Post Run actions/checkout@v4",
        "Complete job",
    ]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        ("{ref: v1}", ["first"]),
        ("{ref: side}", ["first"]),
        ("{ref: refs/heads/side}", ["first"]),
        ("{fetch-depth: 0}", ["second", "2"]),
        ("{fetch-depth: '0', ref: main}", ["second", "2"]),
    ],
)
async def test_checkout_takes_other_refs_and_depths(runner, repository, arguments, printed):
    """Branches, tags and the whole history can be asked for."""
    await runner.run(
        job(
            f"- {{uses: actions/checkout@v4, with: {arguments}}}\n"
            "- run: cat README.md; git rev-list --count HEAD"
        )
    )
    assert runner.recorder.printed("a", 3)[: len(printed)] == printed, runner.recorder.text()


async def test_checkout_by_commit_into_a_folder(runner, repository):
    """An earlier commit can be checked out beside the run's own."""
    first = git(repository, "rev-parse", "v1")
    await runner.run(
        job(
            f"""
- uses: actions/checkout@v4
- {{uses: actions/checkout@8f4b7f84864484a7bf31766abe9204da3cbe65b3, with: {{ref: {first}, path: old}}}}
- run: cat README.md old/README.md
"""
        )
    )
    assert runner.recorder.printed("a", 4) == ["second", "first"], runner.recorder.text()


async def test_a_checkout_cannot_be_pushed(runner, repository):
    """Pushing from a step fails, and the repository is as it was."""
    before = git(repository, "show-ref")
    conclusion = await runner.run(
        job("- uses: actions/checkout@v4\n- run: git push origin HEAD:refs/heads/evil")
    )
    assert conclusion == "failure"
    assert git(repository, "show-ref") == before


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{uses: actions/checkout@v4, with: {repository: other/repo}}", "other/repo"),
        (
            "{uses: actions/checkout@v4, with: {ref: nowhere}}",
            "A branch or tag with the name 'nowhere' could not",
        ),
        ("{uses: actions/checkout@v4, with: {path: ../out}}", "is not under"),
        ("{uses: actions/setup-node@v4}", "the emulator has no stand-in for actions/setup-node@v4"),
        ("{uses: actions/checkout}", "Expected format {org}/{repo}[/path]@ref"),
        ("{uses: 'docker://alpine'}", "the emulator has no stand-in for docker://alpine"),
        ("{uses: ./.github/actions/none}", "Did you forget to run actions/checkout"),
        ("{uses: ./.github/actions/node}", "composite actions only, and this one is 'node20'"),
        ("{uses: ./../../../../served/octo/example/.github/actions/greet}", "Can't find 'action.yml'"),
    ],
)
async def test_what_cannot_be_done_fails_the_step_and_says_why(runner, repository, step, message):
    """No action is passed over silently."""
    assert await runner.run(job(f"- uses: actions/checkout@v4\n- {step}")) == "failure"
    assert message in runner.recorder.log_of("a", 3)[-1]


async def test_a_composite_action_has_inputs_outputs_and_steps_of_its_own(runner, repository):
    """Inputs with defaults, environment from around, outputs to the outside; nested as well."""
    conclusion = await runner.run(
        job(
            """
- uses: actions/checkout@v4
- {id: g, uses: ./.github/actions/greet, with: {WHO: you}, env: {OUTER: env}}
- run: echo "${{ steps.g.outputs.greeting }} ${{ steps.say.outputs.greeting }}."
- uses: ./.github/actions/nested
"""
        )
    )
    seen = runner.recorder
    assert conclusion == "success", seen.text()
    printed = seen.log_of("a", 3)
    assert "hello you from octo/example in env" in printed
    assert printed.count("data") == 2
    assert seen.printed("a", 4) == ["hello you ."]
    assert "got hello nested" in seen.log_of("a", 5)


async def test_a_failing_composite_action_fails_its_step(runner, repository):
    """The step around fails; inside, what always runs still runs and the rest does not."""
    conclusion = await runner.run(
        job("- uses: actions/checkout@v4\n- {uses: ./.github/actions/greet, with: {who: nobody, x: y}}")
    )
    log = runner.recorder.log_of("a", 3)
    assert conclusion == "failure"
    assert "##[error]Process completed with exit code 4." in log
    assert "after" not in log
    assert "cleaning" in log
    assert any("Unexpected input(s) 'x', valid inputs are ['who', 'from']" in line for line in log)


def entries(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


async def test_artifacts_go_from_job_to_job(runner):
    """What one job uploads another downloads; paths are relative to what the patterns share."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          make:
            runs-on: x
            steps:
              - run: |
                  mkdir -p out/sub; echo 1 > out/a.txt; echo 2 > out/sub/b.txt
                  echo 3 > out/c.log; echo 4 > out/.hid
              - uses: actions/upload-artifact@v4
                with:
                  name: both
                  path: |
                    out/**
                    !out/*.log
              - {uses: actions/upload-artifact@v4, with: {path: out/a.txt}}
              - id: u
                uses: actions/upload-artifact@v4
                with: {name: all, path: out, include-hidden-files: true}
              - run: echo ${{ steps.u.outputs.artifact-digest }}
          use:
            needs: make
            runs-on: x
            steps:
              - {uses: actions/download-artifact@v4, with: {name: both, path: in}}
              - {uses: actions/download-artifact@v4, with: {path: every}}
              - run: cat in/a.txt in/sub/b.txt every/artifact/a.txt
        """
    )
    seen = runner.recorder
    assert conclusion == "success", seen.text()
    assert entries(seen.artifacts["both"]) == {"a.txt": "1\n", "sub/b.txt": "2\n"}
    assert entries(seen.artifacts["artifact"]) == {"a.txt": "1\n"}
    assert sorted(entries(seen.artifacts["all"])) == [".hid", "a.txt", "c.log", "sub/b.txt"]
    assert len(seen.printed("make", 6)[0]) == 64
    assert seen.printed("use", 4) == ["1", "2", "1"]


async def test_an_artifact_depends_on_its_files_only(runner):
    """The same files make the same archive, byte by byte."""
    text = job(
        "- run: mkdir d; echo 1 > d/b; echo 2 > d/a\n- {uses: actions/upload-artifact@v4, with: {path: d}}"
    )
    await runner.run(text)
    first = runner.recorder.artifacts["artifact"]
    await runner.run(text)
    assert runner.recorder.artifacts["artifact"] == first


@pytest.mark.parametrize(
    ("arguments", "conclusion", "message"),
    [
        ("{path: none}", "success", "##[warning]No files were found with the provided path: none."),
        (
            "{path: none, if-no-files-found: ignore}",
            "success",
            "No files were found with the provided path: none.",
        ),
        ("{path: none, if-no-files-found: error}", "failure", "##[error]No files were found"),
        ("{path: none, if-no-files-found: maybe}", "failure", "Unrecognized if-no-files-found"),
        ("{path: f, name: a/b}", "failure", "Contains the following character:  Forward slash /"),
        ("{path: f, name: taken}", "failure", "(409) Conflict: an artifact with this name already exists"),
        ("{path: f, name: taken, overwrite: true}", "success", "successfully finalized"),
        ("{name: x}", "failure", "Input required and not supplied: path"),
        ("{path: /etc/passwd}", "success", "No files were found"),
        ("{path: link}", "success", "No files were found"),
    ],
)
async def test_uploads_that_find_nothing_or_may_not(runner, arguments, conclusion, message):
    """Missing files, taken names and files outside of the job are handled as the action does."""
    ended = await runner.run(
        job(
            "- run: echo 1 > f; ln -s /etc/passwd link\n"
            "- {uses: actions/upload-artifact@v4, with: {path: f, name: taken}}\n"
            f"- {{uses: actions/upload-artifact@v4, with: {arguments}}}"
        )
    )
    assert ended == conclusion
    assert any(message in line for line in runner.recorder.log_of("a", 4)), runner.recorder.log_of("a", 4)


async def test_a_missing_artifact_fails_the_download(runner):
    """A name that nothing was uploaded under is an error that names it."""
    assert await runner.run(job("- {uses: actions/download-artifact@v4, with: {name: none}}")) == "failure"
    assert "Artifact not found for name: none" in runner.recorder.text()


async def test_an_archive_cannot_write_outside(runner):
    """An artifact with a path that climbs out is refused."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../../../../../evil", "x")
    execution = runner.prepare(job("- {uses: actions/download-artifact@v4, with: {name: bad}}"))
    runner.recorder.artifacts["bad"] = packed.getvalue()
    assert await execution.run() == "failure"
    assert "lies outside of the folder" in runner.recorder.text()


@pytest.mark.parametrize(
    "step",
    [
        "{uses: actions/checkout@v4, with: {path: link}}",
        "{uses: actions/download-artifact@v4, with: {name: good, path: link}}",
    ],
)
async def test_a_link_leads_nothing_out_of_the_job(runner, repository, tmp_path, step):
    """Neither a clone nor an artifact is put where a step's link points."""
    outside = tmp_path / "outside"
    outside.mkdir()
    execution = runner.prepare(job(f"- run: ln -s {outside} link\n- {step}"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("f", "x")
    runner.recorder.artifacts["good"] = packed.getvalue()
    assert await execution.run() == "failure"
    assert "is not under" in runner.recorder.text()
    assert not list(outside.iterdir())


CALLED = """
on:
  workflow_call:
    inputs:
      who: {type: string, required: true}
      loud: {type: boolean, default: false}
    outputs:
      said: {value: "${{ jobs.say.outputs.said }}"}
jobs:
  say:
    runs-on: x
    outputs: {said: "${{ steps.s.outputs.said }}"}
    steps:
      - id: s
        run: echo "said=${{ inputs.loud && 'HI' || 'hi' }} ${{ inputs.who }}" >> $GITHUB_OUTPUT
  then: {needs: say, runs-on: x, steps: [{run: 'true'}]}
"""


@pytest.fixture
def called(runner, repository):
    folder = repository / ".github" / "workflows"
    folder.mkdir()
    (folder / "called.yml").write_text(CALLED)
    (folder / "loop.yml").write_text("on: workflow_call\njobs: {a: {uses: ./.github/workflows/loop.yml}}\n")
    (folder / "plain.yml").write_text("on: push\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "Third")
    runner.head_sha = git(repository, "rev-parse", "HEAD")


async def test_a_called_workflow_runs_as_part_of_the_run(runner, called):
    """A job may call a file of the repository, with inputs, outputs, conditions and a matrix."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          call: {uses: ./.github/workflows/called.yml, with: {who: "${{ github.actor }}", loud: true}}
          many:
            strategy: {matrix: {who: [a, b]}}
            uses: ./.github/workflows/called.yml
            with: {who: "${{ matrix.who }}"}
          after:
            needs: [call, many]
            runs-on: x
            steps: [{run: 'echo "${{ needs.call.outputs.said }}, ${{ needs.call.result }}"'}]
        """
    )
    seen = runner.recorder
    assert conclusion == "success", seen.text()
    assert sorted(seen.ends) == [
        "after",
        "call / say",
        "call / then",
        "many (a) / say",
        "many (a) / then",
        "many (b) / say",
        "many (b) / then",
    ]
    assert seen.printed("after", 2) == ["HI octocat, success"]
    assert seen.outputs["many (a) / say"] == {"said": "hi a"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("{uses: ./.github/workflows/none.yml}", "workflow was not found"),
        ("{uses: ./.github/workflows/plain.yml}", "missing a `on.workflow_call` trigger"),
        ("{uses: ./.github/workflows/loop.yml}", "calls itself"),
        ("{uses: o/r/.github/workflows/x.yml@v1}", "of the same repository only"),
        ("{uses: ./.github/workflows/called.yml}", "Input who is required, but not provided while calling."),
        ("{uses: ./.github/workflows/called.yml, with: {who: x, y: z}}", "Invalid input, y is not defined"),
        ("{uses: ./.github/workflows/called.yml, runs-on: x}", "Unexpected value 'runs-on'"),
    ],
)
async def test_a_call_that_cannot_be_made_is_a_startup_failure(runner, called, call, message):
    """A call is checked before anything runs."""
    assert await runner.run(f"on: workflow_dispatch\njobs: {{a: {call}}}") == "startup_failure"
    assert message in runner.last.startup_error
