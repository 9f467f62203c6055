"""Embedders: by words on this machine, or a model behind OpenAI's API, with others to fall back to."""

import numpy as np
import pytest

from perdure.ai.embedders import open_embedder
from perdure.ai.embedding import LexicalEmbedder
from perdure.ai.embedding_endpoints import EndpointEmbedder
from perdure.config import IndexSettings, Secret, load_settings
from perdure.errors import (
    ModelAnswerError,
    ModelContextError,
    ModelRateLimitedError,
    ModelRefusedError,
    ModelUnavailableError,
    SettingsError,
)
from review.embedding_server import MODEL, Failure, running_embedding_server


@pytest.fixture
async def server():
    async with running_embedding_server() as running:
        yield running


@pytest.fixture
async def embedder(server):
    opened = EndpointEmbedder([server.url], MODEL)
    yield opened
    await opened.close()


async def nearness(one, other):
    first, second = await LexicalEmbedder().embed([one, other])
    return float(first @ second)


async def test_texts_with_the_same_words_are_near():
    """However the words are written together."""
    assert await nearness("def readFile(path)", "read_file path def") > 0.95
    assert await nearness("def readFile(path)", "read the path of a file") > await nearness(
        "def readFile(path)", "send mail to people"
    )


async def test_vectors_are_the_same_everywhere():
    """Workers write into one index: the hash may not depend on the process."""
    [vector] = await LexicalEmbedder().embed(["read file"])
    assert vector.shape == (1024,)
    assert sorted(np.flatnonzero(vector).tolist()) == [179, 776]
    assert np.isclose(np.linalg.norm(vector), 1)


async def test_text_without_words_has_a_vector_too():
    """Of no length, near nothing."""
    assert not (await LexicalEmbedder().embed(["+-*"])).any()


async def test_vectors_come_in_the_order_of_the_texts(server, embedder):
    """Whatever order the server answers in."""
    vectors = await embedder.embed(["a", "b"])
    [alone] = await embedder.embed(["b"])
    assert vectors.shape == (2, 64)
    assert np.allclose(vectors[1], alone)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)


async def test_the_key_is_sent(server):
    """As OpenAI's API wants it."""
    embedder = EndpointEmbedder([server.url], MODEL, key=Secret("sk-1", reference="test"))
    await embedder.embed(["a"])
    await embedder.close()
    assert server.keys == {"Bearer sk-1"}


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(429, headers={"retry-after": "7"}), ModelRateLimitedError),
        (Failure(500), ModelUnavailableError),
        (Failure(503, headers={"retry-after": "7"}), ModelUnavailableError),
        (Failure(401, {"error": {"message": "Incorrect API key provided"}}), ModelRefusedError),
        (Failure(404, {"error": {"message": "no such model"}}), ModelRefusedError),
        (Failure(400, {"error": {"message": "maximum context length is 512"}}), ModelContextError),
        (Failure(200, {"data": []}), ModelAnswerError),
        (Failure(200, {"data": [{"index": 0, "embedding": "zzzz"}]}), ModelAnswerError),
        (Failure(200, {"data": [{"index": 0, "embedding": []}]}), ModelAnswerError),
        (Failure(200, ["nothing"]), ModelAnswerError),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
async def test_what_goes_wrong_is_told_apart(server, embedder, failure, expected):
    """An outage is waited for; what will not get better by waiting is said at once; nothing is repeated."""
    server.failures.append(failure)
    with pytest.raises(expected) as raised:
        await embedder.embed(["a"])
    assert type(raised.value) is expected
    assert server.requests == 1
    if "retry-after" in failure.headers:
        assert raised.value.retry_after.total_seconds() == 7


async def test_another_server_answers_where_one_does_not(server):
    """And is asked first for a while."""
    async with running_embedding_server() as second:
        server.failures += [Failure(500)]
        embedder = EndpointEmbedder([server.url, second.url], MODEL)
        await embedder.embed(["a"])
        await embedder.embed(["b"])
        await embedder.close()
        assert (server.requests, second.requests) == (1, 2)


async def test_a_server_that_is_down_is_no_end(server):
    """A refused connection is an outage like any other."""
    embedder = EndpointEmbedder(["http://127.0.0.1:9/v1", server.url], MODEL)
    assert (await embedder.embed(["a"])).shape == (1, 64)
    await embedder.close()


async def test_servers_of_different_models_are_noticed(server):
    """Their vectors would be compared, and searches would return noise."""
    async with running_embedding_server(dimension=32) as other:
        embedder = EndpointEmbedder([server.url, other.url], MODEL)
        await embedder.embed(["a"])
        server.failures.append(Failure(500))
        with pytest.raises(ModelAnswerError, match="32 numbers"):
            await embedder.embed(["b"])
        await embedder.close()


async def test_health_is_a_word_or_a_reason(server, embedder):
    """It is shown in heartbeats, and never costs an embedding."""
    assert await embedder.health() == "ok"
    assert server.total == 0
    gone = EndpointEmbedder(["http://127.0.0.1:9/v1"], MODEL)
    assert "ConnectError" in await gone.health()
    await gone.close()
    assert await LexicalEmbedder().health() == "ok"


async def test_settings_choose_the_embedder(server):
    """Words where nothing is configured."""
    async with open_embedder(IndexSettings()) as embedder:
        assert embedder.model == "lexical-1"
    async with open_embedder(IndexSettings(embedder_urls=(server.url,), embedder_model=MODEL)) as embedder:
        assert (embedder.model, (await embedder.embed(["a"])).shape) == (MODEL, (1, 64))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PERDURE_INDEX_EMBEDDER_MODEL": "m"}, "both embedder_urls and embedder_model"),
        (
            {
                "PERDURE_INDEX_EMBEDDER_MODEL": "m",
                "PERDURE_INDEX_EMBEDDER_URLS": "http://gpu-1.example:8000/v1",
                "PERDURE_INDEX_EMBEDDER_KEY": "env:KEY",
            },
            "show the key to the network",
        ),
        ({"PERDURE_INDEX_EMBEDDER_MODEL": "m", "PERDURE_INDEX_EMBEDDER_URLS": "gpu-1"}, "http or https"),
        ({"PERDURE_INDEX_GPUS": "0"}, "PERDURE_INDEX_GPUS"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, variables, message):
    """Before a worker starts."""
    with pytest.raises(SettingsError) as refused:
        load_settings(environ={"HOME": str(tmp_path), **variables}, folder=tmp_path)
    assert message in f"{refused.value} {refused.value.hint}"
