"""The section ``[index]``: where code is fetched to, and what makes it searchable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from perdure.config.fields import SecretReference, Section, as_words, is_local


def _check_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = "must be http or https addresses, such as http://127.0.0.1:8000/v1"
        raise ValueError(msg)
    if parts.username or parts.password or parts.query or parts.fragment:
        msg = "must be addresses alone, without user, query or fragment"
        raise ValueError(msg)
    return url.rstrip("/")


def is_shown_to_the_network(url: str) -> bool:
    """Say whether what is sent there can be read on the way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_local(parts.hostname or "")


Address = Annotated[str, AfterValidator(_check_address)]


class IndexSettings(Section):
    """``[index]``: where code is fetched to, and how it is made searchable.

    Attributes:
        repositories: A folder for what was fetched, relative to the current one.
        repositories_megabytes: What that folder may take; what was used longest ago goes first.
        path: A folder for the index, which all workers of ``perdure-embed`` and ``perdure-review`` share.
        embedder_urls: OpenAI-compatible addresses such as ``http://gpu-1:8000/v1``, tried in order; they must
            serve the same model. Words are hashed on this machine where there are none.
        embedder_model: The model's name there.
        embedder_key: Reference to the key.
        embeddings_per_second: Embedding jobs started per second, over all workers; 0 is without limit.
        gpus: Embedding jobs at the same time in one worker.
        batch_command: A program and its arguments that hands chunks to a batch service outside. It is given
            a file of JSON lines with ``id`` and ``text``, and the variables PERDURE_JOB_ID and
            PERDURE_JOB_TOKEN.
    """

    repositories: Path = Path(".perdure/repositories")
    repositories_megabytes: int = Field(default=20_000, ge=1)
    path: Path = Path(".perdure/index")
    embedder_urls: Annotated[tuple[Address, ...], BeforeValidator(as_words)] = ()
    embedder_model: str = ""
    embedder_key: SecretReference | None = None
    embeddings_per_second: Annotated[float | None, Field(ge=0), AfterValidator(lambda rate: rate or None)] = (
        10.0
    )
    gpus: int = Field(default=1, ge=1)
    batch_command: Annotated[tuple[str, ...], BeforeValidator(as_words)] = ()

    @model_validator(mode="after")
    def _embedder_is_whole(self) -> IndexSettings:
        if bool(self.embedder_urls) != bool(self.embedder_model):
            msg = "needs both embedder_urls and embedder_model, or neither"
            raise ValueError(msg)
        if self.embedder_key and any(is_shown_to_the_network(url) for url in self.embedder_urls):
            msg = "has an embedder_key and an http address; use https: http would show the key to the network"
            raise ValueError(msg)
        return self
