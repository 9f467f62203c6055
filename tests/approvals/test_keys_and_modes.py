"""Whom a worker believes, and what a signature covers."""

import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approvals.deciding import ALICE, a_decision, a_request, new_key
from perdure.activities.approvals import approval_mode, is_loopback
from perdure.config import ApprovalSettings, Secret, load_settings
from perdure.errors import PrivateKeyError, SettingsError, UsageError
from perdure.model.approvals import ApprovalMode, signed_content
from perdure.web import SigningKey, new_private_key, read_signing_key
from perdure.workflows._signatures import is_signed_by

LOCAL, GATEWAY = ApprovalMode.LOCAL, ApprovalMode.GATEWAY
# The same in every process that collects these tests.
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32))).public_key


@pytest.mark.parametrize(
    ("settings", "address", "expected"),
    [
        ({}, "127.0.0.1:7233", LOCAL),
        ({}, "localhost:7233", LOCAL),
        ({}, "[::1]:7233", LOCAL),
        ({"public_key": KEY}, "127.0.0.1:7233", GATEWAY),
        ({"public_key": KEY}, "temporal.example.com:7233", GATEWAY),
        ({"mode": "local"}, "temporal.example.com:7233", LOCAL),
        ({"mode": "local", "public_key": KEY}, "127.0.0.1:7233", LOCAL),
    ],
)
def test_the_mode_is_local_only_where_nobody_else_comes(settings, address, expected):
    """Unless somebody says so."""
    assert approval_mode(ApprovalSettings.model_validate(settings), address) is expected


@pytest.mark.parametrize("address", ["temporal.example.com:7233", "10.0.0.7:7233", "0.0.0.0:7233"])
@pytest.mark.parametrize("settings", [{}, {"mode": "gateway"}])
def test_a_server_of_many_without_a_gateway_is_refused(settings, address):
    """The hint says how to make a key."""
    with pytest.raises(SettingsError) as caught:
        approval_mode(ApprovalSettings.model_validate(settings), address)
    assert "perdure web key new" in caught.value.hint


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:7233", True),
        ("127.8.8.8:1", True),
        ("[::1]:7233", True),
        ("temporal.localhost:7233", True),
        ("localhost.example.com:7233", False),
        ("[::]:7233", False),
        ("192.168.1.5:7233", False),
    ],
)
def test_which_addresses_are_this_machines_own(address, expected):
    """A name that only begins so is somebody else's."""
    assert is_loopback(address) is expected


def test_a_signature_covers_everything_that_counts():
    """Each part that is changed breaks it."""
    key, decision = new_key(), a_decision(a_request(), teams=("acme/release",), form={"percent": 1})
    signed = key.signed(decision, approval_id="approval/a", run_id="r")

    def is_good(decision, approval_id="approval/a", run_id="r", keys=(key.public_key,)):
        content = signed_content(decision, approval_id=approval_id, run_id=run_id)
        return is_signed_by(keys, content, signed.signature)

    assert is_good(signed)
    assert is_good(signed, keys=(KEY, key.public_key))
    assert not is_good(signed, keys=(KEY,))
    assert not is_good(signed, keys=())
    assert not is_good(signed, approval_id="approval/b")
    assert not is_good(signed, run_id="s")
    changes = {
        "approver": ALICE.model_copy(update={"user_id": 7}),
        "teams": (),
        "verdict": "rejected",
        "digest": "sha256:other",
        "comment": "x",
        "form": {"percent": 2},
        "nonce": "another-one",
        "expires_at": decision.expires_at.replace(year=2030),
    }
    not_covered = {"signature", "how"}
    assert set(changes) == set(type(decision).model_fields) - not_covered
    for name, value in changes.items():
        changed = type(decision).model_validate({**dict(signed), name: value})
        assert not is_good(changed), name


def test_a_key_survives_its_file(tmp_path):
    """Made for its owner alone, and read again through a reference; never overwritten."""
    path = tmp_path / "key.pem"
    key = new_private_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_signing_key(Secret(path.read_text(), reference="file:x")).public_key == key.public_key
    with pytest.raises(UsageError, match="is there already"):
        new_private_key(path)


def test_another_key_is_no_gateways_key():
    """The message names the reference and never the value."""
    with pytest.raises(PrivateKeyError, match="env:KEY") as caught:
        read_signing_key(Secret("-----BEGIN secret", reference="env:KEY"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["ed25519:short", "ed25519:***", "rsa:AAAA", KEY.removeprefix("ed25519:"), f"{KEY} x"]
)
def test_a_public_key_that_is_none_is_refused(value):
    """Where it stands, with what to copy."""
    with pytest.raises(SettingsError, match="PERDURE_APPROVALS_PUBLIC_KEY"):
        load_settings(environ={"PERDURE_APPROVALS_PUBLIC_KEY": value})


def test_several_public_keys_may_be_given(tmp_path):
    """While keys are changed; in a variable with commas or spaces between them."""
    other = new_key().public_key
    for text in (f"{KEY},{other}", f"{KEY} {other}"):
        settings = load_settings(environ={"PERDURE_APPROVALS_PUBLIC_KEY": text}, folder=tmp_path)
        assert settings.approvals.public_key == (KEY, other)
