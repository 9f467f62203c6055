"""Text of hostile origin as Markdown that only shows it.

What reviewers say of a change may quote the change, and its author may have written it for this: to mention a
thousand people, to load an image that tells who reads, to lead elsewhere, or to forge the hidden marks by
which Perdure knows its own comments. So nothing of it is markup but code spans, in which GitHub interprets
nothing: https://github.github.com/gfm/#code-spans
"""

import re
import unicodedata
from collections.abc import Callable

BREAK = "\u200b"
"""Has no width: what stands around it is no mention, no reference and no address any more."""

_CODE_SPAN = re.compile(r"`([^`\n]*[^`\s][^`\n]*)`")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+.!|~$:>-])")
_LIVE = re.compile(r"(?<=@)|(?<=#)|(?<=GH-)(?=\d)|(?<=://)|(?<=www\.)", re.IGNORECASE)
"""After what makes mentions and mail, references to issues, and addresses."""

_HASH = re.compile(r"\b[0-9a-f]{7,40}\b", re.IGNORECASE)
"""What GitHub takes for a commit, from seven digits on."""

_RUNS = re.compile(r"`+")
_BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
# The whole of a secret, as far as its kind shows it: shapes that nothing else has.
_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\bgh[pousr]_[A-Za-z0-9_.-]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bsk-[\w-]{20,}|\b[sr]k_live_[A-Za-z0-9]{16,}"
    r"|\bxox[abeprs]-[A-Za-z0-9-]{10,}"
    r"|\bAIza[\w-]{35}|\bya29\.[\w-]{20,}"
    r"|\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{40,}|\bSG\.[\w-]{20,}\.[\w-]{20,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|(?<=://)[^\s/:@]{1,100}:[^\s/@]{3,100}(?=@)",
    re.DOTALL,
)
WITHHELD = "[withheld]"

Redact = Callable[[str], str]


def redact(text: str) -> str:
    """Return a text without the secrets whose kind can be told by their form."""
    return _SECRETS.sub(WITHHELD, text)


def shown(text: str, *, limit: int = 4_000) -> str:
    """Return Markdown that shows a text and does nothing else. Code spans stay, line breaks become spaces."""
    words = " ".join(_printable(text).split())
    if len(words) > limit:
        words = f"{words[:limit]}…"
    parts: list[str] = []
    end = 0
    for match in _CODE_SPAN.finditer(words):
        parts += [_escaped(words[end : match.start()]), f"`{match[1]}`"]
        end = match.end()
    parts.append(_escaped(words[end:]))
    # Two spans side by side would be read as one with other borders.
    return re.sub(r"(?<=`)(?=`)", BREAK, "".join(parts)) if "``" in "".join(parts) else "".join(parts)


def code(text: str, *, limit: int = 200) -> str:
    """Return a code span that shows a name or path."""
    words = " ".join(_printable(text).split()).replace("`", "'")[:limit]
    return f"`{words}`" if words else ""


def fenced(text: str, kind: str) -> str:
    """Return a fenced block whose end no line of the text can be."""
    longest = max((len(run) for run in _RUNS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text if text.endswith(chr(10)) or not text else text + chr(10)}{fence}"


def _escaped(text: str) -> str:
    marked = _LIVE.sub(BREAK, text.replace("&", "&amp;").replace("<", "&lt;"))
    marked = _HASH.sub(lambda match: BREAK.join(re.findall(".{1,6}", match[0])), marked)
    return _MARKUP.sub(r"\\\1", marked)


def _printable(text: str) -> str:
    return "".join(
        each
        for each in text
        if each in "\n\t" or not (each in _BIDI or unicodedata.category(each) in {"Cc", "Cs", "Co"})
    )
