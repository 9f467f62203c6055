"""Whom a worker believes when people decide: from its own settings, never from what a client sends."""

import ipaddress
from collections.abc import Callable

from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.config import ApprovalSettings
from perdure.errors import SettingsError
from perdure.model.approvals import ApprovalMode, ApprovalTrust


class ApprovalActivities:
    """Tells approvals what the worker's settings say."""

    def __init__(
        self,
        settings: ApprovalSettings,
        *,
        engine_address: str,
        search_attributes: Callable[[], bool] = lambda: False,
    ) -> None:
        """Use the worker's settings.

        Args:
            settings: The section ``[approvals]``.
            engine_address: ``host:port`` of the Temporal server that the worker is connected to.
            search_attributes: Whether the namespace takes Perdure's search attributes.
        """
        self._settings = settings
        self._engine_address = engine_address
        self._search_attributes = search_attributes

    @activity.defn
    async def read_approval_trust(self) -> ApprovalTrust:
        """Return the mode and the gateways' public keys. Safe to repeat: it only reads.

        Raises:
            ApplicationError: ``SettingsError``, permanent: nobody could decide anything.
        """
        with as_application_errors():
            return ApprovalTrust(
                mode=approval_mode(self._settings, self._engine_address),
                public_keys=self._settings.public_key,
                search_attributes=self._search_attributes(),
            )


def approval_mode(settings: ApprovalSettings, engine_address: str) -> ApprovalMode:
    """Return whom a worker believes.

    Without a setting it is the gateway where its key is known, else the operating system's user where the
    engine is this machine's own. An engine that others reach is never taken for that.

    Raises:
        SettingsError: The mode is the gateway's, and its key is not known.
    """
    mode = settings.mode
    if mode is None:
        is_own = not settings.public_key and is_loopback(engine_address)
        mode = "local" if is_own else "gateway"
    if mode == "gateway" and not settings.public_key:
        msg = (
            f"nobody can decide approvals: this worker's engine is {engine_address}, and it knows no gateway"
        )
        raise SettingsError(
            msg,
            hint="make a key with `perdure web key new` and set public_key in [approvals] of the worker's"
            " perdure.toml",
        )
    return ApprovalMode(mode)


def is_loopback(address: str) -> bool:
    """Say whether an address ``host:port`` can only be reached from this machine."""
    host = address.rpartition(":")[0].strip("[]") or address
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
