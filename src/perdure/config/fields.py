"""What the fields of settings are made of."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from perdure.config.secret_references import check_reference

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")


def parse_duration(value: object) -> object:
    """Read ``"30s"``, ``"5m"``, ``"1h30m"``, ``"1d"`` or a number of seconds. Other types pass unchanged.

    Raises:
        ValueError: The text is no duration.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = str(value).strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    if not _DURATION.fullmatch(text):
        msg = "is no duration: write it as 30s, 5m, 2h, 1d, or as a number of seconds"
        raise ValueError(msg)
    parts = re.findall(r"([\d.]+)(ms|s|m|h|d)", text)
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def check_url(url: str) -> str:
    """Return GitHub's address without a slash at its end, or raise a ``ValueError`` with what is wrong."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        msg = "must be an http or https address, such as https://api.github.com or https://HOST/api/v3"
        raise ValueError(msg)
    if parts.username or parts.password or parts.query or parts.fragment:
        msg = "must be an address alone, without user, query or fragment"
        raise ValueError(msg)
    if host in {"github.com", "www.github.com"}:
        msg = "is GitHub's website; its API is at https://api.github.com"
        raise ValueError(msg)
    if parts.scheme == "http" and not is_local(host):
        msg = "must use https: http would show tokens to the network, and is for this machine only"
        raise ValueError(msg)
    return url.rstrip("/")


def is_local(host: str) -> bool:
    """Say whether only this machine can be meant."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(ge=timedelta(0))]
SecretReference = Annotated[str, AfterValidator(check_reference)]
Port = Annotated[int, Field(ge=0, le=65_535)]


class Section(BaseModel):
    """Base of every section: frozen, and without room for misspelled keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def split(value: object) -> object:
    """Take a variable's one text as several, with commas between them."""
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def as_words(value: object) -> object:
    """Take a variable's one text as several words."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value
