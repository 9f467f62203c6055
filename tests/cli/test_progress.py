import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from perdure.cli._progress import draw, line
from perdure.cli._views import LineView
from perdure.model.actions import ActionsRun
from perdure.model.progress import ActionProgress, Note, NoteKind, Stage

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
URL = "https://github.com/acme/library/actions/runs/17"
RUN = ActionsRun(repository="acme/library", actions_run_id=17, status="in_progress", html_url=URL)
RUNNING = ActionProgress(
    repository="acme/library",
    workflow_file="release.yml",
    ref="main",
    dispatch_id="pdabc",
    stage=Stage.RUNNING,
    waiting_on="github",
    actions_run=RUN,
    queued_at=NOW - timedelta(minutes=5),
    running_since=NOW - timedelta(seconds=72),
    notes=(Note(at=NOW, kind=NoteKind.WARNING, text="the second run was cancelled"),),
)


def drawn(progress, **options):
    console = Console(file=io.StringIO(), width=120, **options)
    console.print(draw(progress, now=NOW, temporal_url="http://127.0.0.1:8233/x"))
    return console.file.getvalue()


def test_a_running_action_shows_stage_time_status_and_both_urls():
    """Everything a person needs while waiting is on the screen."""
    text = drawn(RUNNING)
    for part in (
        "acme/library release.yml @ main · running, waiting on GitHub · 1m 12s",
        "in_progress",
        URL,
        "pdabc",
        "http://127.0.0.1:8233/x",
        "the second run was cancelled",
    ):
        assert part in text


def test_text_from_github_is_never_taken_for_markup():
    """A branch called [red] or an escape in a name is shown, not obeyed."""
    assert "@ [red]x" in drawn(RUNNING.model_copy(update={"ref": "[red]x"}))


def test_no_colour_is_drawn_where_nobody_wants_it(monkeypatch):
    """NO_COLOR is respected."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in drawn(RUNNING, force_terminal=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"acme/library release.yml @ main: running, waiting on GitHub, {URL}"),
        (
            {"actions_run": None, "stage": Stage.DISPATCHING, "waiting_on": ""},
            "acme/library release.yml @ main: dispatching",
        ),
        (
            {
                "stage": Stage.DONE,
                "waiting_on": "",
                "actions_run": RUN.model_copy(
                    update={"status": "completed", "conclusion": "failure", "actions_run_attempt": 2}
                ),
            },
            f"acme/library release.yml @ main: done, completed failure (attempt 2), {URL}",
        ),
    ],
)
def test_a_line_says_where_the_action_stands(changes, expected):
    """A log without a terminal gets whole sentences, one for each change."""
    assert line(RUNNING.model_copy(update=changes)) == expected


def test_a_log_gets_one_line_for_each_change(capsys):
    """What did not change is not repeated, and each note is told once."""
    view = LineView()
    more = Note(at=NOW + timedelta(seconds=1), kind=NoteKind.RETRY, text="attempt 1 of 2 ended: failed")
    with view:
        view.show(RUNNING)
        view.show(RUNNING)
        view.show(RUNNING.model_copy(update={"notes": (*RUNNING.notes, more)}))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "warning: the second run was cancelled",
        line(RUNNING),
        "retry: attempt 1 of 2 ended: failed",
    ]
