"""The form of an approval: typed values that a person enters and later steps read."""

from collections.abc import Iterator, Mapping
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
from perdure.model.typed_values import ValueType, complaints, read_value
from perdure.model.words import shortened

MAX_TEXT: Final = 4_000
"""A form is for decisions, not for documents: its values are kept in the history."""

FormValue = StrictBool | StrictInt | StrictFloat | Annotated[str, StringConstraints(max_length=MAX_TEXT)]
FormFieldName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,63}$")]


FormFieldType = ValueType
"""The type of a field."""


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
        value = read_value(self.type, given)
        for complaint in self._complaints(value):
            raise ValueError(complaint)
        return value

    def _complaints(self, value: FormValue) -> Iterator[str]:
        yield from complaints(self, value, longest=MAX_TEXT)
        if self.pattern is not None and isinstance(value, str) and not _matches(self.pattern, value):
            yield f"must match {self.pattern}, and {shortened(value)} does not"


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
