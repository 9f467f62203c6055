"""The index: each chunk once, one model's vectors apart from another's, searches within one tree."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from perdure.ai.chunk_table import open_table, table_name
from perdure.ai.chunking import cut_file
from perdure.ai.embedding import LexicalEmbedder
from perdure.ai.index import ChunkIndex, fuse
from perdure.ai.words import words_of
from perdure.errors import InvalidRepositoryError, ModelAnswerError
from perdure.model.indexing import Chunk, EmbeddedChunks, batch_id

SOURCE = Path(__file__).parents[2] / "src" / "perdure"
ONE, TWO = f"acme/tools@{'1' * 40}", f"acme/tools@{'2' * 40}"
EMBEDDER = LexicalEmbedder()


def chunk(number, text=None):
    text = text or f"def function_{number}():\n    return {number}"
    return Chunk(chunk_id=f"id-{number}", path=f"f{number}.py", start_line=1, end_line=2, text=text)


@pytest.fixture
def index(tmp_path):
    return ChunkIndex(tmp_path / "index")


async def put(index, repository, chunks, model=EMBEDDER.model):
    vectors = await EMBEDDER.embed([chunk.text for chunk in chunks])
    await index.upsert(model, repository, chunks, vectors)


async def rows(index, model=EMBEDDER.model):
    return await index.settle(model)


async def test_the_same_chunks_again_change_nothing(index):
    """An attempt that was killed after it had written writes again."""
    chunks = [chunk(number) for number in range(20)]
    await put(index, "acme/tools", chunks)
    await put(index, "acme/tools", chunks[:5])
    assert await rows(index) == 20


async def test_what_is_there_is_known(index):
    """Before anything is computed."""
    await put(index, "acme/tools", [chunk(number) for number in range(3)])
    asked = [f"id-{number}" for number in range(2_500)]
    assert await index.existing_ids(EMBEDDER.model, "acme/tools", asked) == {"id-0", "id-1", "id-2"}
    assert await index.existing_ids(EMBEDDER.model, "acme/other", asked) == set()
    assert await index.existing_ids("another-model", "acme/tools", asked) == set()


async def test_another_repository_takes_over_what_is_the_same(index):
    """A fork costs nothing."""
    chunks = [chunk(number) for number in range(3)]
    await put(index, "acme/tools", chunks)
    copied = await index.copy_from_others(EMBEDDER.model, "mona/tools", [*chunks[1:], chunk(9)])
    assert copied == {"id-1", "id-2"}
    assert await index.existing_ids(EMBEDDER.model, "mona/tools", ["id-0", "id-1", "id-9"]) == {"id-1"}
    assert await rows(index) == 5


async def test_vectors_of_another_length_are_refused(index):
    """Two servers of what is said to be one model may serve two."""
    await put(index, "acme/tools", [chunk(1)])
    with pytest.raises(ModelAnswerError, match="1024 numbers"):
        await index.upsert(EMBEDDER.model, "acme/tools", [chunk(2)], await _short_vectors())


async def _short_vectors():
    return (await EMBEDDER.embed(["text"]))[:, :64]


async def test_models_do_not_see_each_other(index):
    """The vectors of one mean nothing to another."""
    await put(index, "acme/tools", [chunk(1)], model="one")
    await put(index, "acme/tools", [chunk(2)], model="ONE")
    assert (await rows(index, "one"), await rows(index, "ONE")) == (1, 1)
    assert table_name("one") != table_name("ONE")


async def test_a_search_sees_one_tree(index):
    """Chunks of other commits are in the same table, and answer no question about this one."""
    early, late, both = (
        chunk(1, "parse the old file"),
        chunk(2, "parse the new file"),
        chunk(3, "parse a word"),
    )
    await put(index, "acme/tools", [early, late, both])
    await index.record_tree(ONE, [early, both])
    await index.record_tree(TWO, [late, both.model_copy(update={"path": "moved.py", "start_line": 7})])
    for tree, expected in ((ONE, {"f1.py", "f3.py"}), (TWO, {"f2.py", "moved.py"})):
        [vector] = await EMBEDDER.embed(["parse file"])
        found = await index.search(EMBEDDER.model, tree, "parse file", vector, limit=10)
        assert {each.path for each in found} == expected
    assert found[0].text == "parse the new file"
    assert found[-1].start_line == 7


async def test_a_tree_is_searched_although_others_fill_the_first_places(index):
    """Hundreds of nearer chunks of other commits do not hide those of this one."""
    crowd = [chunk(number, f"retry the request {number}") for number in range(400)]
    own = chunk(1_000, "retry")
    await put(index, "acme/tools", [*crowd, own])
    await index.record_tree(ONE, [own])
    [vector] = await EMBEDDER.embed(["retry the request"])
    found = await index.search(EMBEDDER.model, ONE, "retry the request", vector, limit=3)
    assert [each.path for each in found] == ["f1000.py"]


async def test_words_alone_are_enough(index):
    """Where the embedder is out of reach, a search still finds what has the words."""
    await put(index, "acme/tools", [chunk(1, "def readConfigFile(): ..."), chunk(2, "def write(): ...")])
    await index.record_tree(ONE, [chunk(1), chunk(2)])
    found = await index.search(EMBEDDER.model, ONE, "read_config", None, limit=5)
    assert [each.path for each in found] == ["f1.py"]


async def test_what_was_never_indexed_is_found_nowhere(index):
    """No error: a review without related code is still a review."""
    assert await index.search(EMBEDDER.model, ONE, "anything", None, limit=5) == []
    await put(index, "acme/tools", [chunk(1)])
    assert await index.search(EMBEDDER.model, ONE, "function", None, limit=5) == []
    assert await index.search(EMBEDDER.model, ONE, "'; --", None, limit=5) == []


@pytest.mark.parametrize("tree", ["../x@" + "1" * 40, "acme/tools@main", "", "acme/..@" + "1" * 40])
async def test_a_tree_is_no_path(index, tree):
    """Names of trees become names of files."""
    with pytest.raises(InvalidRepositoryError):
        await index.record_tree(tree, [])


async def test_a_finished_job_is_known(index):
    """Its result is there again where the answer was lost."""
    result = EmbeddedChunks(batch_id="b" * 32, chunks=3, computed=2)
    assert await index.finished_batch(result.batch_id) is None
    await index.finish_batch(result)
    assert await index.finished_batch(result.batch_id) == result


def test_a_job_is_its_workflow_activity_and_content():
    """Workflow and activity repeat after continue-as-new: the content tells the jobs apart."""
    ids = {
        batch_id("w", "1", "content", "acme/tools"),
        batch_id("w", "1", "other", "acme/tools"),
        batch_id("w", "1", "content", "mona/tools"),
        batch_id("w", "2", "content", "acme/tools"),
        batch_id("v", "1", "content", "acme/tools"),
        batch_id("w1", "", "content", "acme/tools"),
    }
    assert len(ids) == 6


def test_rankings_are_fused_by_rank():
    """High in both beats first in one; ties are broken the same way every time."""
    assert fuse([["a", "b", "c"], ["d", "b", "e"]]) == ["b", "a", "d", "c", "e"]
    assert fuse([[], []]) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("readFile", ["read", "file"]),
        ("read_file2", ["read", "file", "2"]),
        ("HTTPServer", ["http", "server"]),
        ("größe", ["gr", "öß", "e"]),
        ("x" * 50, []),
    ],
)
def test_names_are_split_into_words(text, words):
    """A search for words finds names that are made of them."""
    assert words_of(text) == words


_WRITE = """
import asyncio, sys
from pathlib import Path
from perdure.ai.embedding import LexicalEmbedder
from perdure.ai.index import ChunkIndex
from perdure.model.indexing import Chunk

async def main():
    index, embedder = ChunkIndex(Path(sys.argv[1])), LexicalEmbedder()
    for first in range(0, 300, 100):
        chunks = [
            Chunk(chunk_id=f"id-{n}", path="a.py", start_line=1, end_line=1, text=f"text {n}")
            for n in range(first, first + 100)
        ]
        vectors = await embedder.embed([chunk.text for chunk in chunks])
        await index.upsert(embedder.model, "acme/tools", chunks, vectors)

asyncio.run(main())
"""


async def test_four_processes_that_write_the_same_leave_each_chunk_once(index, tmp_path):
    """Without a primary key LanceDB keeps several rows for a key that is new to all of them, silently."""
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _WRITE, str(tmp_path / "index")),
            env={**os.environ, "PYTHONPATH": str(SOURCE.parent)},
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(4)
    ]
    said = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0, 0], said
    table = await open_table(tmp_path / "index", EMBEDDER.model)
    ids = [f"id-{number}" for number in range(300)]
    assert await table.present("acme/tools", ids) == set(ids)
    assert await rows(index) == 300


async def test_a_function_is_found_by_what_it_does(index):
    """On this code itself: a sentence about a function leads to it among the first five."""
    chunks = [
        each
        for path in sorted((SOURCE / "model").rglob("*.py"))
        for each in cut_file(str(path.relative_to(SOURCE)), path.read_bytes()).chunks
    ]
    await put(index, "acme/tools", chunks)
    await index.record_tree(ONE, chunks)
    asked = {
        "the queue of a tier that belongs beside a workflow's own": "queues.py",
        "identify a finding whatever its line number": "findings.py",
        "where a workflow file lies in its repository": "names.py",
    }
    for question, file in asked.items():
        [vector] = await EMBEDDER.embed([question])
        found = await index.search(EMBEDDER.model, ONE, question, vector, limit=5)
        assert file in {Path(each.path).name for each in found}, question
