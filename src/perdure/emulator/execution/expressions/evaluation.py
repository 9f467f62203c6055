"""Evaluates the tree of an expression against contexts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from perdure.emulator.execution.errors import ExpressionError
from perdure.emulator.execution.expressions.functions import FUNCTIONS, case
from perdure.emulator.execution.expressions.lexer import Token
from perdure.emulator.execution.expressions.parser import (
    Call,
    Everything,
    Index,
    Literal,
    Name,
    Node,
    Operation,
    parse,
)
from perdure.emulator.execution.expressions.values import (
    Filtered,
    equal,
    is_collection,
    is_true,
    less,
    lookup,
    members,
    to_number,
    to_text,
)

Function = Callable[[Sequence[object]], object]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an expression may name: contexts, and the functions that depend on where it stands.

    Attributes:
        contexts: Values by name; looked up without regard to case.
        functions: Functions besides the general ones, by lower-case name: ``success`` and so on.
    """

    contexts: Mapping[str, object] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)


def evaluate(source: str, scope: Scope) -> object:
    """Evaluate one expression, without the ``${{ }}`` around it.

    Raises:
        ExpressionError: It cannot be read, names something unknown, or a function refuses its arguments.
    """
    return _Evaluation(source, scope).value(parse(source))


class _Evaluation:
    def __init__(self, source: str, scope: Scope) -> None:
        self._source = source
        self._scope = scope

    def value(self, node: Node) -> object:
        match node:
            case Literal(value):
                return value
            case Name(name, token):
                return self._context(name, token)
            case Index(target, key):
                return self._indexed(self.value(target), key)
            case Call(name, arguments, token):
                return self._called(name, arguments, token)
            case Operation(operator, operands):
                return self._operated(operator, operands)
        raise ExpressionError(f"Unexpected symbol: '*'. Located within expression: {self._source}")

    def _context(self, name: str, token: Token) -> object:
        found, value = lookup(self._scope.contexts, name)
        if not found:
            raise _unrecognized("named-value", token, self._source)
        return value

    def _called(self, name: str, arguments: tuple[Node, ...], token: Token) -> object:
        lowered = name.lower()
        if lowered == "case":
            return case(arguments, self.value)
        values = [self.value(argument) for argument in arguments]
        if special := self._scope.functions.get(lowered):
            return special(values)
        known = FUNCTIONS.get(lowered)
        if known is None:
            raise _unrecognized("function", token, self._source)
        fewest, most, function = known
        check_count(token, len(values), (fewest, most), self._source)
        return function(values)

    def _operated(self, operator: str, operands: tuple[Node, ...]) -> object:
        if operator == "!":
            return not is_true(self.value(operands[0]))
        if operator in ("&&", "||"):
            return self._chained(operands, stop_at=operator == "||")
        left, right = (self.value(operand) for operand in operands)
        match operator:
            case "==":
                return equal(left, right)
            case "!=":
                return not equal(left, right)
            case "<":
                return less(left, right)
            case "<=":
                return less(left, right) or equal(left, right)
            case ">":
                return less(right, left)
            case _:
                return less(right, left) or equal(left, right)

    def _chained(self, operands: tuple[Node, ...], *, stop_at: bool) -> object:
        value: object = None
        for operand in operands:
            value = self.value(operand)
            if is_true(value) is stop_at:
                break
        return value

    def _indexed(self, target: object, key: Node) -> object:
        if isinstance(key, Everything):
            inner = target if isinstance(target, Filtered) else [target]
            return Filtered(found for item in inner for found in members(item))
        index = self.value(key)
        if isinstance(target, Filtered):
            found = (_member(item, index) for item in target)
            return Filtered(value for exists, value in found if exists)
        return _member(target, index)[1]


def _member(target: object, index: object) -> tuple[bool, object]:
    if is_collection(index):
        return False, None
    if isinstance(target, Mapping):
        return lookup(target, to_text(index))
    if isinstance(target, list | tuple):
        number = to_number(index)
        if 0 <= number < len(target):
            return True, target[int(number)]
    return False, None


def check_count(token: Token, count: int, bounds: tuple[int, int], source: str) -> None:
    """Refuse a call with too few or too many arguments, in GitHub's words."""
    if bounds[0] <= count <= bounds[1]:
        return
    what = "few" if count < bounds[0] else "many"
    raise ExpressionError(
        f"Too {what} parameters supplied: '{token.text}'. "
        f"Located at position {token.position} within expression: {source}"
    )


def _unrecognized(what: str, token: Token, source: str) -> ExpressionError:
    return ExpressionError(
        f"Unrecognized {what}: '{token.text}'. "
        f"Located at position {token.position} within expression: {source}"
    )
