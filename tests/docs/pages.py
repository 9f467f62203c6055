"""The pages that people read, and the fences in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    }
)
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Fence:
    """A block of code on a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{name_of(self.page)}:{self.line}"


def name_of(page):
    """Name a page as a person would."""
    return page.relative_to(ROOT).as_posix()


def fences(*languages):
    """Return the fences in these languages, without the indentation that a list gives them."""
    return [fence for page in PAGES for fence in _fences_of(page) if fence.language in languages]


def prose_of(page):
    """Return a page without its fences."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _fences_of(page):
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        indent, language, content = found.groups()
        lines = [line.removeprefix(indent) for line in content.splitlines(keepends=True)]
        yield Fence(page, text[: found.start()].count("\n") + 1, language, "".join(lines))
