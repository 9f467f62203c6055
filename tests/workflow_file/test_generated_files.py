"""The doctor on workflow files that nobody wrote."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.workflow_file import DoctorRules, mend
from perdure.workflow_file.shell import commands_of
from workflow_file.corpus import differences, is_within, loaded

RULES = DoctorRules(with_step=True)
NAMES = st.sampled_from(["build", "deploy", "a-b", "Größe", "x1", "'quoted'"])
SCRIPTS = st.sampled_from(
    [
        "git push",
        "npm publish # now",
        "make test",
        '"npm publish"',
        "'git push'",
        "|\n{i}  git push\n{i}  echo\n",
        ">-\n{i}  gh release create\n{i}  v1\n",
        "|+\n{i}  twine upload dist/*\n\n",
        "echo git push",
        "",
    ]
)
CONDITIONS = st.sampled_from(
    [
        "always()",
        "a || b",
        "${{ a || b }}",
        '"!a || b"',
        "'x == ''y'' || b'",
        "vars.PERDURE_LIVE == 'true'",
        "|\n{i}  a ||\n{i}  b\n",
        ">-\n{i}  ${{ a\n{i}  && b }}\n",
        "${{ a }} || b",
        "a # why",
        "(a) || (b)",
    ]
)
EVENTS = st.sampled_from(
    [
        "push",
        "workflow_dispatch",
        "[push, workflow_dispatch]",
        "{workflow_dispatch: , push: {branches: [main]}}",
        "\n  workflow_dispatch:",
        "\n  - push\n  - workflow_dispatch",
        "\n- workflow_dispatch # by hand\n- create",
        "\n  workflow_dispatch:\n    inputs:\n      a: {type: string}\n      # b:\n  push:",
        "pull_request",
        "\n    workflow_dispatch:\n        inputs:\n            a:\n                type: string",
    ]
)
COMMENTS = st.sampled_from(["", "", "# why\n", "\n", "   # on its own\n\n"])


@st.composite
def steps(draw, indent):
    keys = draw(
        st.permutations(["run", *draw(st.lists(st.sampled_from(["name", "if", "env", "id"]), unique=True))])
    )
    lines = []
    for key in keys:
        value = {
            "run": draw(SCRIPTS),
            "if": draw(CONDITIONS),
            "name": draw(NAMES),
            "id": "x",
            "env": draw(st.sampled_from(["{A: b}", "\n{i}  A: b  # c"])),
        }[key]
        lines.append(f"{key}: {value}".replace("{i}", indent + "  ").rstrip("\n"))
    return draw(COMMENTS) + f"{indent}- " + f"\n{indent}  ".join(lines) + "\n"


@st.composite
def files(draw):
    jobs = ""
    for number in range(draw(st.integers(1, 3))):
        condition = f"    if: {draw(CONDITIONS)}\n".replace("{i}", "    ") if draw(st.booleans()) else ""
        needs = "    needs: j0\n" if number and draw(st.booleans()) else ""
        indent = draw(st.sampled_from(["    ", "      ", "        "]))
        inner = "".join(draw(st.lists(steps(indent), min_size=1, max_size=3)))
        jobs += f"{draw(COMMENTS)}  j{number}:\n{condition}{needs}    runs-on: x\n    steps:\n{inner}"
    name = f"name: {draw(NAMES)}\n" if draw(st.booleans()) else ""
    text = f"{draw(COMMENTS)}{name}on: {draw(EVENTS)}\njobs:\n{jobs}"
    text = draw(st.sampled_from(["", "\ufeff"])) + text.rstrip("\n") + draw(st.sampled_from(["\n", ""]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@given(files())
@settings(max_examples=60, deadline=None)
def test_untouched_text_stays_and_a_second_time_changes_nothing(text):
    """Whatever the file looks like: text is added, and means the same elsewhere; nothing is mended twice."""
    mended = mend("a.yml", text, RULES)

    assert mended.refused is None
    jobs = re.search(r"\njobs:", text).start()
    assert is_within(text[jobs:], mended.after)
    for path, was, now in differences(loaded(text), loaded(mended.after)):
        if path[-1] == "if":
            assert "vars.PERDURE_LIVE == 'true'" in now
        elif path[-1] == "steps":
            assert now[0]["name"].startswith("Dispatch ")
            assert len(now) == len(was) + 1
        else:
            assert path[0] in {"on", "run-name"}
    assert mend("a.yml", mended.after, RULES).after == mended.after


@given(st.text(alphabet="ab'\"`$(){}|&;<>#\\ \n\tE-", max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_read_as_a_script(text):
    """The reader of scripts ends, and never fails."""
    for command in commands_of(text):
        assert command.words
        assert 0 <= command.line <= text.count("\n")
