"""The section ``[encryption]``: keys for what the engine keeps, and who reads it in Temporal's UI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from perdure.config.fields import Port, SecretReference, Section, as_words, is_local

KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


def _as_pairs(value: object) -> object:
    """Take a variable's one text as ``NAME=VALUE``, several with commas between them."""
    if not isinstance(value, str):
        return value
    pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
    if any(not equals for _, equals, _ in pairs):
        # What stands there instead may be a key, so that it is not repeated.
        msg = "must be pairs NAME=VALUE with commas between them"
        raise ValueError(msg)
    return {name.strip(): rest.strip() for name, _, rest in pairs}


def _check_origin(origin: str) -> str:
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        msg = f"names {origin!r}, which is no origin; write it as https://HOST or http://localhost:8233"
        raise ValueError(msg)
    if parts.scheme == "http" and not is_local(parts.hostname):
        msg = f"names {origin!r}: what is decrypted must not cross the network in the clear; use https"
        raise ValueError(msg)
    return origin.lower()


class EncryptionSettings(Section):
    """``[encryption]``: keys for what the engine keeps, and who may read it in Temporal's UI.

    Attributes:
        keys: References to the keys by their ids, ``{"2026-11" = "file:2026-11.key"}``; ``ID=REFERENCE`` with
            commas in the variable. Nothing is encrypted where there are none.
        active: The id of the key that new payloads are encrypted with; needless where there is only one.
        organizations: Key ids by GitHub organisation, for organisations with keys of their own.
        codec_token: Reference to the token that the codec server asks for.
        codec_people: Logins of people who may ask the codec server with their own GitHub tokens.
        codec_origins: Where Temporal's web UI is, as its pages' origin: no other page may ask.
        codec_port: The codec server's.
    """

    keys: Annotated[Mapping[KeyId, SecretReference], BeforeValidator(_as_pairs)] = Field(default={})
    active: KeyId | None = None
    organizations: Annotated[Mapping[str, KeyId], BeforeValidator(_as_pairs)] = Field(default={})
    codec_token: SecretReference | None = None
    codec_people: Annotated[tuple[str, ...], BeforeValidator(as_words)] = ()
    codec_origins: Annotated[
        tuple[Annotated[str, AfterValidator(_check_origin)], ...], BeforeValidator(as_words)
    ] = ()
    codec_port: Port = 8500

    @model_validator(mode="after")
    def _names_known_keys(self) -> EncryptionSettings:
        if self.active is None and len(self.keys) > 1:
            msg = f"has several keys; set active to one of {', '.join(self.keys)}"
            raise ValueError(msg)
        for wanted in filter(None, (self.active, *self.organizations.values())):
            if wanted not in self.keys:
                known = ", ".join(self.keys) or "none"
                msg = f"has no key {wanted!r}; set {wanted} in [encryption.keys] (there is {known})"
                raise ValueError(msg)
        return self

    @property
    def active_key_id(self) -> str | None:
        """The id of the key that new payloads are encrypted with."""
        return self.active or next(iter(self.keys), None)
