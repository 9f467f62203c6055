"""Large values on their way through the engine."""

import base64
import zlib

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.model.base import Model
from perdure.model.packing import MAX_BYTES, PackedModel, TravellingModel


class Inner(Model):
    name: str = ""
    numbers: tuple[int, ...] = ()


class Large(PackedModel):
    inner: tuple[Inner, ...] = ()
    chosen: frozenset[str] = frozenset()


class Outer(PackedModel):
    large: Large | None = None


SMALL = Large(inner=(Inner(name="one"),), chosen=frozenset({"a"}))
LARGE = Large(inner=tuple(Inner(name=f"number {n}", numbers=(n, n + 1)) for n in range(2_000)))


@pytest.mark.parametrize("value", [SMALL, LARGE, Large(), Outer(large=LARGE), Outer(large=SMALL), Outer()])
def test_what_is_packed_is_read_again(value):
    """Large or small, alone or in another: what arrives is what was sent."""
    assert TypeAdapter(type(value)).validate_json(to_json(value)) == value
    assert type(value).model_validate(value.model_dump(mode="json")) == value


async def test_it_goes_through_the_engines_converter():
    """As a workflow's input does."""
    payloads = await pydantic_data_converter.encode([LARGE])
    assert len(payloads[0].data) < len(to_json(LARGE.inner)) / 4
    assert await pydantic_data_converter.decode(payloads, [Large]) == [LARGE]


class Told(TravellingModel):
    inner: tuple[Inner, ...] = ()


def test_what_people_are_shown_is_packed_only_on_its_way():
    """A workflow's answer travels compressed; whoever writes it as JSON again finds its fields there."""
    told = Told(inner=LARGE.inner)
    arrived = TypeAdapter(Told).validate_json(to_json(told.travelling()))
    assert len(to_json(told.travelling())) < len(to_json(told)) / 4
    assert arrived == told
    assert set(arrived.model_dump(mode="json")) == {"inner"}


def test_what_is_small_stays_readable():
    """People read it in Temporal's UI."""
    assert to_json(SMALL) == b'{"inner":[{"name":"one","numbers":[]}],"chosen":["a"]}'


def test_python_sees_nothing_of_it():
    """Only what is written as JSON is packed: a digest of the value does not depend on its size."""
    assert set(LARGE.model_dump()) == {"inner", "chosen"}
    assert Large(inner=LARGE.inner) == LARGE


def test_the_size_is_that_on_the_way():
    """What is compared with the engine's limit is what the engine gets."""
    assert LARGE.packed_size == len(to_json(LARGE)) < MAX_BYTES


@pytest.mark.parametrize(
    "packed",
    [
        "no base64 at all!",
        base64.b64encode(b"not compressed").decode(),
        base64.b64encode(zlib.compress(b'{"inner":[]}')[:-4]).decode(),
        base64.b64encode(zlib.compress(b'{"inner": 7}')).decode(),
        base64.b64encode(zlib.compress(b"not json")).decode(),
    ],
)
def test_what_nobody_packed_is_refused(packed):
    """Whoever reaches the engine can send anything: it is a value that does not fit, as any other."""
    with pytest.raises(ValidationError):
        Large.model_validate({"packed": packed})


def test_a_small_text_never_becomes_gigabytes():
    """What unpacks to more than anything of ours is not unpacked."""
    bomb = base64.b64encode(zlib.compress(bytes(150_000_000))).decode()
    assert len(bomb) < 300_000
    with pytest.raises(ValidationError, match="larger than"):
        Large.model_validate({"packed": bomb})
