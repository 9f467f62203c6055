"""What an emulator is started with.

Everything here is frozen: what can change while the emulator runs (suspended installations, faults, disabled
workflows) has a method on the part that owns it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

Profile = Literal["github", "ghes-3.19"]
TimingName = Literal["real", "fast"]
Span = tuple[float, float]


def utc_now() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long GitHub lets things wait, each a span of seconds from which a value is drawn."""

    list_lag: Span
    """From the dispatch until lists show the run; by id it is visible at once."""
    jobs_lag: Span
    """From the dispatch until the run has jobs; until then nothing of it runs."""
    pick_up_delay: Span
    """From queued until a runner takes the job."""


TIMINGS: Mapping[TimingName, Timing] = {
    "fast": Timing(list_lag=(0.0, 0.0), jobs_lag=(0.0, 0.0), pick_up_delay=(0.0, 0.0)),
    "real": Timing(list_lag=(1.0, 5.0), jobs_lag=(0.5, 2.0), pick_up_delay=(2.0, 10.0)),
}


@dataclass(frozen=True, kw_only=True)
class User:
    """A person with an account."""

    login: str
    id: int
    name: str | None = None
    role: Literal["admin", "write", "read", "none"] = "admin"
    """The role in every repository that ``roles`` does not name."""
    roles: Mapping[str, Literal["admin", "write", "read", "none"]] = field(default_factory=dict)


OCTOCAT = User(login="octocat", id=583231, name="The Octocat")


@dataclass(frozen=True, kw_only=True)
class Team:
    """A team of an organisation; members by login."""

    organization: str
    slug: str
    members: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Installation:
    """An App's installation on one account."""

    id: int
    account: str
    repositories: tuple[str, ...] | None = None
    """Full names; None for every repository of the account."""
    permissions: Mapping[str, str] | None = None
    """None for all that the App asks for."""


DEFAULT_PERMISSIONS: Mapping[str, str] = {
    "actions": "write",
    "actions_variables": "read",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}


@dataclass(frozen=True, kw_only=True)
class App:
    """A GitHub App. The emulator needs only its public key."""

    id: int
    slug: str
    public_key: str
    client_id: str = "Iv23liEmulatorApp000"
    name: str | None = None
    owner: str = "octocat"
    permissions: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_PERMISSIONS))
    installations: tuple[Installation, ...] = ()
    """Empty for one installation per account, found as it is asked for."""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Where events are sent, and how unreliably."""

    url: str
    secret: str
    drop: float = 0.0
    """The share of deliveries that never arrive (still recorded, as GitHub does)."""
    repeat: float = 0.0
    """The share that arrives twice with the same ``X-GitHub-Delivery``."""
    reorder: float = 0.0
    """Seconds by which a delivery may be late, drawn from zero to this."""
    timeout: float = 10.0


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """How an emulated GitHub behaves."""

    timing: TimingName | Timing = "fast"
    network: bool = False
    """Whether steps may use the network."""
    profile: Profile = "github"
    state_dir: Path | None = None
    """Where runs, logs and artifacts are kept; None for ``ROOT/.emulator``."""
    apps: tuple[App, ...] = ()
    users: tuple[User, ...] = (OCTOCAT,)
    teams: tuple[Team, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)
    """Plain tokens and the logins they belong to."""
    open_mode: bool | None = None
    """Whether any unknown token is the first user's. None: only when no Apps and no tokens are given."""
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Configuration variables by repository."""
    webhook: Webhook | None = None
    token_lifetime: timedelta = timedelta(hours=1)
    rate_limit: int = 5_000
    restart_lost_runs: bool = False
    """Whether runs that were executing when the emulator ended begin anew when it starts, instead of failing
    as GitHub's do whose runner is lost. For an emulator that stands for a GitHub which was never away."""
    max_parallel_runs: int = 64
    """Runs that execute at the same time; the others stay queued, as if there were no more runners."""
    control: bool = False
    """Whether ``/_emulator/...`` is served: faults, the request log and all runs, for tests."""
    download_url: str | None = None
    """Base URL of log and artifact downloads; None for the host that was asked. When it is set, a download
    request that carries credentials is refused, as GitHub's storage does."""
    clock: Callable[[], datetime] = utc_now
    seed: int | None = None

    @property
    def delays(self) -> Timing:
        """The delays themselves, where ``timing`` is a name."""
        return self.timing if isinstance(self.timing, Timing) else TIMINGS[self.timing]

    @property
    def is_open(self) -> bool:
        """Whether any token is accepted."""
        return not (self.apps or self.tokens) if self.open_mode is None else self.open_mode

    @property
    def max_inputs(self) -> int:
        """Inputs that one dispatch may carry."""
        return 10 if self.profile == "ghes-3.19" else 25
