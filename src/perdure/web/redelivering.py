"""Asks GitHub to send again what could not be delivered: GitHub does not do that by itself.

https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

import asyncio
import logging
from datetime import timedelta

from perdure.errors import GitHubError
from perdure.github import GitHubClient
from perdure.model.webhooks import to_redeliver

LOOK_BACK = timedelta(hours=1)
"""What is older was found by those who watch, several times over."""

SETTLED_AFTER = timedelta(seconds=15)
"""GitHub waits 10 s for an answer."""

MOST_AT_ONCE = 100

_log = logging.getLogger(__name__)


class Redeliverer:
    """Looks for deliveries that failed, at once and again and again."""

    def __init__(
        self, github: GitHubClient, *, interval: timedelta, settled_after: timedelta = SETTLED_AFTER
    ) -> None:
        """Look so often. ``github`` has to be an App's."""
        self._github = github
        self._interval = interval
        self._settled_after = settled_after

    async def run(self) -> None:
        """Go on until cancelled. GitHub's failures are waited out."""
        while True:
            try:
                asked = await self.sweep()
            except GitHubError as error:
                _log.warning("failed webhooks could not be asked for: %s", error)
            else:
                if asked:
                    _log.info("asked GitHub to deliver %s webhooks again", asked)
            await asyncio.sleep(self._interval.total_seconds())

    async def sweep(self) -> int:
        """Have what failed lately sent again; return how many that were.

        Raises:
            GitHubError: GitHub does not say, or will not.
        """
        now = self._github.now()
        deliveries = await self._github.list_deliveries(now - LOOK_BACK)
        wanted = to_redeliver(deliveries, self._github.now(), settled=self._settled_after)[-MOST_AT_ONCE:]
        for delivery_id in wanted:
            await self._github.redeliver(delivery_id)
        return len(wanted)
