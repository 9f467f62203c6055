"""The commands that pages tell people to type."""

import re
import shlex
from collections.abc import Iterator

from docs.pages import PAGES, fences, name_of, prose_of

_BETWEEN = {"|", "||", "&&", ";", "&"}
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_INLINE = re.compile(r"`((?:[A-Z_]+=\S* )*perdure [^`]+)`")


def typed() -> Iterator[tuple[str, list[str]]]:
    """Yield where each command in a fence stands, and its words without assignments before them."""
    for fence in fences("sh", "console"):
        for line in _typed(fence):
            for words in _parts(line):
                yield f"{fence}: {shlex.join(words)}", words


def mentioned() -> Iterator[tuple[str, list[str]]]:
    """Yield the same for Perdure's commands in a sentence, where arguments may be left out."""
    for page in PAGES:
        for found in _INLINE.finditer(prose_of(page)):
            for words in _parts(found[1]):
                yield f"{name_of(page)}: {shlex.join(words)}", words


def _typed(fence):
    """Yield the lines that are typed: in ``console`` what follows a prompt, in ``sh`` all of them."""
    text = fence.text.replace("\\\n", " ")
    for line in text.splitlines():
        if fence.language == "sh":
            yield line
        elif line.startswith("$ "):
            yield line[2:]


def _parts(line):
    """Split a line into its commands, as a shell does."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    words = []
    for word in [*lexer, ";"]:
        if word not in _BETWEEN:
            words.append(word)
            continue
        while words and _ASSIGNMENT.fullmatch(words[0]):
            words.pop(0)
        if ">" in words:
            # Where the output goes is the shell's, not the command's.
            del words[words.index(">") :]
        if words:
            yield words
        words = []
