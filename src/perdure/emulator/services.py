"""The parts of one emulator, as endpoints find them."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from perdure.emulator.auth import Authentication
from perdure.emulator.bodies import Bodies
from perdure.emulator.faults import Faults
from perdure.emulator.lifecycle import Lifecycle
from perdure.emulator.limits import RateLimits
from perdure.emulator.logs import Logs
from perdure.emulator.pull_requests import PullRequests
from perdure.emulator.records import Secret
from perdure.emulator.repositories import Repositories
from perdure.emulator.request_log import RequestLog
from perdure.emulator.settings import EmulatorSettings
from perdure.emulator.state import State
from perdure.emulator.store import Store
from perdure.emulator.webhooks import Webhooks
from perdure.emulator.wire import Links

VERSIONS = ("2022-11-28", "2026-03-10")
_MOST_HOSTS = 8
DEFAULT_LINKS = Links("http://api.github.localhost", "http://github.localhost")


@dataclass
class Services:
    """Everything that an endpoint may need."""

    settings: EmulatorSettings
    repositories: Repositories
    state: State
    authentication: Authentication
    limits: RateLimits
    faults: Faults
    logs: Logs
    webhooks: Webhooks
    lifecycle: Lifecycle
    pulls: PullRequests
    requests: RequestLog
    key: bytes
    started_at: datetime
    public_links: Links = DEFAULT_LINKS
    """The URLs that webhooks carry, which nobody asked through a host."""
    _bodies: dict[Links, Bodies] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path, settings: EmulatorSettings) -> "Services":
        """Open the state folder and put the parts together."""
        state = State(Store(settings.state_dir or root / ".emulator"), settings.clock, settings.seed)
        repositories = Repositories(root)
        secret, revoked = state.secrets()
        authentication = Authentication(settings, secret)
        authentication.revoked |= revoked
        faults, logs = Faults(), Logs(state.folder)
        webhooks = Webhooks(settings, state)
        services = cls(
            settings=settings,
            repositories=repositories,
            state=state,
            authentication=authentication,
            limits=RateLimits(settings.rate_limit, settings.clock),
            faults=faults,
            logs=logs,
            webhooks=webhooks,
            lifecycle=Lifecycle(settings, state, repositories, faults, logs, webhooks),
            pulls=PullRequests(state, repositories, webhooks),
            requests=RequestLog(),
            key=secret.encode(),
            started_at=settings.clock(),
        )
        webhooks.bodies = lambda: services.bodies(services.public_links)
        return services

    @property
    def versions(self) -> tuple[str, ...]:
        """The API versions that are answered, the default first."""
        return VERSIONS[:1] if self.settings.profile == "ghes-3.19" else VERSIONS

    def publish(self, html: str, api: str) -> None:
        """Say under which addresses this emulator is reached, for webhooks and for the steps of runs."""
        self.public_links = Links(api, html)
        self.lifecycle.requests.html_url, self.lifecycle.requests.api_url = html, api

    def bodies(self, links: Links) -> Bodies:
        """Return the bodies with these URLs; few hosts are remembered, because clients make them up."""
        if links not in self._bodies:
            if len(self._bodies) >= _MOST_HOSTS:
                self._bodies.clear()
            self._bodies[links] = Bodies(links, self.settings, self.state, self.repositories, self.pulls)
        return self._bodies[links]

    def sign(self, text: str) -> str:
        """Sign a download address."""
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()[:40]

    def revoke(self, token_id: str) -> None:
        """Remember that a token was given back."""
        self.authentication.revoked.add(token_id)
        self.state.store.put(Secret(id=self.state.next_id("revoked"), value=token_id))
        self.state.store.flush()
