"""A model behind HTTP that answers well, badly, late or not at all; and what is paid for it."""

import asyncio
from datetime import timedelta

import pytest

from perdure.ai.ledger import Budgets
from perdure.ai.model_list import ModelList
from perdure.ai.spending import Spending, budgets_of
from perdure.ai.unit_reviewer import UnitReviewer
from perdure.ai.units import unit_id
from perdure.config import ModelEndpoint, ReviewSettings
from perdure.errors import (
    BudgetExceededError,
    ModelRateLimitedError,
    ModelRefusedError,
    ModelUnavailableError,
    SecretError,
    SettingsError,
)
from perdure.model.review import FileState, LineRange, ReviewPolicy, ReviewUnit
from review import model_server as server_side
from review.model_server import MODEL, model_server

TEXT = "def pay(amount):\n    total = amount * 2  # BUG\n    return total\n"
UNIT = ReviewUnit(
    path="pay.py", language="python", start_line=11, text=TEXT, added=(LineRange(start=12, end=13),)
)
MINE = Spending(review="review/1", organisation="acme")


@pytest.fixture
async def server():
    async with model_server() as running:
        yield running


@pytest.fixture
def reviewers(tmp_path):
    """Make reviewers of these endpoints, and close their connections at the end."""
    opened = []

    async def make(*servers, price=None, **fields):
        endpoints = tuple(
            each
            if isinstance(each, ModelEndpoint)
            else ModelEndpoint(
                model=f"openai:{MODEL}", base_url=each.base_url, input_price=price, output_price=price
            )
            for each in servers
        )
        settings = ReviewSettings(models=endpoints, folder=tmp_path / "review", **fields)
        models = ModelList(settings)
        opened.append(models)
        return UnitReviewer(models.clients(ReviewPolicy()), settings)

    return make, opened


@pytest.fixture
async def reviewer_of(reviewers):
    make, opened = reviewers
    yield make
    for models in opened:
        await models.__aexit__(None, None, None)


async def test_a_remark_becomes_a_finding_at_its_line(server, reviewer_of):
    """Lines are counted from the unit's first one for the model, and from the file's for people."""
    result = await (await reviewer_of(server)).review(UNIT, MINE)

    (finding,) = result.findings
    assert (finding.path, finding.start_line, finding.rule) == ("pay.py", 12, "planted-mistake")
    assert (result.state, result.model) == (FileState.REVIEWED, f"openai:{MODEL} prompt review-1")
    assert (result.usage.requests, result.usage.input_tokens) == (1, 1000)


@pytest.mark.parametrize("output", ["tool", "native", "prompted"])
async def test_a_model_is_asked_in_the_way_that_it_understands(server, reviewer_of, output):
    """By a tool, by a schema, or in words: many servers know only one of them."""
    endpoint = ModelEndpoint(model=f"openai:{MODEL}", base_url=server.base_url, output=output)
    result = await (await reviewer_of(endpoint)).review(UNIT, MINE)
    assert [finding.start_line for finding in result.findings] == [12]


async def test_anthropics_interface_is_spoken_too(reviewer_of, monkeypatch):
    """With its own address, key and errors."""
    monkeypatch.setenv("MODEL_KEY", "right")
    async with model_server(key="right") as server:
        endpoint = ModelEndpoint(
            model=f"anthropic:{MODEL}", base_url=server.base_url.removesuffix("/v1"), key="env:MODEL_KEY"
        )
        reviewer = await reviewer_of(endpoint)
        server.script.append(server_side.rate_limited("7"))
        with pytest.raises(ModelRateLimitedError) as caught:
            await reviewer.review(UNIT, MINE)
        result = await reviewer.review(UNIT, MINE)
        ready = await probed(endpoint)

    assert caught.value.retry_after == timedelta(seconds=7)
    assert [finding.start_line for finding in result.findings] == [12]
    assert (result.usage.input_tokens, ready.models) == (1000, (f"anthropic:{MODEL}",))


async def test_the_same_part_is_paid_for_once(server, reviewer_of):
    """Neither a repeat nor a push that only moves the part asks again, and the finding moves along."""
    reviewer = await reviewer_of(server, price=10)
    moved = UNIT.model_copy(update={"start_line": 21, "added": (LineRange(start=22, end=23),)})

    first, again, later = [await reviewer.review(unit, MINE) for unit in (UNIT, UNIT, moved)]

    assert server.total == 1
    assert (first.usage.cost, again.usage.cost, again.usage.cached) == (10_500, 0, 1)
    assert [finding.start_line for finding in later.findings] == [22]
    assert later.findings[0].fingerprint == first.findings[0].fingerprint


async def test_two_that_want_the_same_part_at_once_pay_once(server, reviewer_of):
    """The second one waits for the first one's answer, from another process as well: a lock on a file."""
    reviewers = [await reviewer_of(server), await reviewer_of(server)]
    results = await asyncio.gather(*(reviewer.review(UNIT, MINE) for reviewer in reviewers * 3))

    assert server.total == 1
    assert {len(result.findings) for result in results} == {1}


@pytest.mark.parametrize("bad", [server_side.invalid_json, server_side.wrong_form])
async def test_an_answer_of_the_wrong_form_is_asked_for_again(server, reviewer_of, bad):
    """Twice at most: the third answer counts."""
    server.script += [bad, bad]
    result = await (await reviewer_of(server)).review(UNIT, MINE)

    assert (server.total, result.state, len(result.findings)) == (3, FileState.REVIEWED, 1)
    assert result.usage.requests == 3


@pytest.mark.parametrize(
    ("bad", "asked"),
    [
        (server_side.invalid_json, 3),
        (server_side.wrong_form, 3),
        (server_side.refuse, 1),
        (server_side.cut_off, 3),
    ],
)
async def test_a_model_that_gives_no_useful_answer_fails_the_part(server, reviewer_of, bad, asked):
    """What was paid is said, and the same review does not pay for it again."""
    server.always = bad
    reviewer = await reviewer_of(server, price=10)
    result, again = await reviewer.review(UNIT, MINE), await reviewer.review(UNIT, MINE)

    assert (result.state, again.state, server.total) == (FileState.FAILED, FileState.FAILED, asked)
    assert result.reason
    assert result.usage.cost == asked * 10_500


async def test_what_a_model_says_as_it_refuses_leads_nowhere_either(server, reviewer_of):
    """A reason stands in the report, and on the pull request."""
    server.always = server_side.refuse
    result = await (await reviewer_of(server)).review(UNIT, MINE)
    assert "I cannot help with that" in result.reason
    assert "@" not in result.reason
    assert "://" not in result.reason


async def test_a_rate_limit_is_passed_on_with_its_wait(server, reviewer_of):
    """The engine waits as long as the provider asked for; nothing is repeated here."""
    server.script.append(server_side.rate_limited("7"))
    reviewer = await reviewer_of(server)
    with pytest.raises(ModelRateLimitedError) as caught:
        await reviewer.review(UNIT, MINE)

    assert (caught.value.retry_after, server.total) == (timedelta(seconds=7), 1)
    assert (await reviewer.review(UNIT, MINE)).state is FileState.REVIEWED


async def test_a_failing_model_is_an_outage(server, reviewer_of):
    """A 500 is worth another try, later."""
    server.script.append(server_side.fail)
    with pytest.raises(ModelUnavailableError, match="does not answer"):
        await (await reviewer_of(server)).review(UNIT, MINE)
    assert server.total == 1


async def test_a_slow_model_is_given_up(server, reviewer_of):
    """A model that takes longer than allowed counts as out of order, and as paid."""
    release = asyncio.Event()
    server.script.append(server_side.held(release))
    reviewer = await reviewer_of(server, price=10, model_timeout=timedelta(seconds=2), budget_per_review=1000)
    with pytest.raises(ModelUnavailableError):
        await reviewer.review(UNIT, MINE)
    release.set()

    assert await reviewer._ledger.spent("review/1") > 0


async def test_nobody_at_the_address_is_an_outage(reviewer_of):
    """A model server that is being restarted comes back."""
    gone = ModelEndpoint(model="openai:x", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ModelUnavailableError):
        await (await reviewer_of(gone)).review(UNIT, MINE)


@pytest.mark.parametrize("bad", [server_side.fail, server_side.rate_limited(), server_side.out_of_quota])
async def test_the_next_model_answers_where_the_first_does_not(server, reviewer_of, bad):
    """Endpoints are tried in their order."""
    async with model_server() as second:
        server.always = bad
        result = await (await reviewer_of(server, second)).review(UNIT, MINE)

    assert (server.total, second.total, len(result.findings)) == (1, 1, 1)


async def test_a_quota_that_is_used_up_is_permanent(server, reviewer_of):
    """Waiting does not fill an account."""
    server.always = server_side.out_of_quota
    with pytest.raises(ModelRefusedError, match="quota"):
        await (await reviewer_of(server)).review(UNIT, MINE)


async def test_what_is_too_long_is_reviewed_in_halves(server, reviewer_of):
    """No model takes it whole, so that it is cut, and findings keep their lines."""
    text = "".join(f"line {number}{' BUG' if number in (5, 95) else ''}\n" for number in range(1, 101))
    unit = ReviewUnit(path="a.txt", start_line=1, text=text, added=(LineRange(start=1, end=100),))
    server.always = server_side.too_long_over(1500)
    result = await (await reviewer_of(server)).review(unit, MINE)

    assert [finding.start_line for finding in result.findings] == [5, 95]
    assert (result.state, result.unit_id) == (FileState.REVIEWED, unit_id(unit))


async def test_what_stays_too_long_fails(server, reviewer_of):
    """A part that no model takes, however small it is cut, is said to be not reviewed."""
    server.always = server_side.too_long_over(0)
    result = await (await reviewer_of(server)).review(UNIT, MINE)
    assert (result.state, "cannot take so much" in result.reason) == (FileState.FAILED, True)


async def test_over_budget_a_cheaper_model_is_asked(server, reviewer_of):
    """Degrading is said: nobody takes the cheap model's silence for the good one's."""
    cheap = ModelEndpoint(model="openai:cheap", base_url=server.base_url, input_price=0.01, output_price=0.01)
    dear = cheap.model_copy(update={"model": "openai:dear", "input_price": 100, "output_price": 100})
    settings = {"budget_per_review": 0.01}
    reviewer = await reviewer_of(dear, cheap, **settings)
    result = await reviewer.review(UNIT, spending(reviewer))

    assert result.model.startswith("openai:cheap")
    assert result.degraded == "over this review's budget: reviewed by openai:cheap"


@pytest.mark.parametrize("over", ["degrade", "static"])
async def test_over_budget_without_a_cheaper_model_nothing_is_asked(server, reviewer_of, over):
    """The part counts as skipped, with the reason, and the review is partial."""
    reviewer = await reviewer_of(server, price=100, budget_per_day=0.001, over_budget=over)
    result = await reviewer.review(UNIT, spending(reviewer))

    assert (result.state, server.total) == (FileState.SKIPPED, 0)
    assert "over the budget for today" in result.reason


async def test_over_budget_people_may_be_asked(server, reviewer_of):
    """The error says which budget, what is needed and what is left; what people grant is enough."""
    reviewer = await reviewer_of(server, price=100, budget_per_organisation=0.001, over_budget="ask")
    with pytest.raises(BudgetExceededError) as caught:
        await reviewer.review(UNIT, spending(reviewer))
    result = await reviewer.review(UNIT, spending(reviewer, granted=caught.value.needed))

    assert (caught.value.limit, caught.value.left) == ("organisation", 1000)
    assert result.state is FileState.REVIEWED


async def test_calls_under_way_hold_their_worst_case(server, reviewer_of):
    """Ten at once never spend more than the budget, and all are answered where it is enough for all."""
    units = [UNIT.model_copy(update={"path": f"{number}.py"}) for number in range(6)]
    reviewer = await reviewer_of(server, price=1)
    worst = reviewer._worst_case(reviewer._models[0], "x" * 400)
    limited = Spending(review="review/1", budgets=Budgets(review=2 * worst))
    results = await asyncio.gather(*(reviewer.review(unit, limited) for unit in units))

    assert {result.state for result in results} == {FileState.REVIEWED}
    assert server.most_under_way <= 2
    assert await reviewer._ledger.spent("review/1") == 6 * 1050


def spending(reviewer, granted=0):
    budgets = budgets_of(reviewer._settings, of_review=None, granted=granted)
    return Spending(review="review/1", organisation="acme", budgets=budgets)


async def test_keys_and_names_are_tried_out_before_anything_is_paid_for(monkeypatch):
    """A wrong key or name is a permanent error that says what to change."""
    monkeypatch.setenv("MODEL_KEY", "wrong")
    async with model_server(key="right") as server:
        endpoint = ModelEndpoint(model=f"openai:{MODEL}", base_url=server.base_url, key="env:MODEL_KEY")
        with pytest.raises(ModelRefusedError, match="key is not accepted") as refused:
            await probed(endpoint)
        monkeypatch.setenv("MODEL_KEY", "right")
        ready = await probed(endpoint)
        with pytest.raises(ModelRefusedError, match="is not known") as unknown:
            await probed(endpoint.model_copy(update={"model": "openai:reviewer-9"}))
        server.known = None
        undescribed = await probed(endpoint)
        assert server.total == 0

    assert "env:MODEL_KEY" in refused.value.hint
    assert MODEL in unknown.value.hint
    assert ready.models == undescribed.models == (f"openai:{MODEL}",)
    assert (await probed(endpoint)).unreachable == (f"openai:{MODEL}",)


async def probed(*endpoints, **fields):
    async with ModelList(ReviewSettings(models=endpoints, **fields)) as models:
        return await models.probe(ReviewPolicy())


async def test_a_budget_without_a_price_is_refused():
    """A budget that cannot be kept is not promised."""
    endpoint = ModelEndpoint(model="openai:gpt-4o", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(SettingsError, match="nobody knows what openai:gpt-4o costs"):
        await probed(endpoint, budget_per_day=5)


async def test_a_key_that_is_not_there_is_said_by_its_reference(monkeypatch):
    """The message names the reference."""
    monkeypatch.delenv("MODEL_KEY", raising=False)
    with pytest.raises(SecretError, match="env:MODEL_KEY"):
        await probed(ModelEndpoint(model="openai:x", key="env:MODEL_KEY"))
