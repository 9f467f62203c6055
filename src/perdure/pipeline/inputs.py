"""Typed inputs: of a pipeline, and of an approval's form."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt

from perdure.errors import PipelineInputError
from perdure.model.typed_values import Value, ValueType, complaints, read_value
from perdure.model.words import did_you_mean, shortened
from perdure.pipeline._base import FileModel, Name
from perdure.pipeline.cel import matches

MAX_TEXT: Final = 64 * 1024

InputType = ValueType
"""The type of an input."""


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
        value = read_value(self.type, given)
        for complaint in self._complaints(value):
            raise ValueError(complaint)
        return value

    def empty(self) -> Value:
        """Return what it is where nothing is given."""
        return self.value(self.default) if self.default is not None else _EMPTY[self.type]

    def _complaints(self, value: Value) -> Iterator[str]:
        if self.required and value == "" and self.type is InputType.STRING:
            yield "must not be empty"
        yield from complaints(self, value, longest=MAX_TEXT)
        if self.pattern is not None and isinstance(value, str) and not matches(value, self.pattern):
            yield f"must match {self.pattern}, and {shortened(value)} does not"


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
    return read_value(ValueType(output_type.value), given)
