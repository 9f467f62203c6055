"""Where people look at a workflow: its page in Temporal's web UI."""

from collections.abc import Callable
from urllib.parse import quote

from temporalio.client import Client

from perdure.config import Settings

_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
_CLOUD_DOMAINS = (".tmprl.cloud", ".api.temporal.io")


def temporal_url(target_host: str, namespace: str, workflow_id: str, *, settings: Settings) -> str | None:
    """Return a workflow's page in Temporal's web UI, or ``None`` where nobody can know where that is."""
    page = f"/namespaces/{quote(namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"
    host, _, port = target_host.rpartition(":")
    if settings.notify.temporal_ui is not None:
        return f"{settings.notify.temporal_ui}{page}"
    if host.endswith(_CLOUD_DOMAINS):
        return f"https://cloud.temporal.io{page}"
    if host in _LOOPBACK and port == str(settings.local.port):
        return f"http://127.0.0.1:{settings.local.ui_port}{page}"
    return None


def pages_of(client: Client, settings: Settings) -> Callable[[str], str | None]:
    """Return what tells the page of a workflow in the client's namespace."""
    host = client.service_client.config.target_host
    return lambda workflow_id: temporal_url(host, client.namespace, workflow_id, settings=settings)
