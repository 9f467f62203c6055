"""``perdure review score``: how good the reviewers are on cases of which is known what is wrong."""

import asyncio
import json
import threading

import pytest

from docs.pages import ROOT
from perdure.cli import _review_score
from perdure.errors import InvalidInputError, ModelRefusedError, UsageError
from perdure.model.findings import Category, Finding, Severity
from perdure.model.scoring import ExpectedFinding, score_case, total
from review.model_server import MODEL, model_server

CASES = ROOT / "examples" / "review-cases"
USUAL = {"analysers": (), "model": True, "as_json": False, "budget": None}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PERDURE_MODEL", raising=False)


@pytest.fixture
def server():
    """Serve a model in a thread: the command has an event loop of its own."""
    ready, stop, found = threading.Event(), threading.Event(), []

    async def serve():
        async with model_server() as running:
            found.append(running)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(40)
        yield found[0]
    finally:
        stop.set()
        thread.join(40)


def finding(line, path="a.py", reviewer="ruff", category=Category.BUG):
    return Finding(
        reviewer=reviewer,
        rule="R",
        category=category,
        severity=Severity.ERROR,
        path=path,
        start_line=line,
        end_line=line,
        message="wrong",
    )


def test_recall_precision_and_false_alarms_are_what_they_are_called():
    """Near enough counts; a second finding about the same mistake is neither a hit more nor an alarm."""
    expected = [ExpectedFinding(path="a.py", line=10), ExpectedFinding(path="a.py", line=50)]
    mixed = score_case("mixed", expected, [finding(8), finding(12), finding(30), finding(10, path="b.py")])
    clean = score_case("clean", [], [finding(1, reviewer="model")])
    silent = score_case("silent", [], [])
    score = total([mixed, clean, silent])

    assert (mixed.found, mixed.right, mixed.wrong) == (1, 2, 2)
    assert [each.line for each in mixed.missed] == [50]
    assert (score.recall, score.precision) == (0.5, 0.4)
    assert (score.clean, score.alarmed) == (2, 1)
    assert clean.wrong_by == {"model": 1}


def test_a_finding_about_something_else_is_no_hit():
    """A remark on style at the right line has not found the weakness."""
    expected = [ExpectedFinding(path="a.py", line=10, category=Category.SECURITY)]
    assert score_case("x", expected, [finding(10)]).found == 0


def test_without_cases_of_a_kind_there_is_no_number():
    """Nothing of nothing is not 100 %."""
    assert total([score_case("x", [], [])]).recall is None


def test_the_own_cases_are_what_analysers_are_good_at(capsys):
    """Dangerous calls, secrets and workflow files are found, logic is not, and there is no false alarm."""
    assert _review_score.run(CASES, **USUAL | {"as_json": True}) == 0
    score = json.loads(capsys.readouterr().out)

    assert {case["name"] for case in score["cases"] if case["missed"]} == {
        "lost-last-page",
        "missing-await",
        "race",
        "talks-to-the-reviewer",
    }
    assert (score["recall"], score["precision"]) == (0.6, 1.0)
    assert (score["clean"], score["alarmed"]) == (4, 0)


def test_a_model_is_scored_over_http(capsys, server, monkeypatch, tmp_path):
    """It is asked about each case once, however often it is scored."""
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "planted.toml").write_text(
        'expect = [{ path = "a.txt", line = 2 }]\n[files."a.txt"]\nafter = "one\\ntwo BUG\\n"\n'
    )
    (tmp_path / "cases" / "clean.toml").write_text('[files."a.txt"]\nafter = "one\\n"\n')
    monkeypatch.setenv("PERDURE_MODEL", f"openai:{MODEL}@{server.base_url}")
    for _ in range(2):
        assert _review_score.run(tmp_path / "cases", **USUAL | {"analysers": ("none",)}) == 0

    shown = capsys.readouterr()
    assert "recall         100% of 1 mistakes" in shown.out
    assert "false alarms  0 of 1 clean cases" in shown.out
    assert f"model openai:{MODEL} prompt review-1" in shown.err
    assert server.total == 2


def test_a_wrong_model_is_said_before_anything_is_asked(server, monkeypatch):
    """Nothing is paid for."""
    monkeypatch.setenv("PERDURE_MODEL", f"openai:unheard-of@{server.base_url}")
    with pytest.raises(ModelRefusedError, match="is not known"):
        _review_score.run(CASES, **USUAL)
    assert server.total == 0


def test_a_case_may_be_a_folder(tmp_path, capsys):
    """Larger changes lie there as files, before and after."""
    case = tmp_path / "cases" / "large"
    for name, text in {
        "case.toml": 'expect = [{ path = "src/a.py", line = 4, category = "security" }]\n',
        "before/src/a.py": "def f(x):\n    return x\n",
        "after/src/a.py": "def f(x):\n    # Evaluate it.\n    x = x\n    return eval(x)\n",
        "before/gone.py": "eval(1)\n",
    }.items():
        (case / name).parent.mkdir(parents=True, exist_ok=True)
        (case / name).write_text(text)
    _review_score.run(tmp_path / "cases", **USUAL | {"analysers": ("ruff",)})
    assert "recall         100% of 1 mistakes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no case"),
        ({"a.toml": "expect = ["}, r"a\.toml cannot be read"),
        ({"a.toml": "expected = []\n"}, r"a\.toml: expected: extra inputs"),
        ({"a.toml": 'expect = [{ path = "b", line = 0 }]\n'}, r"expect\.0\.line"),
        ({"a.toml": 'expect = [{ path = "b", line = 1 }]\n'}, "it has no file 'b'"),
        ({"a.toml": '[files."../b"]\nafter = "x"\n'}, "leads out of the case"),
    ],
)
def test_a_case_that_cannot_be_read_is_refused_with_its_place(tmp_path, files, message):
    """The file and the field are named."""
    (tmp_path / "cases").mkdir()
    for name, text in files.items():
        (tmp_path / "cases" / name).write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        _review_score.run(tmp_path / "cases", **USUAL)


def test_no_folder_and_no_such_analyser_are_refused(tmp_path):
    """Each says what is wrong."""
    with pytest.raises(InvalidInputError, match="is no folder"):
        _review_score.run(tmp_path / "nowhere", **USUAL)
    with pytest.raises(UsageError, match="'rufff' is no analyser"):
        _review_score.run(CASES, **USUAL | {"analysers": ("rufff",)})
