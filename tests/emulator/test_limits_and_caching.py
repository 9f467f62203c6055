"""ETags, conditional requests and quotas."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

from emulator.workflow_texts import REPOSITORY
from perdure.emulator import GitHubEmulator

RUNS = f"/repos/{REPOSITORY}/actions/runs"


async def test_an_unchanged_answer_costs_nothing(client, emulator):
    """With its ETag a repeated question is answered 304, empty and free; a change is answered in full."""
    first = await client.get(RUNS)
    second = await client.get(RUNS, headers={"if-none-match": first.headers["etag"]})
    await client.dispatch()
    await emulator.idle()
    third = await client.get(RUNS, headers={"if-none-match": first.headers["etag"]})

    assert first.headers["etag"].startswith('W/"')
    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["x-ratelimit-remaining"] == first.headers["x-ratelimit-remaining"]
    assert third.status_code == 200


async def test_an_etag_belongs_to_its_token(client):
    """Another token's ETag is worth nothing."""
    first = await client.get(RUNS)
    headers = {"authorization": "Bearer another", "if-none-match": first.headers["etag"]}

    assert (await client.get(RUNS, headers=headers)).status_code == 200


async def test_every_answer_says_the_time_and_the_quota(client, emulator, clock):
    """Headers carry GitHub's date, a request id and what is left of the hour."""
    clock.ahead = timedelta(hours=2)
    answer = await client.get(f"/repos/{REPOSITORY}")

    assert abs(parsedate_to_datetime(answer.headers["date"]) - clock()) < timedelta(seconds=5)
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-used"]) == ("5000", "1")
    assert answer.headers["x-github-request-id"]
    assert (await client.get("/rate_limit")).json()["resources"]["core"]["remaining"] == 4999


async def test_a_used_up_quota_refuses_until_its_reset(root, connect, clock):
    """Over the limit everything but ``/rate_limit`` is 403 with nothing remaining, until the hour is over."""
    async with GitHubEmulator(root, rate_limit=2, clock=clock) as emulator, connect(emulator) as client:
        answers = [await client.get("/user") for _ in range(3)]
        left = await client.get("/rate_limit")
        clock.ahead = timedelta(hours=1, seconds=1)
        later = await client.get("/user")

    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].json()["message"].startswith("API rate limit exceeded for user ID ")
    assert answers[2].headers["x-ratelimit-remaining"] == "0"
    assert (left.json()["rate"]["remaining"], later.status_code) == (0, 200)
