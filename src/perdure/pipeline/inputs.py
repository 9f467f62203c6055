"""Typed inputs: of a pipeline, and of an approval's form."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt

from perdure.errors import PipelineInputError
from perdure.pipeline._base import FileModel, Name, did_you_mean, or_list
from perdure.pipeline.cel import matches

MAX_TEXT: Final = 64 * 1024

Value = StrictBool | StrictInt | StrictFloat | str
"""What an input may hold."""


class InputType(StrEnum):
    """The type of an input."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"


class OutputType(StrEnum):
    """The type of a step's output."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class InputSpec(FileModel):
    """One input.

    An input that is neither required nor has a default is, as at GitHub, empty: ``''``, ``0`` or ``false``.

    Attributes:
        type: What it holds; of ``choice`` one of ``options``.
        description: What it is for.
        required: Whether it must be given.
        default: Its value where it is not given.
        options: What a choice may be.
        pattern: A regular expression (RE2) that a string must match somewhere: ``^`` and ``$`` bind it.
        minimum: The smallest integer or number.
        maximum: The largest integer or number.
        min_length: The fewest characters of a string.
        max_length: The most characters of a string.
    """

    type: InputType = InputType.STRING
    description: str = ""
    required: StrictBool = False
    default: Value | None = None
    options: tuple[str, ...] = ()
    pattern: str | None = Field(default=None, max_length=1000)
    minimum: StrictInt | StrictFloat | None = None
    maximum: StrictInt | StrictFloat | None = None
    min_length: Annotated[StrictInt, Field(ge=0)] | None = Field(default=None, alias="min-length")
    max_length: Annotated[StrictInt, Field(ge=0, le=MAX_TEXT)] | None = Field(
        default=None, alias="max-length"
    )

    def value(self, given: object) -> Value:
        """Return a value of this input's type.

        Texts are read as numbers and booleans where those are meant, for command lines know only texts.

        Raises:
            ValueError: It does not fit. The message has no name in it.
        """
        value = _READERS[self.type](given)
        for complaint in self._complaints(value):
            raise ValueError(complaint)
        return value

    def empty(self) -> Value:
        """Return what it is where nothing is given."""
        return self.value(self.default) if self.default is not None else _EMPTY[self.type]

    def _complaints(self, value: Value) -> Iterator[str]:
        if isinstance(value, str):
            yield from self._text_complaints(value)
        elif not isinstance(value, bool):
            if self.minimum is not None and value < self.minimum:
                yield f"must be at least {self.minimum}, not {value}"
            if self.maximum is not None and value > self.maximum:
                yield f"must be at most {self.maximum}, not {value}"

    def _text_complaints(self, text: str) -> Iterator[str]:
        if self.type is InputType.CHOICE and text not in self.options:
            near = did_you_mean(text, self.options)
            yield f"must be {or_list(self.options) if self.options else 'an option'}, not {text!r}{near}"
        if self.required and not text and self.type is InputType.STRING:
            yield "must not be empty"
        if self.min_length is not None and len(text) < self.min_length:
            yield f"must have at least {self.min_length} characters, not {len(text)}"
        if len(text) > (MAX_TEXT if self.max_length is None else self.max_length):
            yield f"must have at most {self.max_length or MAX_TEXT} characters, not {len(text)}"
        if self.pattern is not None and not matches(text, self.pattern):
            yield f"must match {self.pattern}, and {_shortened(text)} does not"


def _one_word(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


InputSpecs = dict[
    Name, Annotated[InputSpec, BeforeValidator(_one_word, json_schema_input_type=InputType | InputSpec)]
]
"""Inputs by name; the type alone is enough."""


def check_inputs(specs: Mapping[str, InputSpec], given: Mapping[str, object]) -> dict[str, Value]:
    """Return every input's value, with the defaults of those that are not given.

    Raises:
        PipelineInputError: With everything that does not fit.
    """
    problems: list[dict[str, str]] = []
    values: dict[str, Value] = {}
    for name in given:
        if name not in specs:
            allowed = f"the pipeline takes {', '.join(specs)}" if specs else "the pipeline takes no inputs"
            message = f"unknown input{did_you_mean(name, specs) or f': {allowed}'}"
            problems.append({"input": name, "message": message})
    for name, spec in specs.items():
        try:
            if given.get(name) is not None:
                values[name] = spec.value(given[name])
            elif spec.required and spec.default is None:
                meaning = f": {spec.description}" if spec.description else ""
                problems.append({"input": name, "message": f"is required{meaning}"})
            else:
                values[name] = spec.empty()
        except ValueError as error:
            problems.append({"input": name, "message": str(error)})
    if problems:
        lines = (f"{problem['input']}: {problem['message']}" for problem in problems)
        raise PipelineInputError("\n".join(lines), problems=problems)
    return values


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
    return f"must be {wanted}, not {_shortened(given)}"


def _shortened(given: object) -> str:
    shown = {True: "true", False: "false"}[given] if isinstance(given, bool) else repr(given)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


_READERS: Final[Mapping[InputType, Callable[[object], Value]]] = {
    InputType.STRING: _text,
    InputType.CHOICE: _text,
    InputType.INTEGER: _integer,
    InputType.NUMBER: _number,
    InputType.BOOLEAN: _boolean,
}
_EMPTY: Final[dict[InputType, Value]] = {
    InputType.STRING: "",
    InputType.CHOICE: "",
    InputType.INTEGER: 0,
    InputType.NUMBER: 0.0,
    InputType.BOOLEAN: False,
}


def output_value(output_type: OutputType, given: object) -> Value:
    """Return a step's output as a value of its declared type.

    Raises:
        ValueError: It is of another type.
    """
    return _READERS[InputType(output_type.value)](given)
