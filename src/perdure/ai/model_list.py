"""The models of the settings, made when they are first needed, and closed together."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from perdure.ai.models import ModelClient, PydanticModel
from perdure.ai.prices import price_of
from perdure.ai.prompts import CURRENT
from perdure.config import ReviewSettings
from perdure.errors import ModelUnavailableError, SettingsError
from perdure.model.review import ReviewPolicy
from perdure.model.reviewing import ModelsReady


class ModelList:
    """Makes clients of the endpoints in ``[review]``, in their order."""

    def __init__(self, settings: ReviewSettings) -> None:
        self._settings = settings
        self._opened: list[PydanticModel] | None = None

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections."""
        async with AsyncExitStack() as stack:
            for model in self._opened or ():
                await stack.enter_async_context(model)
        self._opened = None

    def are_wanted(self, policy: ReviewPolicy) -> bool:
        """Say whether a review asks models at all."""
        return policy.use_model and bool(self._settings.models)

    def clients(self, policy: ReviewPolicy) -> Sequence[ModelClient]:
        """Return the models that a review asks, in order.

        Raises:
            SecretError: A key is not where it should be.
        """
        if not self.are_wanted(policy):
            return ()
        if self._opened is None:
            timeout = self._settings.model_timeout
            self._opened = [PydanticModel(endpoint, timeout=timeout) for endpoint in self._settings.models]
        return self._opened

    async def probe(self, policy: ReviewPolicy) -> ModelsReady:
        """Find out whether all of them can be asked, without paying for anything.

        Raises:
            SettingsError: A key is not where it should be, or a budget is set and a price is not known.
            ModelRefusedError: A key or a name is not accepted.
        """
        clients = self.clients(policy)
        self._check_prices(clients, policy)
        probed = await asyncio.gather(*(_is_reachable(client) for client in clients))
        return ModelsReady(
            models=tuple(client.endpoint.model for client in clients),
            unreachable=tuple(
                client.endpoint.model
                for client, reachable in zip(clients, probed, strict=True)
                if not reachable
            ),
            prompt_version=CURRENT if clients else "",
        )

    def _check_prices(self, clients: Sequence[ModelClient], policy: ReviewPolicy) -> None:
        settings = self._settings
        budgets = (
            settings.budget_per_review,
            settings.budget_per_organisation,
            settings.budget_per_day,
            policy.budget,
        )
        for client in clients:
            if price_of(client.endpoint) is None and any(budget is not None for budget in budgets):
                msg = f"a budget is set, and nobody knows what {client.endpoint.model} costs"
                raise SettingsError(
                    msg,
                    hint="set input_price and output_price for it in [[review.models]], in US dollars for a"
                    " million tokens; 0 where it costs nothing",
                )


async def _is_reachable(client: ModelClient) -> bool:
    try:
        await client.probe()
    except ModelUnavailableError:
        return False
    return True
