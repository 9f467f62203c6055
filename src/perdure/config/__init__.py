"""Settings and secret references: the only reader of environment variables and settings files.

Settings come from ``perdure.toml`` in the current folder, else from ``perdure/perdure.toml`` in
``$XDG_CONFIG_HOME`` (``~/.config``), else they are the defaults. ``PERDURE_CONFIG`` names another file. A
variable ``PERDURE_SECTION_FIELD`` beats the file. A misspelled key would otherwise be a limit that nobody
set, so unknown keys and variables are errors that name their place and the nearest valid name.

Settings hold no secrets, only references to them: ``env:NAME``, ``file:PATH``, ``keyring:SERVICE/NAME``. So
settings may be printed and committed, and a secret is read where it is used, by :func:`resolve_secret`.
"""

from perdure.config.encryption_section import EncryptionSettings
from perdure.config.fields import parse_duration
from perdure.config.index_section import IndexSettings
from perdure.config.loading import OTHER_VARIABLES, load_settings
from perdure.config.notify import NotifySettings
from perdure.config.observing_section import (
    LogSettings,
    MetricsSettings,
    TracingSettings,
    check_listening_address,
)
from perdure.config.redaction import RedactingFormatter, log_without_secrets, redacted, without_secrets
from perdure.config.review_section import AnalyserCommand, ModelEndpoint, ReviewSettings
from perdure.config.secret_references import Secret, resolve_secret
from perdure.config.sections import (
    ApprovalSettings,
    GitHubSettings,
    LocalSettings,
    Settings,
    StoreSettings,
    WatchSettings,
    WorkerSettings,
)

__all__ = [
    "OTHER_VARIABLES",
    "AnalyserCommand",
    "ApprovalSettings",
    "EncryptionSettings",
    "GitHubSettings",
    "IndexSettings",
    "LocalSettings",
    "LogSettings",
    "MetricsSettings",
    "ModelEndpoint",
    "NotifySettings",
    "RedactingFormatter",
    "ReviewSettings",
    "Secret",
    "Settings",
    "StoreSettings",
    "TracingSettings",
    "WatchSettings",
    "WorkerSettings",
    "check_listening_address",
    "load_settings",
    "log_without_secrets",
    "parse_duration",
    "redacted",
    "resolve_secret",
    "without_secrets",
]
