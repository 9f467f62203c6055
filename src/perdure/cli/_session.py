"""What a command works with: settings, and the connection to the engine."""

from dataclasses import dataclass
from urllib.parse import quote

from temporalio.client import Client

from perdure.config import Settings, load_settings
from perdure.engine.connection import connect

_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
_CLOUD_DOMAINS = (".tmprl.cloud", ".api.temporal.io")


@dataclass(frozen=True, kw_only=True)
class Session:
    """An open connection to the engine, and the settings."""

    client: Client
    settings: Settings

    def temporal_url(self, action_id: str) -> str | None:
        """Return the action's own page in Temporal's web UI, where its address can be known."""
        host = self.client.service_client.config.target_host
        return temporal_url(host, self.client.namespace, action_id, settings=self.settings)


async def open_session(address: str | None, namespace: str | None) -> Session:
    """Read the settings and connect.

    Raises:
        SettingsError: They cannot be used.
        EngineError: Temporal refused, or is out of reach; said within 10 s.
    """
    settings = load_settings()
    return Session(client=await connect(address=address, namespace=namespace), settings=settings)


def temporal_url(target_host: str, namespace: str, action_id: str, *, settings: Settings) -> str | None:
    """Return a workflow's page in Temporal's web UI, or ``None`` where nobody can know where that is."""
    page = f"/namespaces/{quote(namespace, safe='')}/workflows/{quote(action_id, safe='')}"
    host, _, port = target_host.rpartition(":")
    if host.endswith(_CLOUD_DOMAINS):
        return f"https://cloud.temporal.io{page}"
    if host in _LOOPBACK and port == str(settings.local.port):
        return f"http://127.0.0.1:{settings.local.ui_port}{page}"
    return None
