"""What the guide on safe Actions shows is what the doctor asks for."""

import pytest

from docs.pages import ROOT, fences
from perdure.workflow_file import DoctorRules, Rule, mend

PAGE = ROOT / "docs" / "guides" / "safe-to-repeat-actions.md"
EXAMPLES = [fence for fence in fences("yaml") if fence.page == PAGE]
JOB = "on: workflow_call\njobs:\n  shown_elsewhere:\n    runs-on: ubuntu-latest\n"


def whole(text):
    """Return a workflow file with what is shown in it."""
    if text.startswith("steps:"):
        return JOB + "".join(f"    {line}\n" for line in text.splitlines())
    return "on: [push, repository_dispatch]\n" + text if text.startswith("jobs:") else text


@pytest.mark.parametrize("fence", EXAMPLES, ids=str)
def test_the_doctor_finds_nothing_in_what_the_guide_shows(fence):
    """Each example, whole or put into a job, is as safe as the guide says."""
    assert mend("example.yml", whole(fence.text), DoctorRules()).findings == ()


@pytest.mark.parametrize("fence", EXAMPLES[:3], ids=str)
def test_the_doctor_would_have_noticed(fence):
    """Without its guard the same example is a finding."""
    text = whole(fence.text).replace("if: vars.PERDURE_LIVE == 'true'", "if: success()")
    text = text.replace(" && vars.PERDURE_LIVE == 'true'", "")

    assert Rule.UNGUARDED in [each.rule for each in mend("example.yml", text, DoctorRules()).findings]


@pytest.mark.parametrize(
    "file", sorted((ROOT / "examples").rglob(".github/workflows/*.yml")), ids=lambda file: file.stem
)
def test_the_examples_of_this_project_lack_nothing(file):
    """What people copy passes the doctor."""
    assert mend(file.name, file.read_text(encoding="utf-8"), DoctorRules()).findings == ()


def test_there_are_examples():
    """The page is found, and shows what it explains."""
    assert len(EXAMPLES) >= 4
