"""The App's own webhook: what could not be delivered, and having it sent again.

https://docs.github.com/rest/apps/webhooks
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from perdure.errors import GitHubUnavailableError
from perdure.github._calls import Calls
from perdure.github._transport import next_page_of
from perdure.github.app_auth import AppAuth
from perdure.model.webhooks import HookDelivery

_DELIVERIES: Final = "/app/hook/deliveries"
_MAX_PAGES: Final = 20


class HookCalls(Calls):
    """Calls that only an App may make."""

    @property
    def is_app(self) -> bool:
        """Whether Perdure is an App here: a plain token has no webhook of its own."""
        return isinstance(self._transport.credentials, AppAuth)

    async def list_deliveries(self, since: datetime) -> list[HookDelivery]:
        """List the attempts to deliver a webhook since then, the newest first.

        GitHub remembers them for three days.
        """
        found: list[HookDelivery] = []
        path: str | None = f"{_DELIVERIES}?per_page=100"
        for _ in range(_MAX_PAGES):
            if path is None:
                break
            answer = await self._transport.read(None, path)
            page = answer.json()
            if not isinstance(page, list):
                raise GitHubUnavailableError("GitHub listed its deliveries in another shape")
            found += [_delivery(each) for each in page]
            path = next_page_of(answer, self._transport.wire)
            if found and found[-1].delivered_at < since:
                break
        return [each for each in found if each.delivered_at >= since]

    async def redeliver(self, delivery_id: int) -> None:
        """Have a delivery sent again. Safe to repeat: whoever gets it twice drops one.

        Raises:
            GitHubError: GitHub will not.
        """
        answer = await self._transport.change(None, f"{_DELIVERIES}/{delivery_id}/attempts")
        if not answer.is_success:
            raise self._transport.error(answer, None)


def _delivery(body: Any) -> HookDelivery:  # noqa: ANN401 - JSON of GitHub's
    try:
        return HookDelivery.model_validate({**body, "delivery_id": body["id"]})
    except (KeyError, TypeError, ValidationError):
        raise GitHubUnavailableError("GitHub described a delivery in another shape") from None
