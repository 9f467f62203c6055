"""The section ``[review]``: who reviews, and what that may cost."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from perdure.config.fields import Duration, SecretReference, Section

OWN_KEYS: Final = {"openai": "env:OPENAI_API_KEY", "anthropic": "env:ANTHROPIC_API_KEY"}
"""Where a provider's key is looked for, where an endpoint names neither a key nor an address."""

_ENDPOINT = re.compile(r"(?P<model>[^@\s]+)(?:@(?P<base_url>https?://\S+))?")


def _check_model(model: str) -> str:
    if not re.fullmatch(r"(?:openai|anthropic):\S+", model):
        msg = (
            f"names {model!r}, which does not say whose interface it has;"
            f" write openai:{model} or anthropic:{model}"
        )
        raise ValueError(msg)
    return model


def _check_base_url(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = "must be an http or https address, such as http://127.0.0.1:8000/v1"
        raise ValueError(msg)
    if parts.username or parts.password or parts.query or parts.fragment:
        msg = "must be an address alone, without user, query or fragment"
        raise ValueError(msg)
    return url.rstrip("/")


def _read_list(value: object) -> object:
    """Take a variable's one text as JSON, or as several words."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    return json.loads(text) if text.startswith("[") else tuple(text.replace(",", " ").split())


def _read_endpoint(value: object) -> object:
    """Take ``openai:NAME`` or ``openai:NAME@URL`` as an endpoint with nothing else set."""
    if isinstance(value, str) and (found := _ENDPOINT.fullmatch(value)):
        return found.groupdict()
    return value


class ModelEndpoint(Section):
    """One model at one address.

    Attributes:
        model: ``openai:NAME`` for everything that speaks OpenAI's API, ``anthropic:NAME`` for Anthropic's.
        base_url: The address, where it is not the provider's own.
        key: Reference to the key; the provider's usual variable where neither address nor key is given.
        input_price: US dollars for a million tokens that it reads.
        output_price: US dollars for a million tokens that it writes.
        output: How it is asked for answers of a form: by a tool, by a schema, or in words.
    """

    model: Annotated[str, AfterValidator(_check_model)]
    base_url: Annotated[str | None, AfterValidator(_check_base_url)] = None
    key: SecretReference | None = None
    input_price: float | None = Field(default=None, ge=0)
    output_price: float | None = Field(default=None, ge=0)
    output: Literal["tool", "native", "prompted"] = "tool"

    @property
    def provider(self) -> str:
        """``openai`` or ``anthropic``."""
        return self.model.partition(":")[0]

    @property
    def name(self) -> str:
        """What the provider calls the model."""
        return self.model.partition(":")[2]

    @property
    def key_reference(self) -> str | None:
        """Where the key is; ``None`` for an address of one's own that needs none."""
        return self.key or (OWN_KEYS[self.provider] if self.base_url is None else None)

    @model_validator(mode="after")
    def _prices_are_whole(self) -> ModelEndpoint:
        if (self.input_price is None) != (self.output_price is None):
            msg = f"the model {self.model} has one price; set both input_price and output_price"
            raise ValueError(msg)
        return self


class AnalyserCommand(Section):
    """An analyser that is run as a command and prints SARIF.

    Attributes:
        name: What ``analysers`` and findings call it.
        command: The program and its arguments; ``{files}`` stands for the files' paths.
        files: Patterns of the paths that it takes, such as ``*.go``.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    command: tuple[str, ...] = Field(min_length=1)
    files: tuple[str, ...] = ("*",)


Dollars = Annotated[float | None, Field(ge=0)]


class ReviewSettings(Section):
    """``[review]``: who reviews code, and what that may cost.

    Attributes:
        folder: Where results that were paid for and the account of the costs are kept. All workers of
            ``perdure-review`` on a machine share it.
        models: Models, tried in this order: ``openai:NAME``, ``openai:NAME@URL``, ``anthropic:NAME``, or
            tables with ``model``, ``base_url``, ``key``, ``input_price``, ``output_price`` and ``output``.
        analysers: Commands that print SARIF, as tables with ``name``, ``command`` and ``files``.
        budget_per_review: US dollars that one review may cost.
        budget_per_organisation: US dollars that the reviews of one organisation may cost in a day (UTC).
        budget_per_day: US dollars that all reviews may cost in a day (UTC).
        over_budget: ``degrade``: a cheaper model of the list, else none. ``static``: none at all. ``ask``:
            people.
        model_timeout: How long a model may take for one answer.
        longest_answer: Tokens that a model may write for one part of a change, its reasoning included.
        largest_file: Bytes; larger files are skipped, and the report says so.
        most_units: Parts of a change that a model is shown at most; the report says what was left out.
        requests_per_second: Parts begun per second, over all workers; 0 is without limit.
    """

    folder: Path = Path(".perdure/review")
    models: Annotated[
        tuple[Annotated[ModelEndpoint, BeforeValidator(_read_endpoint)], ...], BeforeValidator(_read_list)
    ] = ()
    analysers: Annotated[tuple[AnalyserCommand, ...], BeforeValidator(_read_list)] = ()
    budget_per_review: Dollars = None
    budget_per_organisation: Dollars = None
    budget_per_day: Dollars = None
    over_budget: Literal["degrade", "static", "ask"] = "degrade"
    model_timeout: Duration = timedelta(minutes=3)
    longest_answer: int = Field(default=8000, ge=256)
    largest_file: int = Field(default=512_000, ge=1)
    most_units: int = Field(default=2000, ge=1)
    requests_per_second: Annotated[float | None, Field(ge=0), AfterValidator(lambda rate: rate or None)] = (
        10.0
    )

    @model_validator(mode="after")
    def _names_are_free(self) -> ReviewSettings:
        names = [analyser.name for analyser in self.analysers]
        if taken := set(names) & {"ruff", "detect-secrets", "zizmor", "model"}:
            msg = f"names an analyser {min(taken)}, which is Perdure's own; choose another name"
            raise ValueError(msg)
        return self
