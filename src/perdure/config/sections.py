"""Every setting there is, with its default."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from perdure.config.encryption_section import EncryptionSettings
from perdure.config.fields import (
    Duration,
    Port,
    SecretReference,
    Section,
    as_words,
    check_url,
    split,
)
from perdure.config.index_section import IndexSettings
from perdure.config.notify import NotifySettings
from perdure.config.observing_section import LogSettings, MetricsSettings, TracingSettings
from perdure.config.review_section import ReviewSettings
from perdure.config.webhooks_section import WebhookSettings


class GitHubSettings(Section):
    """``[github]``: where GitHub is, and who Perdure is there.

    Attributes:
        url: The REST API's address; ``https://HOST/api/v3`` for GitHub Enterprise Server.
        app_id: The GitHub App's number. Either this or ``client_id`` is enough.
        client_id: The GitHub App's client id.
        private_key: Reference to the App's private key (PEM).
        token: Reference to a plain token, for trying out; the App is used where both are set.
            ``env:GITHUB_TOKEN`` where that variable is set.
        grace_time: How long lists of runs may lag behind an accepted dispatch.
    """

    url: Annotated[str, AfterValidator(check_url)] = "https://api.github.com"
    app_id: int | None = Field(default=None, gt=0)
    client_id: str | None = Field(default=None, min_length=1)
    private_key: SecretReference | None = None
    token: SecretReference | None = None
    grace_time: Duration = timedelta(seconds=120)

    @model_validator(mode="after")
    def _app_is_whole(self) -> GitHubSettings:
        named = self.app_id is not None or self.client_id is not None
        if named and self.private_key is None:
            msg = "names an App without private_key; set it to file:PATH of the App's key"
            raise ValueError(msg)
        if self.private_key is not None and not named:
            msg = "has a private_key without app_id or client_id; set one of them"
            raise ValueError(msg)
        return self

    @property
    def has_app(self) -> bool:
        """Whether a GitHub App is configured."""
        return self.private_key is not None


class WatchSettings(Section):
    """``[watch]``: how often GitHub is asked about runs.

    Attributes:
        shortest_interval: Between two looks at a repository where something changes.
        longest_interval: Between two looks at a repository where nothing does.
        reconcile_interval: After how long without news a waiting action reads its run itself.
    """

    shortest_interval: Duration = timedelta(seconds=2)
    longest_interval: Duration = timedelta(seconds=15)
    reconcile_interval: Duration = timedelta(minutes=5)


FunctionReference = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]


class WorkerSettings(Section):
    """``[worker]``: what a worker takes on.

    Attributes:
        dispatches_per_second: Changes at GitHub per second, over all workers; 0 is without limit.
        max_cached_workflows: Workflows kept in memory between two of their tasks.
        max_concurrent_activities: Activities at the same time.
        graceful_shutdown: How long running activities may go on after a stop was asked for.
        queue_suffix: Appended to every task queue's name, for tiers and for tests.
        activities: Functions that ``run:`` steps of pipelines may call, as ``package.module:function``.
        deployment: Name of the worker deployment that this worker is part of, with ``build_id``.
        build_id: Which build of the deployment this worker is: a version, or a commit.
        versioning: ``pinned``: a workflow finishes on the build that it began on. ``auto-upgrade``: it goes
            on with the build that is current.
    """

    dispatches_per_second: Annotated[float | None, Field(ge=0), AfterValidator(lambda rate: rate or None)] = (
        1.0
    )
    max_cached_workflows: int = Field(default=1000, ge=0)
    max_concurrent_activities: int = Field(default=100, ge=1)
    graceful_shutdown: Duration = timedelta(seconds=10)
    queue_suffix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    activities: Annotated[tuple[FunctionReference, ...], BeforeValidator(split)] = ()
    deployment: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$", max_length=200)
    build_id: str = Field(default="", pattern=r"^[A-Za-z0-9._+-]*$", max_length=200)
    versioning: Literal["pinned", "auto-upgrade"] = "pinned"

    @model_validator(mode="after")
    def _build_is_whole(self) -> WorkerSettings:
        if bool(self.deployment) != bool(self.build_id):
            named, missing = ("deployment", "build_id") if self.deployment else ("build_id", "deployment")
            msg = f"has a {named} without {missing}; set both or neither"
            raise ValueError(msg)
        return self


class StoreSettings(Section):
    """``[store]``: where large results are kept by content.

    Attributes:
        path: A folder; relative to the current one.
        payload_threshold: From how many bytes on an input or a result of a workflow or an activity is kept
            there instead of in the engine, which takes none over 2 MB; 0 keeps all of them in the engine.
    """

    path: Path = Path(".perdure/store")
    payload_threshold: int = Field(default=1_500_000, ge=0, le=2_000_000)


class LocalSettings(Section):
    """``[local]``: what ``perdure up`` and ``perdure emulator`` use on this machine.

    Attributes:
        folder: Where the engine's database, its lock and its log lie.
        port: The local Temporal server's.
        ui_port: Its web UI's.
        emulator_port: The emulated GitHub's.
    """

    folder: Path = Path(".perdure")
    port: Port = 7233
    ui_port: Port = 8233
    emulator_port: Port = 8300


def _check_public_key(key: str) -> str:
    prefix, _, encoded = key.partition(":")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    if prefix != "ed25519" or len(raw) != 32:
        msg = "is no public key of a gateway; copy the line ed25519:... that `perdure web key new` prints"
        raise ValueError(msg)
    return key


class ApprovalSettings(Section):
    """``[approvals]``: whom workers believe when people decide, and where people do it.

    Attributes:
        mode: ``gateway``: only decisions that a gateway has signed count. ``local``: the operating system's
            user is taken at their word. Where it is left out, the gateway's where ``public_key`` is set, else
            ``local`` for an engine on this machine's own address.
        public_key: The gateway's, ``ed25519:...``; several while keys are changed.
        private_key: Reference to the gateway's private key (PEM), for ``perdure web`` alone.
        gateway: Where ``perdure approval`` finds the gateway.
        port: The gateway's.
        hosts: Names beside localhost under which the gateway may be asked for.
    """

    mode: Literal["gateway", "local"] | None = None
    public_key: Annotated[
        tuple[Annotated[str, AfterValidator(_check_public_key)], ...], BeforeValidator(as_words)
    ] = ()
    private_key: SecretReference | None = None
    gateway: Annotated[str, AfterValidator(check_url)] | None = None
    port: Port = 8400
    hosts: Annotated[tuple[str, ...], BeforeValidator(as_words)] = ()


class Settings(Section):
    """Everything that can be configured, but for Temporal's own connection.

    That comes from Temporal's own file and ``TEMPORAL_*`` variables:
    https://docs.temporal.io/develop/environment-configuration

    Attributes:
        source: The file that was read, or ``defaults``; for people.
    """

    github: GitHubSettings = GitHubSettings()
    watch: WatchSettings = WatchSettings()
    worker: WorkerSettings = WorkerSettings()
    store: StoreSettings = StoreSettings()
    local: LocalSettings = LocalSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    notify: NotifySettings = NotifySettings()
    webhooks: WebhookSettings = WebhookSettings()
    index: IndexSettings = IndexSettings()
    review: ReviewSettings = ReviewSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    metrics: MetricsSettings = MetricsSettings()
    logs: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()
    source: str = "defaults"


SECTIONS: Final[Mapping[str, type[Section]]] = {
    "github": GitHubSettings,
    "watch": WatchSettings,
    "worker": WorkerSettings,
    "store": StoreSettings,
    "local": LocalSettings,
    "approvals": ApprovalSettings,
    "notify": NotifySettings,
    "webhooks": WebhookSettings,
    "index": IndexSettings,
    "review": ReviewSettings,
    "encryption": EncryptionSettings,
    "metrics": MetricsSettings,
    "logs": LogSettings,
    "tracing": TracingSettings,
}
