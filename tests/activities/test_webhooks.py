"""Posting to webhooks: where it may go, what is an error, and what is never said."""

import logging
import socket
from datetime import timedelta

import pytest

from perdure.activities.failures import application_error
from perdure.activities.notifying import PostWebhookInput, WebhookActivities
from perdure.activities.webhooks import WebhookPoster
from perdure.config import NotifySettings
from perdure.errors import NotificationError, NotificationRefusedError, PerdureError, SecretError
from perdure.model.notifications import Message
from webhook_receiver import answer, receiving

HOOK = "env:A_WEBHOOK"
HERE = NotifySettings(allow_private=True, timeout=timedelta(seconds=20))
SECRET = "VerySecretPart"


@pytest.fixture
async def receiver():
    async with receiving() as opened:
        yield opened


@pytest.fixture
def hook(monkeypatch):
    def hold(url):
        monkeypatch.setenv("A_WEBHOOK", url)
        return HOOK

    return hold


async def refused(hook, url, settings=None, *, addresses=("93.184.216.34",)):
    """Post, expect an error, and return it. Nothing in it may repeat the address."""

    async def resolve(host, port):
        return addresses

    poster = WebhookPoster(settings or NotifySettings(), resolve=resolve)
    with pytest.raises(PerdureError) as caught:
        await poster.post(hook(url), {"text": "x"})
    said = f"{caught.value} {caught.value.hint} {caught.value.details()}"
    assert url not in said
    assert SECRET not in said
    return caught.value


async def test_a_message_is_posted_as_slack_takes_it(receiver, hook, environment):
    """Text, blocks, and a link to where to read more; the host is the one that the address names."""
    activities = WebhookActivities(WebhookPoster(HERE), page_of=lambda id: f"http://127.0.0.1:8233/{id}")
    message = Message(text="release failed <!channel>", sections=("*release* failed",), about="p/1")
    await environment.run(
        activities.post_webhook, PostWebhookInput(webhook=hook(receiver.url), message=message)
    )
    [post] = receiver.posts
    assert post["text"] == "release failed &lt;!channel&gt;"
    assert [block["text"]["text"] for block in post["blocks"]] == [
        "*release* failed",
        "<http://127.0.0.1:8233/p/1|Open it in Temporal>",
    ]
    assert f"Host: {receiver.url.split('/')[2]}" in receiver.heads[0]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.5", "172.16.3.4", "192.168.1.1", "100.64.0.1"),
        *("169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:10.0.0.5", "::ffff:127.0.0.1", "64:ff9b::a00:5", "2002:a00:5::1", "fec0::1"),
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
async def test_private_addresses_are_refused_whatever_name_leads_there(hook, address):
    """Loopback, link-local, the cloud's metadata service, and addresses within addresses."""
    error = await refused(hook, "https://hooks.example.com/VerySecretPart", addresses=(address,))
    assert isinstance(error, NotificationRefusedError)
    assert "private address" in str(error)
    assert "allow_private" in (error.hint or "")


async def test_one_private_address_among_public_ones_is_enough(hook):
    """A name with two addresses would be asked at either."""
    error = await refused(hook, "https://a.example.com/", addresses=("93.184.216.34", "10.0.0.5"))
    assert isinstance(error, NotificationRefusedError)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://127.0.0.1/VerySecretPart",
            "https://[::1]/VerySecretPart",
            "https://10.1.2.3/VerySecretPart",
        ),
        *("https://[::ffff:169.254.169.254]/VerySecretPart", "https://[fe80::1]/VerySecretPart"),
    ],
)
async def test_private_addresses_are_refused_where_they_are_written_out(hook, url):
    """Nothing is resolved then."""
    assert "private address" in str(await refused(hook, url))


@pytest.mark.parametrize("text", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"])
async def test_other_spellings_of_loopback_are_refused(hook, text):
    """The system's resolver takes them for addresses, as connecting would; or they are no address at all."""
    poster = WebhookPoster(NotifySettings())
    with pytest.raises(NotificationRefusedError, match=r"private address|holds no address"):
        await poster.post(hook(f"https://{text}/"), {})


async def test_a_name_is_asked_once_and_the_request_goes_there(receiver, hook):
    """A name that leads elsewhere at the second question gains nothing."""
    asked = []

    async def resolve(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.5"]

    url = receiver.url.replace("127.0.0.1", "hooks.example.com")
    await WebhookPoster(HERE, resolve=resolve).post(hook(url), {"text": "x"})
    assert asked == ["hooks.example.com"]
    assert receiver.texts == ["x"]
    assert "Host: hooks.example.com:" in receiver.heads[0]


async def test_the_next_address_is_tried_where_nobody_listens_at_the_first(receiver, hook):
    """As where a machine has no way to IPv6."""

    async def resolve(host, port):
        return ["127.0.0.2", "127.0.0.1"]

    url = receiver.url.replace("127.0.0.1", "hooks.example.com")
    await WebhookPoster(HERE, resolve=resolve).post(hook(url), {"text": "x"})
    assert receiver.texts == ["x"]


async def test_only_https_leaves_this_machine(hook):
    """Also where private addresses are allowed."""
    for settings in (NotifySettings(), HERE):
        error = await refused(hook, "http://hooks.example.com/VerySecretPart", settings)
        assert isinstance(error, NotificationRefusedError)
        assert "https" in str(error)


async def test_only_hosts_that_the_settings_name_are_posted_to(hook):
    """Where they name any."""
    settings = NotifySettings(hosts=("hooks.slack.com",))
    error = await refused(hook, "https://hooks.example.com/VerySecretPart", settings)
    assert "none of those" in str(error)
    assert "hosts" in (error.hint or "")


@pytest.mark.parametrize(
    "value",
    [
        *(
            "ghp_thisIsAToken0123456789",
            "ftp://hooks.example.com/VerySecretPart",
            "hooks.example.com/VerySecretPart",
        ),
        *("https:///VerySecretPart", "https://user:VerySecretPart@hooks.example.com/", "file:///etc/passwd"),
        "https://hooks.example.com:99999/VerySecretPart",
    ],
)
async def test_what_is_no_webhook_is_refused_and_not_repeated(hook, value):
    """The secret that was named by mistake is another one's."""
    error = await refused(hook, value)
    assert isinstance(error, NotificationRefusedError)
    assert str(error) == f"{HOOK} holds no address of a webhook"


async def test_a_reference_that_leads_nowhere_names_itself(monkeypatch):
    """What to set is said."""
    monkeypatch.delenv("A_WEBHOOK", raising=False)
    with pytest.raises(SecretError, match=HOOK):
        await WebhookPoster(HERE).post(HOOK, {})


@pytest.mark.parametrize(
    ("said", "message", "is_permanent", "seconds"),
    [
        (answer(404, "no_service"), "answered 404 (no_service)", True, None),
        (answer(400, "VerySecretPart is wrong"), "answered 400", True, None),
        (answer(302, location="http://127.0.0.1:1/"), "redirects are not followed", True, None),
        (answer(500), "answered 500", False, None),
        (answer(429, retry_after="7"), "answered 429", False, 7.0),
        (answer(503, retry_after="999999"), "answered 503", False, 3600.0),
        ("rubbish\r\n\r\n", "broke off", False, None),
        ("", "broke off", False, None),
    ],
)
async def test_what_a_webhook_answers(receiver, hook, said, message, is_permanent, seconds):
    """Permanent or worth another try, and when; its own words only where they are Slack's."""
    receiver.always = said
    error = await refused(hook, receiver.url, HERE)
    assert isinstance(error, NotificationError)
    assert message in str(error)
    assert (error.permanent, error.retry_after_seconds) == (is_permanent, seconds)
    failure = application_error(error)
    assert failure.next_retry_delay == (timedelta(seconds=seconds) if seconds else None)
    assert len(receiver.posts) == 1


async def test_an_answer_that_never_ends_is_not_read_to_its_end(receiver, hook):
    """A few kB are enough to know."""
    receiver.always = "HTTP/1.1 200 OK\r\ncontent-length: 900000000\r\n\r\n" + "x" * 20_000
    await WebhookPoster(HERE).post(hook(receiver.url), {"text": "x"})


async def test_a_webhook_that_is_silent_is_given_up(receiver, hook):
    """After the time that the settings give it."""
    receiver.always = "hang"
    settings = NotifySettings(allow_private=True, timeout=timedelta(milliseconds=300))
    error = await refused(hook, receiver.url, settings)
    assert "did not answer within 0.3 s" in str(error)
    assert not error.permanent


async def test_nobody_listening_is_worth_another_try(hook):
    """It may be restarting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = await refused(hook, f"http://127.0.0.1:{port}/VerySecretPart", HERE)
    assert "cannot be connected to" in str(error)
    assert not error.permanent


async def test_the_address_is_in_no_log(receiver, hook, caplog):
    """Not at any level, of any library."""
    with caplog.at_level(logging.DEBUG):
        await WebhookPoster(HERE).post(hook(receiver.url), {"text": "x"})
        await refused(hook, "https://10.0.0.1/VerySecretPart")
    assert SECRET not in caplog.text
