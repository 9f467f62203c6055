"""The doctor on workflow files of many shapes."""

import re

import pytest

from perdure.emulator.execution import WorkflowFile
from perdure.github.workflow_file import read_workflow_file
from perdure.model.dispatch import Correlation
from perdure.workflow_file import mend
from perdure.workflow_file.conditions import bare
from workflow_file.corpus import FILES, RULES, WITH_STEP, differences, is_within, loaded, mended, text_of

# What only a person can mend; a step cannot be added where steps are written in one line.
FOR_A_PERSON = {"unsafe-to-repeat", "no-dispatch-step"}
INPUT = re.compile(r" *dispatch_id:\s+description: Set by Perdure\s+type: string(?:\r?\n|$)")


@pytest.mark.parametrize("rules", [RULES, WITH_STEP], ids=["plain", "with-step"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_second_time_changes_nothing(file, rules):
    """What is mended stays as it is, and nothing that could be mended is left."""
    once = mended(file, rules)
    twice = mend(file.name, once.after, rules)

    assert once.refused is None
    assert twice.after == once.after
    assert not any(each.mended for each in twice.findings)
    assert {each.rule.value for each in once.left} <= FOR_A_PERSON


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_lines_that_nobody_touched_stay_as_they_are(file):
    """Text is only added, but for the few characters that turn a list of events into a mapping."""
    before = text_of(file)
    after = mended(file, WITH_STEP).after
    events = before[: before.find("jobs:")] if before.find("jobs:") > before.find("on") else before

    if is_within(before, after):
        return
    # The characters that go are those of `on: [...]`, `- ` and `null`: everything else is still there.
    assert "on" in events
    lines = after.splitlines(keepends=True)
    gone = [line for line in before.splitlines(keepends=True) if line not in lines]
    jobs = before.find("\njobs:")
    assert all(before.find(line) < jobs or "workflow_dispatch" in line for line in gone if "if" not in line)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_comments_stay_with_what_they_explain(file):
    """The next line of the file that is not new is the same after each comment."""
    before = text_of(file)
    after = INPUT.sub("", mended(file, WITH_STEP).after)

    assert explained(before) == [pair for pair in explained(after) if pair[0] in dict(explained(before))]


def explained(text):
    """Return each comment on a line of its own with the first word below it."""
    lines = text.split("\n")
    pairs = []
    for place, line in enumerate(lines):
        if line.strip().startswith("#"):
            below = [each.split() for each in lines[place + 1 :] if each.strip() and each.strip()[0] != "#"]
            words = [word for word in (below[0] if below else []) if word not in {"-", "if:"}]
            pairs.append((line.strip(), words[:1]))
    return pairs


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_everything_else_means_the_same(file):
    """Only guards, the dispatch id and what shows it differ when both files are loaded."""
    before = text_of(file)
    after = mended(file, RULES).after
    old, new = loaded(before), loaded(after)

    for path, was, now in differences(old, new):
        match path:
            case ("run-name",):
                assert "inputs.dispatch_id" in now
                assert (was or "").rstrip("\n") in now
            case ("on",):
                names = [was] if isinstance(was, str) else list(was)
                assert list(now) == names
            case ("on", "workflow_dispatch", *rest):
                assert rest in ([], ["inputs"], ["inputs", "dispatch_id"])
                assert "dispatch_id" in str(now) or rest
            case ("jobs", *_, "if"):
                assert "vars.PERDURE_LIVE == 'true'" in now
                assert (
                    "".join(bare(str(was or "")).split()).strip("()").lower() in "".join(now.split()).lower()
                )
            case _:
                pytest.fail(f"{path} was {was!r} and is {now!r}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_result_is_still_a_workflow_file(file):
    """The emulated GitHub takes it as it took it before, and a run of it is found by its dispatch id."""
    after = mended(file, WITH_STEP).after
    facts = read_workflow_file(after)

    WorkflowFile.parse(text_of(file).removeprefix("\ufeff"))
    WorkflowFile.parse(after.removeprefix("\ufeff"))
    if facts.dispatch_inputs is not None:
        assert facts.takes_dispatch_id
        assert facts.correlation is Correlation.RUN_NAME


def test_there_are_many_shapes():
    """A hundred files and more, with every kind of line end, and all but a few need something."""
    texts = [text_of(file) for file in FILES]
    changed = [file.stem for file in FILES if mended(file, RULES).is_changed]

    assert len(FILES) >= 100
    assert sum("\r\n" in text for text in texts) >= 15
    assert sum(text.startswith("\ufeff") for text in texts) >= 8
    assert sum(not text.endswith("\n") for text in texts) >= 12
    assert len(changed) > 90
