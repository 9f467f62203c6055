"""The sections ``[metrics]``, ``[logs]`` and ``[tracing]``: how running workers are seen."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from perdure.config.fields import Duration, Section


def check_listening_address(address: str) -> str:
    """Return ``IP:PORT`` as it is listened on, or raise a ``ValueError`` with what is wrong."""
    host, _, port = address.rpartition(":")
    try:
        ip = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        ip = None
    if ip is None or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        msg = "is no address to listen on; write it as IP:PORT, such as 127.0.0.1:9464"
        raise ValueError(msg)
    return f"[{ip}]:{int(port)}" if ip.version == 6 else f"{ip}:{int(port)}"


def _check_collector(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        msg = "must be an http or https address alone, such as http://127.0.0.1:4318"
        raise ValueError(msg)
    return url.rstrip("/")


class MetricsSettings(Section):
    """``[metrics]``: the page that Prometheus reads.

    Attributes:
        address: Where a worker serves it, as ``IP:PORT``; nowhere where it is left out. It has no password:
            127.0.0.1 keeps it to this machine.
        sample_interval: How often the server is asked for backlogs, open workflows and approvals.
    """

    address: Annotated[str, AfterValidator(check_listening_address)] | None = None
    sample_interval: Annotated[Duration, Field(ge=timedelta(seconds=1))] = timedelta(seconds=30)


class LogSettings(Section):
    """``[logs]``: what workers write on stderr.

    Attributes:
        format: ``console`` for people, ``json`` for one object a line.
        level: Of what Perdure and Temporal's SDK say; everything else is shown from ``warning`` on.
    """

    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "warning"


class TracingSettings(Section):
    """``[tracing]``: where spans go; needs opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http.

    Attributes:
        endpoint: An OpenTelemetry collector's OTLP/HTTP address; no spans where it is left out.
    """

    endpoint: Annotated[str, AfterValidator(_check_collector)] | None = None
