"""GitHub's expression language, as its runner reads and evaluates it.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions describes it; where that page
is silent (octal numbers, how filters nest, what ``format`` refuses) the runner's own behaviour is followed.

Values are plain Python: ``None``, ``bool``, numbers, ``str``, lists and mappings, so that contexts need no
conversion and results can be compared and printed as they are.
"""

from perdure.emulator.execution.expressions.evaluation import Scope, evaluate
from perdure.emulator.execution.expressions.parser import parse
from perdure.emulator.execution.expressions.templates import (
    calls_status_function,
    check,
    check_condition,
    evaluate_condition,
    evaluate_template,
    evaluate_tree,
    interpolate,
    names_used,
)
from perdure.emulator.execution.expressions.values import (
    CaseSensitive,
    is_true,
    lookup_text,
    to_number,
    to_text,
)

__all__ = [
    "CaseSensitive",
    "Scope",
    "calls_status_function",
    "check",
    "check_condition",
    "evaluate",
    "evaluate_condition",
    "evaluate_template",
    "evaluate_tree",
    "interpolate",
    "is_true",
    "lookup_text",
    "names_used",
    "parse",
    "to_number",
    "to_text",
]
