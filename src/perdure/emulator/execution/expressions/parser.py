"""Reads an expression into a tree: a Pratt parser over GitHub's precedences."""

from dataclasses import dataclass
from functools import lru_cache

from perdure.emulator.execution.errors import ExpressionError
from perdure.emulator.execution.expressions.lexer import Kind, Token, located, tokens_of

MAX_LENGTH = 21_000
MAX_DEPTH = 50

_BINARY = {"||": 5, "&&": 6, "==": 10, "!=": 10, "<": 11, "<=": 11, ">": 11, ">=": 11}
_POSTFIX = 19
_NOT = 16


@dataclass(frozen=True)
class Literal:
    """A value written out."""

    value: object


@dataclass(frozen=True)
class Name:
    """A context by its name."""

    name: str
    token: Token


@dataclass(frozen=True)
class Everything:
    """The ``*`` of a filter."""


@dataclass(frozen=True)
class Index:
    """``target[key]`` or ``target.key``."""

    target: "Node"
    key: "Node"


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple["Node", ...]
    token: Token


@dataclass(frozen=True)
class Operation:
    """``!`` with one operand, everything else with two."""

    operator: str
    operands: tuple["Node", ...]


Node = Literal | Name | Everything | Index | Call | Operation


@lru_cache(maxsize=2048)
def parse(source: str) -> Node:
    """Read one expression, without the ``${{ }}`` around it.

    Raises:
        ExpressionError: It is too long, too deep, or no expression.
    """
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"Exceeded max expression length {MAX_LENGTH}")
    node = _Parser(source).whole()
    _refuse_depth(node)
    return node


def _refuse_depth(root: Node) -> None:
    # With a list instead of recursion: it is Python's own depth that this protects.
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ExpressionError(f"Exceeded max expression depth {MAX_DEPTH}")
        waiting.extend((child, depth + 1) for child in children(node))


def children(node: Node) -> tuple[Node, ...]:
    """List what a node is made of."""
    match node:
        case Index(target, key):
            return (target, key)
        case Call(_, arguments, _):
            return arguments
        case Operation(_, operands):
            return operands
        case _:
            return ()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = tokens_of(source)
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression(0)
        if self._peek().kind is not Kind.END:
            raise self._unexpected(self._peek())
        return node

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._peek()
        if token.kind is Kind.END:
            last = self._tokens[self._next - 1] if self._next else token
            raise located("Unexpected end of expression", last, self._source)
        self._next += 1
        return token

    def _at(self, *operators: str) -> bool:
        token = self._peek()
        return token.kind is Kind.OPERATOR and token.text in operators

    def _expect(self, operator: str) -> None:
        token = self._take()
        if token.kind is not Kind.OPERATOR or token.text != operator:
            raise self._unexpected(token)

    def _unexpected(self, token: Token) -> ExpressionError:
        return located("Unexpected symbol", token, self._source)

    def _expression(self, floor: int) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"Exceeded max expression depth {MAX_DEPTH}")
        node = self._prefix()
        while self._peek().kind is Kind.OPERATOR and self._binding() > floor:
            node = self._infix(node)
        self._depth -= 1
        return node

    def _binding(self) -> int:
        text = self._peek().text
        return _POSTFIX if text in (".", "[") else _BINARY.get(text, -1)

    def _prefix(self) -> Node:
        token = self._take()
        if token.kind is Kind.LITERAL:
            return Literal(token.value)
        if token.kind is Kind.WORD:
            return self._call(token) if self._at("(") else Name(token.text, token)
        if token.text == "!":
            return Operation("!", (self._expression(_NOT - 1),))
        if token.text != "(":
            raise self._unexpected(token)
        node = self._expression(0)
        self._expect(")")
        return node

    def _call(self, name: Token) -> Node:
        self._expect("(")
        arguments: list[Node] = []
        if not self._at(")"):
            arguments.append(self._expression(0))
            while self._at(","):
                self._take()
                arguments.append(self._expression(0))
        self._expect(")")
        return Call(name.text, tuple(arguments), name)

    def _infix(self, left: Node) -> Node:
        token = self._take()
        if token.text == ".":
            return self._property(left)
        if token.text == "[":
            return self._index(left)
        return self._binary(left, token)

    def _property(self, left: Node) -> Node:
        self._refuse_index_of_literal(left)
        token = self._take()
        if token.kind is Kind.WORD:
            return Index(left, Literal(token.text))
        if token.kind is Kind.OPERATOR and token.text == "*":
            return Index(left, Everything())
        raise self._unexpected(token)

    def _index(self, left: Node) -> Node:
        self._refuse_index_of_literal(left)
        if self._at("*"):
            self._take()
            key: Node = Everything()
        else:
            key = self._expression(0)
        self._expect("]")
        return Index(left, key)

    def _refuse_index_of_literal(self, left: Node) -> None:
        if isinstance(left, Literal):
            raise self._unexpected(self._tokens[self._next - 1])

    def _binary(self, left: Node, token: Token) -> Node:
        right = self._expression(_BINARY[token.text])
        # A chain of && or || is one operation, so that its length costs no depth.
        if token.text in ("&&", "||") and isinstance(left, Operation) and left.operator == token.text:
            return Operation(token.text, (*left.operands, right))
        return Operation(token.text, (left, right))
