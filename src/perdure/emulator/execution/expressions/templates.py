"""Expressions where people write them: inside texts, as conditions, and throughout a tree of YAML."""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from perdure.emulator.execution.errors import ExpressionError
from perdure.emulator.execution.expressions.evaluation import Scope, check_count, evaluate
from perdure.emulator.execution.expressions.functions import FUNCTIONS
from perdure.emulator.execution.expressions.parser import Call, Name, Node, children, parse
from perdure.emulator.execution.expressions.values import is_true, to_text

STATUS_FUNCTIONS = frozenset({"success", "failure", "always", "cancelled"})


class _Expression(str):
    """The source of one expression inside a text."""

    __slots__ = ()


@lru_cache(maxsize=2048)
def _parts(text: str) -> tuple[str, ...]:
    """Split a text into what stands between expressions and the expressions themselves."""
    parts: list[str] = []
    at = 0
    while (start := text.find("${{", at)) >= 0:
        end = _closing(text, start + 3)
        if start > at:
            parts.append(text[at:start])
        parts.append(_Expression(text[start + 3 : end].strip()))
        at = end + 2
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


def _closing(text: str, at: int) -> int:
    # `}}` inside a quoted text does not close the expression; '' is a quote inside it, and toggles twice.
    quoted = False
    for position in range(at, len(text)):
        if text[position] == "'":
            quoted = not quoted
        elif not quoted and text.startswith("}}", position):
            return position
    raise ExpressionError(
        "The expression is not closed. An unescaped ${{ sequence was found, "
        "but the closing }} sequence was not found."
    )


def evaluate_template(text: str, scope: Scope) -> object:
    """Evaluate a text; when it is nothing but one expression its value keeps its kind.

    Raises:
        ExpressionError: An expression in it cannot be read or evaluated.
    """
    parts = _parts(text)
    if len(parts) == 1 and isinstance(parts[0], _Expression):
        return _evaluate_part(parts[0], scope)
    return "".join(
        to_text(_evaluate_part(part, scope)) if isinstance(part, _Expression) else part for part in parts
    )


def _evaluate_part(source: str, scope: Scope) -> object:
    if not source:
        raise ExpressionError("An expression was expected")
    return evaluate(source, scope)


def interpolate(value: object, scope: Scope) -> str:
    """Evaluate a scalar of a file and convert it to text."""
    return to_text(evaluate_template(value, scope) if isinstance(value, str) else value)


def evaluate_tree(value: object, scope: Scope) -> object:
    """Evaluate every text within a tree of YAML values, keys included."""
    if isinstance(value, str):
        return evaluate_template(value, scope)
    if isinstance(value, Mapping):
        return {interpolate(key, scope): evaluate_tree(item, scope) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [evaluate_tree(item, scope) for item in value]
    return value


def evaluate_condition(condition: object, scope: Scope) -> bool:
    """Evaluate an ``if``: ``success()`` is implied unless a status function is called.

    https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions
    """
    if condition is None or condition == "":
        return is_true(evaluate("success()", scope))
    if not isinstance(condition, str):
        return is_true(evaluate("success()", scope)) and is_true(condition)
    if not calls_status_function(condition) and not is_true(evaluate("success()", scope)):
        return False
    if "${{" in condition:
        # Text around an expression makes the whole a text, which is true unless empty: so it is at GitHub.
        return is_true(evaluate_template(condition.strip(), scope))
    return is_true(evaluate(condition.strip(), scope))


def _sources(text: str, *, condition: bool = False) -> list[str]:
    if condition and "${{" not in text:
        return [text.strip()]
    return [part for part in _parts(text) if isinstance(part, _Expression)]


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _walk(child)


def calls_status_function(condition: str) -> bool:
    """Tell whether a condition speaks of the status itself, so that ``success()`` is not implied."""
    return any(
        isinstance(node, Call) and node.name.lower() in STATUS_FUNCTIONS
        for source in _sources(condition, condition=True)
        for node in _walk(parse(source))
    )


def names_used(text: str) -> set[str]:
    """List the contexts, in lower case, that the expressions of a text name."""
    return {
        node.name.lower()
        for source in _sources(text)
        if source
        for node in _walk(parse(source))
        if isinstance(node, Name)
    }


def check(value: object, names: Collection[str], functions: Collection[str] = ()) -> None:
    """Refuse, before anything runs, expressions that name what is not available where they stand.

    Raises:
        ExpressionError: With GitHub's text.
    """
    if isinstance(value, str):
        for source in _sources(value):
            _check_source(source, names, functions)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            check(key, names, functions)
            check(item, names, functions)
    elif isinstance(value, list | tuple):
        for item in value:
            check(item, names, functions)


def check_condition(value: object, names: Collection[str], functions: Collection[str]) -> None:
    """Do what :py:func:`check` does for an ``if``, where ``${{ }}`` may be left out."""
    if isinstance(value, str) and value.strip():
        for source in _sources(value, condition=True):
            _check_source(source, names, [*functions, *STATUS_FUNCTIONS])


def _check_source(source: str, names: Collection[str], functions: Collection[str]) -> None:
    if not source:
        raise ExpressionError("An expression was expected")
    for node in _walk(parse(source)):
        if isinstance(node, Name) and node.name.lower() not in names:
            what, token = "named-value", node.token
        elif isinstance(node, Call) and not _known(node, functions, source):
            what, token = "function", node.token
        else:
            continue
        raise ExpressionError(
            f"Unrecognized {what}: '{token.text}'. "
            f"Located at position {token.position} within expression: {source}"
        )


def _known(call: Call, functions: Collection[str], source: str) -> bool:
    name = call.name.lower()
    if name in FUNCTIONS:
        check_count(call.token, len(call.arguments), FUNCTIONS[name][:2], source)
        return True
    return name == "case" or name in functions
