"""The commands of a shell script, as far as they can be known without running it.

Quoted text, comments and here-documents hold no commands: ``echo "git push"`` is no push. ``$( )`` and
backticks do. What a variable holds is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKENS: Final = re.compile(
    r"""
    (?P<expression>\$\{\{.{0,500}?\}\})
  | (?P<heredoc><<-?[ ]*(?P<quote>['"]?)(?P<mark>\w+)(?P=quote))
  | (?P<joined>\\\r?\n)
  | (?P<escaped>\\.)
  | (?P<single>'[^']*')
  | (?P<inner>\$\(|`|\))
  | (?P<double>")
  | (?P<newline>\r?\n)
  | (?P<separator>&&|\|\||;;|[;|&(])
  | (?P<space>[ \t]+)
  | (?P<comment>\#[^\n]*)
  | (?P<other>[^\s'"\\;|&()`$\#<]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROL: Final = frozenset(
    {"if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "exec", "command", "builtin",
     "nohup", "npx", "bunx", "uvx", "exec:", "retry", "winpty", "call"}
)  # fmt: skip
_PREFIXES: Final = {
    ("sudo",): 0, ("env",): 0, ("nice",): 0, ("xargs",): 0, ("timeout",): 1,
    ("uv", "run"): 0, ("poetry", "run"): 0, ("pdm", "run"): 0, ("hatch", "run"): 0, ("pipx", "run"): 0,
    ("bundle", "exec"): 0, ("pnpm", "dlx"): 0, ("pnpm", "exec"): 0, ("yarn", "dlx"): 0, ("npm", "exec"): 0,
    ("python", "-m"): 0, ("python3", "-m"): 0, ("py", "-m"): 0,
}  # fmt: skip
_VALUED: Final = frozenset(
    {"-u", "-n", "-I", "-P", "-p", "--package", "--with", "--signal", "-k", "-L", "-s"}
)
_DEEPEST: Final = 50
_ENDS_COMMAND: Final = frozenset({"newline", "separator"})
_TEXT_IN_QUOTES: Final = frozenset({"single", "comment", "heredoc"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=.*", re.DOTALL)
_SHELLS: Final = frozenset({"bash", "sh", "zsh", "dash", "eval"})


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        words: The program's bare name, and its arguments without quotes.
        line: Of the script, from 0.
    """

    words: tuple[str, ...]
    line: int

    @property
    def program(self) -> str:
        """The program's bare name."""
        return self.words[0]


def commands_of(script: str, *, depth: int = 0) -> Iterator[Command]:
    """Yield the commands of a script, those inside of substitutions too."""
    for words, line in _Splitter(script).split():
        stripped = _without_prefixes(words)
        if not stripped:
            continue
        program = re.split(r"[/\\]", stripped[0])[-1].removesuffix(".exe").removesuffix(".cmd")
        arguments = stripped[1:]
        if program in _SHELLS and depth < 3:
            inner = _inner_script(program, arguments)
            if inner is not None:
                yield from (
                    Command(each.words, line + each.line) for each in commands_of(inner, depth=depth + 1)
                )
                continue
        yield Command((_plain_name(program), *arguments), line)


def _inner_script(program: str, arguments: list[str]) -> str | None:
    if program == "eval":
        return " ".join(arguments)
    for place, word in enumerate(arguments[:-1]):
        if re.fullmatch(r"-[a-z]*c", word):
            return arguments[place + 1]
    return None


def _plain_name(program: str) -> str:
    return {"gradlew": "gradle", "gradlew.bat": "gradle", "mvnw": "mvn", "tofu": "terraform"}.get(
        program, program
    )


def _without_prefixes(words: list[str]) -> list[str]:
    """Leave out what stands before a command: keywords, variables, programs that run another one."""
    while words:
        if words[0] in _CONTROL or _ASSIGNMENT.fullmatch(words[0]):
            words = words[1:]
            if words and words[0].startswith("-"):
                words = _without_options(words)
            continue
        found = next((prefix for prefix in _PREFIXES if tuple(words[: len(prefix)]) == prefix), None)
        if found is None:
            return words
        words = _without_options(words[len(found) :])[_PREFIXES[found] :]
    return words


def _without_options(words: list[str]) -> list[str]:
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in _VALUED else words[1:]
    return words


class _Words:
    """The words of the command that is being read."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.done: list[str] = []
        self.open: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.done and self.open is None

    def add(self, text: str) -> None:
        self.open = (self.open or "") + text

    def close(self) -> list[str]:
        if self.open is not None:
            self.done.append(self.open)
        self.open = None
        return self.done


class _Splitter:
    """Cuts a script up. A substitution is a command of its own, and leaves ``$()`` in the word around it."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._at = 0
        self._line = 0
        self._heredocs: list[str] = []
        self._found: list[tuple[list[str], int]] = []
        self._depth = 0

    def split(self) -> list[tuple[list[str], int]]:
        """Return the words of each command, and its line."""
        while self._at < len(self._script):
            self._command_list(ends=None)
        return sorted(self._found, key=lambda each: each[1])

    def _command_list(self, ends: str | None) -> None:
        words = _Words(self._line)
        while (found := _TOKENS.match(self._script, self._at)) is not None:
            if words.is_empty:
                words.line = self._line
            self._advance(found)
            kind = _kind(found, in_word=words.open is not None)
            if kind == "inner" and found[0] == ends:
                break
            if kind in _ENDS_COMMAND or (kind == "inner" and found[0] == ")"):
                self._keep(words)
                words = _Words(self._line)
                if kind == "newline":
                    self._skip_heredocs()
            else:
                self._take(words, kind, found)
        self._keep(words)

    def _take(self, words: _Words, kind: str, found: re.Match[str]) -> None:
        match kind:
            case "expression" | "other":
                words.add(found[0])
            case "escaped":
                words.add(found[0][1:])
            case "single":
                words.add(found[0][1:-1])
            case "double":
                words.add(self._double_quoted())
            case "inner":
                self._substitution(found[0])
                words.add("$()")
            case "heredoc":
                self._heredocs.append(found["mark"])
            case "space" | "joined":
                words.close()

    def _substitution(self, opened: str) -> None:
        # Nobody nests deeper but to stop a reader: what stands there is read as if it were outside.
        if self._depth < _DEEPEST:
            self._depth += 1
            self._command_list(ends=")" if opened == "$(" else "`")
            self._depth -= 1

    def _double_quoted(self) -> str:
        text = ""
        while (found := _TOKENS.match(self._script, self._at)) is not None:
            if found[0] != '"' and _kind(found, in_word=False) in _TEXT_IN_QUOTES:
                # Nothing but text there: go on behind its first character.
                text += self._script[self._at]
                self._line += self._script[self._at] == "\n"
                self._at += 1
                continue
            self._advance(found)
            if found[0] == '"':
                break
            if found[0] in {"$(", "`"}:
                self._substitution(found[0])
                text += "$()"
            else:
                text += found[0][1:] if found.lastgroup == "escaped" else found[0]
        return text

    def _advance(self, found: re.Match[str]) -> None:
        self._at = found.end()
        self._line += found[0].count("\n")

    def _skip_heredocs(self) -> None:
        for mark in self._heredocs:
            ends = re.compile(rf"^[ \t]*{re.escape(mark)}[ \t]*\r?$\n?", re.MULTILINE)
            end = ends.search(self._script, self._at)
            stop = end.end() if end else len(self._script)
            self._line += self._script.count("\n", self._at, stop)
            self._at = stop
        self._heredocs = []

    def _keep(self, words: _Words) -> None:
        if words.close():
            self._found.append((words.done, words.line))


def _kind(found: re.Match[str], *, in_word: bool) -> str:
    kind = str(found.lastgroup)
    if kind in {"mark", "quote"}:
        return "heredoc"
    return "other" if kind == "comment" and in_word else kind
