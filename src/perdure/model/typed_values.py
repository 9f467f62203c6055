"""Typed values that people give: the inputs of a pipeline and the fields of an approval's form."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

from pydantic import StrictBool, StrictFloat, StrictInt

from perdure.model.words import did_you_mean, or_list, shortened

Value = StrictBool | StrictInt | StrictFloat | str
"""What a value may be."""


class ValueType(StrEnum):
    """The type of a value."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"


class ValueSpec(Protocol):
    """What a value has to be."""

    @property
    def type(self) -> ValueType:
        """What it holds; of ``choice`` one of ``options``."""
        ...

    @property
    def options(self) -> Sequence[str]:
        """What a choice may be."""
        ...

    @property
    def minimum(self) -> float | None:
        """The smallest integer or number."""
        ...

    @property
    def maximum(self) -> float | None:
        """The largest integer or number."""
        ...

    @property
    def min_length(self) -> int | None:
        """The fewest characters of a text."""
        ...

    @property
    def max_length(self) -> int | None:
        """The most characters of a text."""
        ...


def read_value(type_: ValueType, given: object) -> Value:
    """Return a value of a type.

    Texts are read as numbers and booleans where those are meant, for command lines know only texts.

    Raises:
        ValueError: It is of another type. The message has no name in it.
    """
    return _READERS[type_](given)


def complaints(spec: ValueSpec, value: Value, *, longest: int) -> Iterator[str]:
    """Say what is wrong with a value of the right type.

    Args:
        spec: What it has to be.
        value: As :func:`read_value` has read it.
        longest: The most characters of a text where the spec does not say.
    """
    if isinstance(value, str):
        yield from _text_complaints(spec, value, longest)
    elif not isinstance(value, bool):
        if spec.minimum is not None and value < spec.minimum:
            yield f"must be at least {spec.minimum}, not {value}"
        if spec.maximum is not None and value > spec.maximum:
            yield f"must be at most {spec.maximum}, not {value}"


def _text_complaints(spec: ValueSpec, text: str, longest: int) -> Iterator[str]:
    if spec.type is ValueType.CHOICE and text not in spec.options:
        allowed = or_list(spec.options) if spec.options else "an option"
        yield f"must be {allowed}, not {shortened(text)}{did_you_mean(text, spec.options)}"
    if spec.min_length is not None and len(text) < spec.min_length:
        yield f"must have at least {spec.min_length} characters, not {len(text)}"
    most = longest if spec.max_length is None else spec.max_length
    if len(text) > most:
        yield f"must have at most {most} characters, not {len(text)}"


def _text(given: object) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return str(given)
    raise ValueError(_wrong(given, "text"))


def _integer(given: object) -> int:
    number = given
    if isinstance(given, str):
        try:
            number = int(given.strip())
        except ValueError:
            number = given
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(_wrong(given, "a whole number"))  # noqa: TRY004 - as every misfit
    if not -(2**63) <= number < 2**63:
        raise ValueError(_wrong(given, "a whole number of at most 64 bits"))
    return number


def _number(given: object) -> float:
    number = given
    if isinstance(given, str):
        try:
            number = float(given.strip())
        except ValueError:
            number = given
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(_wrong(given, "a number"))  # noqa: TRY004 - as every misfit
    if not abs(number) <= 1.7e308:
        raise ValueError(_wrong(given, "a finite number"))
    return float(number)


def _boolean(given: object) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and given.strip().lower() in {"true", "false"}:
        return given.strip().lower() == "true"
    raise ValueError(_wrong(given, "true or false"))


def _wrong(given: object, wanted: str) -> str:
    return f"must be {wanted}, not {shortened(given)}"


_READERS: Final[Mapping[ValueType, Callable[[object], Value]]] = {
    ValueType.STRING: _text,
    ValueType.CHOICE: _text,
    ValueType.INTEGER: _integer,
    ValueType.NUMBER: _number,
    ValueType.BOOLEAN: _boolean,
}
