"""What is secret, or looks like it, never comes out of a log or an error."""

import logging

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from perdure.config import RedactingFormatter, Secret, Settings, redacted, without_secrets
from perdure.engine.data_conversion import data_converter

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nq9x\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("token ghp_abc.DEF-1 used", "token [secret] used"),
        ("github_pat_11AB_cd", "[secret]"),
        (f"a key:\n{PEM}\nand more", "a key:\n[secret]\nand more"),
        (PEM.partition("q9x")[0], "[secret]"),
        ("eyJhbGciOiJSUzI1.eyJpc3MiOiI0NzEx.c2ln", "[secret]"),
        ("Authorization: Bearer abcdefgh123", "Authorization: [secret]"),
        ("{'x-api-key': 'abcdefgh123'}", "{'x-api-key': '[secret]'}"),
        ("pdk1_AAAA-_= and sk-proj-0123456789abcdef", "[secret] and [secret]"),
        ("to ada.l+x@mail.example.test, now", "to [e-mail address], now"),
        ("git@host task-queue disk-0123456789abcdef01 acme/tools@main", None),
    ],
)
def test_what_looks_secret_is_left_out(text, clean):
    """And nothing else is."""
    assert redacted(text) == (clean or text)


def test_a_secret_that_was_read_is_known_wherever_it_comes_from():
    """It need not look like one."""
    Secret("correct horse battery", reference="env:A")
    assert without_secrets("with correct horse battery staple") == "with [secret] staple"


def test_tracebacks_are_redacted_too():
    """A library's error may hold the request."""
    with pytest.raises(ValueError, match="ghs_") as caught:
        raise ValueError("sent ghs_0123456789")
    error = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("n", logging.ERROR, "p", 1, "failed", (), error)
    said = RedactingFormatter().format(record)
    assert "ValueError: sent [secret]" in said


async def test_an_errors_message_reaches_a_history_without_secrets():
    """Without encryption too, and so do the messages of its causes."""
    error, failure = ApplicationError("refused ghs_0123456789"), Failure()
    error.__cause__ = ValueError("with ghp_9876543210")
    await data_converter(Settings(), "default").encode_failure(error, failure)
    assert failure.message == "refused [secret]"
    assert failure.cause.message == "with [secret]"
    assert b"0123456789" not in failure.SerializeToString()
