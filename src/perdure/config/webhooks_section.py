"""The section ``[webhooks]``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from perdure.config.fields import Duration, Port, SecretReference, Section, as_words


class WebhookSettings(Section):
    """``[webhooks]``: how ``perdure web`` hears from GitHub what has changed.

    Attributes:
        secrets: References to the secret that GitHub signs with, as in the App's settings; several while it
            is changed. Without one nothing is received.
        port: The receiver's own port, the only one that GitHub has to reach; the gateway's where it is left
            out.
        redeliver_interval: How often the App asks GitHub to send again what could not be delivered.
    """

    secrets: Annotated[tuple[SecretReference, ...], BeforeValidator(as_words)] = ()
    port: Port | None = None
    redeliver_interval: Annotated[Duration, Field(ge=timedelta(seconds=10))] = timedelta(minutes=5)
