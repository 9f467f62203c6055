"""The form of an approval: typed values that a person enters and later steps read."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final, Self

from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import SchemaError

from perdure.model.base import Model

MAX_TEXT: Final = 4_000
"""A form is for decisions, not for documents: its values are kept in the history."""

FormValue = StrictBool | StrictInt | StrictFloat | Annotated[str, StringConstraints(max_length=MAX_TEXT)]
FormFieldName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,63}$")]


class FormFieldType(StrEnum):
    """The type of a field."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"


class FormField(Model):
    """One field of a form. A field without a default has to be filled in.

    Attributes:
        type: What it holds; of ``choice`` one of ``options``.
        description: What it is for.
        default: Its value where it is left out.
        options: What a choice may be.
        pattern: A regular expression that a text must match somewhere; ``^`` and ``$`` bind it. Without
            look-around, so that no pattern takes long: https://docs.rs/regex/latest/regex/#syntax
        minimum: The smallest integer or number.
        maximum: The largest integer or number.
        min_length: The fewest characters of a text.
        max_length: The most characters of a text.
    """

    type: FormFieldType = FormFieldType.STRING
    description: str = ""
    default: FormValue | None = None
    options: tuple[str, ...] = ()
    pattern: str | None = Field(default=None, max_length=1_000)
    minimum: StrictInt | StrictFloat | None = None
    maximum: StrictInt | StrictFloat | None = None
    min_length: int | None = Field(default=None, ge=0)
    max_length: int | None = Field(default=None, ge=0, le=MAX_TEXT)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.type is FormFieldType.CHOICE and not self.options:
            msg = "a choice needs options"
            raise ValueError(msg)
        if self.pattern is not None:
            _matcher(self.pattern)
        if self.default is not None:
            self.value(self.default)
        return self

    def value(self, given: object) -> FormValue:
        """Return a value of this field's type; texts are read as numbers where those are meant.

        Raises:
            ValueError: It does not fit. The message has no name in it.
        """
        value = _READERS[self.type](given)
        for complaint in self._complaints(value):
            raise ValueError(complaint)
        return value

    def _complaints(self, value: FormValue) -> Iterator[str]:
        if isinstance(value, str):
            yield from self._text_complaints(value)
        elif not isinstance(value, bool):
            if self.minimum is not None and value < self.minimum:
                yield f"must be at least {self.minimum}, not {value}"
            if self.maximum is not None and value > self.maximum:
                yield f"must be at most {self.maximum}, not {value}"

    def _text_complaints(self, text: str) -> Iterator[str]:
        longest = MAX_TEXT if self.max_length is None else self.max_length
        if self.type is FormFieldType.CHOICE and text not in self.options:
            yield f"must be one of {', '.join(self.options)}, not {_shortened(text)}"
        if self.min_length is not None and len(text) < self.min_length:
            yield f"must have at least {self.min_length} characters, not {len(text)}"
        if len(text) > longest:
            yield f"must have at most {longest} characters, not {len(text)}"
        if self.pattern is not None and not _matches(self.pattern, text):
            yield f"must match {self.pattern}, and {_shortened(text)} does not"


def filled_form(fields: Mapping[str, FormField], given: Mapping[str, object]) -> dict[str, FormValue]:
    """Return every field's value, with the defaults of those that were left out.

    Raises:
        ValueError: With everything that does not fit.
    """
    complaints = [f"{name}: the form has no such field" for name in given if name not in fields]
    values: dict[str, FormValue] = {}
    for name, field in fields.items():
        wanted = given.get(name, field.default)
        try:
            if wanted is None:
                complaints.append(f"{name}: has to be filled in")
            else:
                values[name] = field.value(wanted)
        except ValueError as error:
            complaints.append(f"{name}: {error}")
    if complaints:
        raise ValueError("; ".join(complaints))
    return values


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> TypeAdapter[str]:
    # pydantic's own engine, which takes linear time: Python's can be made to take for ever.
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
    except SchemaError as error:
        msg = f"{pattern!r} is no regular expression that can be used"
        raise ValueError(msg) from error


def _matches(pattern: str, text: str) -> bool:
    try:
        _matcher(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


def _text(given: object) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return str(given)
    raise ValueError(_wrong(given, "text"))


def _integer(given: object) -> int:
    number = given
    if isinstance(number, str):
        try:
            number = int(number.strip())
        except ValueError:
            raise ValueError(_wrong(given, "a whole number")) from None
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not -(2**63) <= number < 2**63:
        raise ValueError(_wrong(given, "a whole number"))
    return number


def _number(given: object) -> float:
    number = given
    if isinstance(number, str):
        try:
            number = float(number.strip())
        except ValueError:
            raise ValueError(_wrong(given, "a number")) from None
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= 1e300:
        raise ValueError(_wrong(given, "a number"))
    return float(number)


def _boolean(given: object) -> bool:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) and given.strip().lower() in {"true", "false"}:
        return given.strip().lower() == "true"
    raise ValueError(_wrong(given, "true or false"))


def _wrong(given: object, wanted: str) -> str:
    return f"must be {wanted}, not {_shortened(given)}"


def _shortened(given: object) -> str:
    shown = repr(given)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


_READERS: Final[Mapping[FormFieldType, Callable[[object], FormValue]]] = {
    FormFieldType.STRING: _text,
    FormFieldType.CHOICE: _text,
    FormFieldType.INTEGER: _integer,
    FormFieldType.NUMBER: _number,
    FormFieldType.BOOLEAN: _boolean,
}
