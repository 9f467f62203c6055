"""Shows progress while a command waits: on a terminal, in a log, or as JSON lines."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from perdure.cli import _errors
from perdure.cli._progress import draw, line
from perdure.cli._shown import shown
from perdure.model.base import Model
from perdure.model.progress import ActionProgress, Note, NoteKind

_WORTH_A_LINE = {NoteKind.WARNING, NoteKind.DUPLICATE, NoteKind.RETRY, NoteKind.DECISION, NoteKind.RECONCILE}
_FRAMES_PER_SECOND = 8

_Progress = TypeVar("_Progress")
_Shown = TypeVar("_Shown", contravariant=True)


class View(AbstractContextManager[object], Protocol[_Shown]):
    """Shows what an action or a pipeline says of itself."""

    def show(self, progress: _Shown) -> None:
        """Show where it stands now."""

    def warn(self, text: str) -> None:
        """Warn of something besides, without disturbing what is shown."""
        _errors.show_warning(text)

    def say(self, text: str) -> None:
        """Say something besides, without disturbing what is shown."""
        _errors.say(text)


class TerminalView(View[_Progress], Generic[_Progress]):
    """Redraws in place, and leaves nothing behind: the result is printed afterwards."""

    def __init__(self, console: Console, draw: Callable[[_Progress, datetime], RenderableType]) -> None:
        self._draw = draw
        self._progress: _Progress | None = None
        self._live = Live(
            get_renderable=self._render,
            console=console,
            refresh_per_second=_FRAMES_PER_SECOND,
            transient=True,
        )

    def show(self, progress: _Progress) -> None:
        """Draw it from the next frame on."""
        self._progress = progress

    def warn(self, text: str) -> None:
        """Print it above the drawing."""
        self._live.console.print(Text(f"warning: {shown(text)}", style="yellow"))

    def say(self, text: str) -> None:
        """Print it above the drawing."""
        self._live.console.print(Text(shown(text)))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def _render(self) -> RenderableType:
        if self._progress is None:
            return ""
        return self._draw(self._progress, datetime.now(UTC))


class LineView(View[ActionProgress]):
    """Prints one line on stderr per change, for logs."""

    def __init__(self) -> None:
        self._last_line = ""
        self._last_note: Note | None = None

    def show(self, progress: ActionProgress) -> None:
        """Print what changed, if anything did."""
        for note in self._new_notes(progress.notes):
            if note.kind in _WORTH_A_LINE:
                _errors.say(f"{note.kind.value}: {note.text}")
        text = line(progress)
        if text != self._last_line:
            _errors.say(text)
        self._last_line = text

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave what was printed."""

    def _new_notes(self, notes: tuple[Note, ...]) -> tuple[Note, ...]:
        # Old notes are dropped in the end, so their number says nothing.
        seen = notes.index(self._last_note) + 1 if self._last_note in notes else 0
        self._last_note = notes[-1] if notes else None
        return notes[seen:]


class JsonView(View[Model]):
    """Prints one JSON object a line on stdout, for programs."""

    def show(self, progress: Model) -> None:
        """Print it as a line."""
        typer.echo(progress.model_dump_json())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave what was printed."""


def terminal() -> Console | None:
    """Return the terminal that stderr is, if it is one that can be redrawn."""
    console = Console(stderr=True)
    return console if console.is_terminal and not console.is_dumb_terminal else None


def choose_view(*, temporal_url: str | None) -> View[ActionProgress]:
    """Return the view of an action for people that fits stderr."""
    console = terminal()
    if console is None:
        return LineView()
    return TerminalView[ActionProgress](
        console, lambda progress, now: draw(progress, now=now, temporal_url=temporal_url)
    )
