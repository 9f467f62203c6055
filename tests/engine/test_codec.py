"""What leaves the process is encrypted, opens only where it should, and says which key is missing."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.converter import WorkflowSerializationContext

from perdure.config import EncryptionSettings, Settings
from perdure.engine.codec import FORMAT, KEY_ID, EncryptionCodec
from perdure.engine.data_conversion import data_converter
from perdure.engine.key_ring import KeyRing, new_key
from perdure.errors import EncryptionKeyError, SecretError, SettingsError

SECRET_TEXT = b"ada@example.test pays 4711"


@pytest.fixture
def keys(monkeypatch):
    """Two keys in the environment."""
    for name in ("OLD_KEY", "NEW_KEY"):
        monkeypatch.setenv(name, new_key())
    return {"old": "env:OLD_KEY", "new": "env:NEW_KEY"}


def codec(references, active=None, namespace="default", **organizations):
    settings = EncryptionSettings(keys=references, active=active, organizations=organizations)
    return EncryptionCodec(KeyRing.of(settings), namespace=namespace)


def payload(data=SECRET_TEXT):
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


async def test_a_payload_comes_back_and_shows_nothing_on_its_way(keys):
    """Neither the value nor what it is can be read, only which key opens it."""
    with_key = codec(keys, "new")
    [sealed] = await with_key.encode([payload()])
    assert SECRET_TEXT not in sealed.SerializeToString()
    assert b"json/plain" not in sealed.SerializeToString()
    assert sealed.metadata[KEY_ID] == b"new"
    assert await with_key.decode([sealed]) == [payload()]


async def test_the_same_value_never_looks_the_same(keys):
    """Whoever compares ciphertexts learns nothing."""
    sealed = await codec(keys, "new").encode([payload(), payload()])
    assert sealed[0].data != sealed[1].data


async def test_old_keys_still_read_after_a_new_one_writes(keys):
    """A rotation loses no history."""
    before = await codec({"old": keys["old"]}).encode([payload()])
    after = codec(keys, "new")
    assert await after.decode(before) == [payload()]
    [sealed] = await after.encode([payload()])
    assert sealed.metadata[KEY_ID] == b"new"


async def test_what_was_written_before_encryption_still_reads(keys):
    """Switching it on loses no history either."""
    assert await codec(keys, "new").decode([payload()]) == [payload()]


async def test_a_missing_key_is_named_with_how_to_supply_it(keys):
    """Nobody gets ciphertext for a value, and everybody learns what to do."""
    sealed = await codec({"old": keys["old"]}).encode([payload()])
    for reader in (codec({"new": keys["new"]}), codec({})):
        with pytest.raises(EncryptionKeyError, match="key 'old'") as missing:
            await reader.decode([payload(), *sealed])
        assert missing.value.key_id == "old"
        assert '"old" = "file:PATH"' in str(missing.value.hint)


async def test_another_key_under_the_same_id_opens_nothing(keys):
    """The message names the id and where the wrong key comes from, and never a value."""
    sealed = await codec({"main": keys["old"]}).encode([payload()])
    with pytest.raises(EncryptionKeyError, match=r"key 'main'.*env:NEW_KEY") as wrong:
        await codec({"main": keys["new"]}).decode(sealed)
    assert wrong.value.key_id == "main"


async def test_a_payload_of_another_namespace_does_not_open(keys):
    """Who may write into one namespace cannot have another's secrets shown to them there."""
    sealed = await codec(keys, "new", namespace="production").encode([payload()])
    with pytest.raises(EncryptionKeyError, match=r"than 'default'"):
        await codec(keys, "new").decode(sealed)


async def test_a_payload_under_another_keys_id_does_not_open(keys):
    """The id is part of what is authenticated, even where both ids lead to one key."""
    both = {"a": keys["new"], "b": keys["new"]}
    [sealed] = await codec(both, "a").encode([payload()])
    sealed.metadata[KEY_ID] = b"b"
    with pytest.raises(EncryptionKeyError, match="key 'b'"):
        await codec(both, "a").decode([sealed])


async def test_no_changed_byte_goes_unnoticed(keys):
    """Whatever is flipped or cut, nothing half read comes out."""
    with_key = codec(keys, "new")
    [sealed] = await with_key.encode([payload(SECRET_TEXT * 100)])
    chosen = random.Random(7)
    for place in [0, len(sealed.data) - 1, *chosen.sample(range(len(sealed.data)), 20)]:
        changed = Payload()
        changed.CopyFrom(sealed)
        changed.data = bytes([*sealed.data[:place], sealed.data[place] ^ 1, *sealed.data[place + 1 :]])
        with pytest.raises(EncryptionKeyError):
            await with_key.decode([changed])
    for length in (0, 10, 24, 40, len(sealed.data) - 1):
        cut = Payload(metadata=sealed.metadata, data=sealed.data[:length])
        with pytest.raises(EncryptionKeyError):
            await with_key.decode([cut])


async def test_a_later_format_is_not_guessed_at(keys):
    """A release that does not know the format says so."""
    [sealed] = await codec(keys, "new").encode([payload()])
    sealed.metadata[FORMAT] = b"2"
    with pytest.raises(EncryptionKeyError, match="later release"):
        await codec(keys, "new").decode([sealed])


async def test_text_is_compressed_first_and_noise_is_not(keys):
    """Ciphertext does not shrink, so what can shrink does so before."""
    with_key = codec(keys, "new")
    noise = random.Random(1).randbytes(50_000)
    text, random_bytes = await with_key.encode([payload(SECRET_TEXT * 2_000), payload(noise)])
    assert len(text.data) < 5_000
    assert len(random_bytes.data) - 50_000 < 200


async def test_a_large_payload_does_not_hold_up_the_event_loop(keys):
    """Heartbeats go out while 8 MB are encrypted and opened."""
    with_key, turns = codec(keys, "new"), 0

    async def turn():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    large = payload(random.Random(2).randbytes(8_000_000))
    sealed = await with_key.encode([large])
    assert await with_key.decode(sealed) == [large]
    turning.cancel()
    assert turns > 3


async def test_an_organisations_workflows_use_its_own_key(keys):
    """Its key can be withdrawn without touching anybody else's."""
    with_keys = codec(keys, "new", ACME="old")
    for workflow_id, key_id in {
        "action/acme/tools/echo.yml/1": b"old",
        "action/other/tools/echo.yml/1": b"new",
        "pipeline/acme-like/1": b"new",
    }.items():
        context = WorkflowSerializationContext(namespace="default", workflow_id=workflow_id)
        of_workflow = with_keys.with_context(context)
        [sealed] = await of_workflow.encode([payload()])
        assert sealed.metadata[KEY_ID] == key_id
        [opened] = await with_keys.opened([sealed])
        assert (opened.payload, opened.workflow_id) == (payload(), workflow_id)


async def test_without_keys_nothing_is_encrypted():
    """Encryption is a choice."""
    assert await codec({}).encode([payload()]) == [payload()]


@given(st.binary(max_size=3_000), st.dictionaries(st.text(min_size=1), st.binary()), st.text(max_size=100))
def test_whatever_goes_in_comes_out(data, metadata, workflow_id):
    """No content, metadata or id is special."""
    ring = KeyRing({"a": "env:PERDURE_TEST_KEY"}, active="a")
    ring._keys["a"] = bytes(32)
    any_codec = EncryptionCodec(ring, namespace="n", workflow_id=workflow_id)
    given_payload = Payload(metadata=metadata, data=data)
    assert asyncio.run(_there_and_back(any_codec, given_payload)) == given_payload


async def _there_and_back(any_codec, given_payload):
    return (await any_codec.decode(await any_codec.encode([given_payload])))[0]


@pytest.mark.parametrize("text", ["", "short", "pdk1_short", "not base 64 at all, but 32 bytes long"])
def test_a_text_that_is_no_key_is_refused_without_being_repeated(text, tmp_path):
    """What stands in the wrong place may be another secret."""
    file = tmp_path / "a.key"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"a\.key") as refused:
        KeyRing.of(EncryptionSettings(keys={"a": f"file:{file}"}))
    assert not text or text not in str(refused.value)


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    """A key is as private as what it protects."""
    file = tmp_path / "a.key"
    file.write_text(new_key())
    file.chmod(0o644)
    with pytest.raises(SecretError, match="others on this machine may read") as refused:
        KeyRing.of(EncryptionSettings(keys={"a": f"file:{file}"}))
    assert "chmod 600" in str(refused.value.hint)


async def test_errors_are_encrypted_as_inputs_are(keys):
    """A message and a stack trace may hold as much as an input does."""
    from temporalio.api.failure.v1 import Failure

    settings = Settings(encryption=EncryptionSettings(keys=keys, active="new"))
    converter, failure = data_converter(settings, "default"), Failure()
    await converter.encode_failure(ValueError(SECRET_TEXT.decode()), failure)
    assert SECRET_TEXT not in failure.SerializeToString()
    assert str(await converter.decode_failure(failure)).endswith(SECRET_TEXT.decode())
