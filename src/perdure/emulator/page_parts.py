"""What several pages show: states, instants, and text that people wrote."""

import re
from datetime import datetime
from html import escape

_SYMBOLS = {
    "success": "✓",
    "failure": "✗",
    "startup_failure": "✗",
    "timed_out": "✗",
    "cancelled": "⊘",
    "skipped": "⊘",
    "in_progress": "●",
}
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*|\\([!-/:-@\[-`{-~])|&(?:amp|lt|gt);|\[`([^`]+)`\]\([^()\s]*\)")


def icon(status: str, conclusion: str | None) -> str:
    """Return the symbol of a state."""
    state = conclusion or status
    return f'<i class="icon {escape(state)}" title="{escape(state)}">{_SYMBOLS.get(state, "○")}</i>'


def shown_time(at: datetime) -> str:
    """Return an instant."""
    return f'<time datetime="{at.isoformat()}">{at:%Y-%m-%d %H:%M:%S} UTC</time>'


def span_of(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took; nothing while it goes on."""
    if start is None or end is None:
        return ""
    minutes, seconds = divmod(round((end - start).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours}h {minutes}m {seconds}s" if hours else f"{minutes}m {seconds}s" if minutes else f"{seconds}s"
    )


def markdown(text: str) -> str:
    """Return a text as GitHub shows it, roughly: code, bold, blocks, lines; nothing in it leads anywhere."""
    rest = _COMMENT.sub("", text).strip()
    found, end = [], 0
    for fence in _FENCE.finditer(rest):
        found.append(_lines(rest[end : fence.start()]))
        found.append(f"<pre>{escape(fence[3])}</pre>")
        end = fence.end()
    return "".join([*found, _lines(rest[end:])])


def _lines(text: str) -> str:
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    return "".join(f"<p>{_inline(part).replace(chr(10), '<br>')}</p>" for part in paragraphs)


def _inline(text: str) -> str:
    found, end = [], 0
    for match in _INLINE.finditer(text):
        found += [escape(text[end : match.start()]), _piece(match)]
        end = match.end()
    return "".join([*found, escape(text[end:])])


def _piece(match: re.Match[str]) -> str:
    code, bold, escaped, linked = match.groups()
    if code or linked:
        return f"<code>{escape(code or linked)}</code>"
    if bold:
        return f"<b>{_inline(bold)}</b>"
    return escape(escaped) if escaped else match[0]
