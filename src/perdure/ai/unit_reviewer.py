"""One part of a change, reviewed by a model: never paid for twice, never beyond a budget.

An answer is looked for among those that were paid for, alone among all processes; else its worst case is
reserved, the first model that there is room for and that answers is asked, the account is settled, and the
answer is kept before anybody hears of it. A crash at any of these moments costs at most the one call that was
under way.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from perdure.ai.ledger import Call, Ledger
from perdure.ai.models import ASKED_AGAIN, Answer, ModelClient
from perdure.ai.parts import KeptAnswer, Part
from perdure.ai.prices import price_of
from perdure.ai.prompting import prompt_for
from perdure.ai.prompts import CURRENT, read_prompt
from perdure.ai.results import ResultCache
from perdure.ai.spending import Spending, over_budget
from perdure.ai.units import halves_of
from perdure.config import ReviewSettings
from perdure.errors import (
    BudgetExceededError,
    ModelAnswerError,
    ModelContextError,
    ModelError,
    ModelRefusedError,
    ModelUnavailableError,
)
from perdure.model.budgets import BudgetDecision, Limit, Price, Room, dollars, worst_case
from perdure.model.review import ReviewUnit, UnitResult, Usage

_DEEPEST_CUT: Final = 3
_LOOKS_PER_SECOND: Final = 4
_FREE: Final = Price(input=0, output=0)
_FORM: Final = 3_000
"""Bytes that say which form an answer has to have."""

_log = logging.getLogger(__name__)


class UnitReviewer:
    """Has parts of changes reviewed by models."""

    def __init__(self, models: Sequence[ModelClient], settings: ReviewSettings) -> None:
        """Ask these models, in this order."""
        self._models = models
        self._settings = settings
        self._ledger = Ledger(settings.folder / "ledger.db")
        self._results = ResultCache(settings.folder / "results")

    async def review(self, unit: ReviewUnit, spending: Spending) -> UnitResult:
        """Return what a model says about a unit, or why none could be asked.

        Raises:
            ModelUnavailableError: None of the models answers just now.
            ModelRefusedError: None of them takes the key, the name or the request.
            BudgetExceededError: A budget has no room for it, and people are to be asked.
        """
        return await self._review(Part.of(unit), spending, depth=0)

    async def _review(self, part: Part, spending: Spending, *, depth: int) -> UnitResult:
        async with self._results.alone(part.identity):
            if known := self._known(part, spending):
                return known
            try:
                return await self._ask_in_turn(part, spending)
            except ModelContextError as error:
                too_long = error
        halves = halves_of(part.unit) if depth < _DEEPEST_CUT else ()
        if not halves or halves == (part.unit,):
            return part.failed(str(too_long))
        return part.joined([await self._review(Part.of(half), spending, depth=depth + 1) for half in halves])

    def _known(self, part: Part, spending: Spending) -> UnitResult | None:
        for model in self._models:
            name = model.endpoint.model
            # A useless answer is final for one review: the next push may ask again.
            for key in (_key(part, model), _key(part, model, of=spending.review)):
                content = self._results.get(key)
                if content is not None:
                    answer = KeptAnswer.model_validate_json(content)
                    return part.answered(name, answer.model_copy(update={"usage": Usage(cached=1)}))
        return None

    async def _ask_in_turn(self, part: Part, spending: Spending) -> UnitResult:
        prompt = prompt_for(part.unit, part.identity)
        errors: list[ModelError] = []
        refused: BudgetDecision | None = None
        least = 0
        for model in self._models:
            worst = self._worst_case(model, prompt)
            if refused is not None and (self._settings.over_budget != "degrade" or worst >= least):
                continue
            number, decision = await self._reserve(model, part, worst, spending)
            if number is None:
                refused, least = decision, worst
                continue
            answer = await self._ask(model, prompt, number, worst)
            if answer.error is None or isinstance(answer.error, ModelAnswerError):
                said = f"{over_budget(refused)}: reviewed by {model.endpoint.model}" if refused else ""
                return self._keep(part, model, answer, spending, said)
            errors.append(answer.error)
        if errors:
            raise _most_hopeful(errors)
        return self._without_model(part, refused, least)

    async def _reserve(
        self, model: ModelClient, part: Part, worst: int, spending: Spending
    ) -> tuple[int | None, BudgetDecision]:
        call = Call(
            call=_key(part, model),
            review=spending.review,
            organisation=spending.organisation,
            model=model.endpoint.model,
            worst=worst,
            longest=self._settings.model_timeout * (ASKED_AGAIN + 1) + timedelta(minutes=1),
        )
        while True:
            reservation = await self._ledger.reserve(call, spending.budgets)
            if reservation.decision.room is not Room.LATER:
                return reservation.number, reservation.decision
            await asyncio.sleep(1 / _LOOKS_PER_SECOND)

    async def _ask(self, model: ModelClient, prompt: str, number: int, worst: int) -> Answer:
        # Where this is cut off, the reservation stays and counts: the call may have been paid for.
        answer = await model.ask(prompt, longest_answer=self._settings.longest_answer)
        await self._ledger.settle(number, _cost(model, answer) if answer.is_measured else worst)
        if answer.error is not None:
            _log.info("%s", answer.error)
        return answer

    def _keep(
        self, part: Part, model: ModelClient, answer: Answer, spending: Spending, degraded: str
    ) -> UnitResult:
        kept = KeptAnswer(
            remarks=answer.remarks,
            usage=Usage(
                requests=answer.requests,
                input_tokens=answer.input_tokens,
                output_tokens=answer.output_tokens,
                cost=_cost(model, answer),
            ),
            failure=str(answer.error) if answer.error else "",
        )
        key = _key(part, model, of=spending.review if kept.failure else "")
        self._results.put(key, kept.model_dump_json().encode())
        return part.answered(model.endpoint.model, kept, degraded=degraded)

    def _without_model(self, part: Part, refused: BudgetDecision | None, worst: int) -> UnitResult:
        if refused is None:
            return part.skipped("no model is configured")
        if self._settings.over_budget == "ask":
            raise BudgetExceededError(
                f"{over_budget(refused)}: the next part may cost {dollars(worst)},"
                f" and {dollars(refused.left)} is left",
                limit=(refused.limit or Limit.REVIEW).value,
                needed=worst,
                left=refused.left,
                hint="allow more for this review, or raise the budget in [review]",
            )
        return part.skipped(f"{over_budget(refused)}: no model was asked")

    def _worst_case(self, model: ModelClient, prompt: str) -> int:
        return worst_case(
            price_of(model.endpoint) or _FREE,
            prompt_bytes=len(prompt.encode()) + len(read_prompt().encode()) + _FORM,
            longest_answer=self._settings.longest_answer,
            requests=ASKED_AGAIN + 1,
        )


def _key(part: Part, model: ModelClient, *, of: str = "") -> str:
    return " ".join(filter(None, (part.identity, CURRENT, model.endpoint.model, of)))


def _cost(model: ModelClient, answer: Answer) -> int:
    return (price_of(model.endpoint) or _FREE).cost(answer.input_tokens, answer.output_tokens)


def _most_hopeful(errors: Sequence[ModelError]) -> ModelError:
    """Return what to raise where no model answered: the shortest wait, if waiting may help at all."""
    waits = [error for error in errors if isinstance(error, ModelUnavailableError)]
    if waits:
        return min(waits, key=lambda error: error.retry_after_seconds or float("inf"))
    too_long = [error for error in errors if isinstance(error, ModelContextError)]
    refused = [error for error in errors if isinstance(error, ModelRefusedError)]
    return next(iter([*too_long, *refused, *errors]))
