"""The section ``[notify]``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from perdure.config.fields import Duration, Section, as_words


def _check_page(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        msg = "must be an http or https address alone, such as https://temporal.example.com"
        raise ValueError(msg)
    return url.rstrip("/")


class NotifySettings(Section):
    """``[notify]``: where the webhooks of notifications may lead, and where their links do.

    Attributes:
        hosts: The only hosts that webhooks may be at; every public one where it is left out.
        allow_private: Whether webhooks may be at private addresses, and at this machine's own without https.
        timeout: How long a webhook may take to answer.
        temporal_ui: Address of Temporal's web UI, for links. Known for the local server and Temporal Cloud.
    """

    hosts: Annotated[tuple[str, ...], BeforeValidator(as_words)] = ()
    allow_private: bool = False
    timeout: Duration = timedelta(seconds=10)
    temporal_ui: Annotated[str, AfterValidator(_check_page)] | None = None
