import httpx2

from perdure.github._answers import Answer
from perdure.github._etags import EtagCache


def answer(body=b"", etag='"1"', status=200):
    return Answer("GET /x", status, httpx2.Headers({"etag": etag} if etag else {}), body)


def test_an_etag_belongs_to_the_token_that_fetched_it():
    """Another token would get a whole answer for it, or somebody else's."""
    kept = EtagCache()
    kept.settle("one", "/x", answer(b"1"))

    assert kept.etag("one", "/x") == '"1"'
    assert kept.etag("two", "/x") is None
    assert kept.etag("one", "/y") is None


def test_a_304_stands_for_what_was_kept():
    """An answer without an ETag, or no success, is not kept."""
    kept = EtagCache()
    kept.settle("one", "/x", answer(b"1"))
    kept.settle("one", "/y", answer(b"2", etag=None))
    kept.settle("one", "/z", answer(b"3", status=404))

    assert kept.settle("one", "/x", answer(status=304)).body == b"1"
    assert kept.etag("one", "/y") is None
    assert kept.etag("one", "/z") is None


def test_memory_is_bounded_by_bytes_and_by_number():
    """What was not used for longest goes first."""
    kept = EtagCache(max_bytes=25, max_answers=3)
    for name in "abc":
        kept.settle("one", name, answer(b"x" * 8))
    kept.settle("one", "a", answer(status=304))
    kept.settle("one", "d", answer(b"x" * 8))
    assert [name for name in "abcd" if kept.etag("one", name)] == ["a", "c", "d"]

    kept.settle("one", "e", answer(b"x" * 20))
    assert [name for name in "abcde" if kept.etag("one", name)] == ["e"]
    kept.settle("one", "f", answer(b"x" * 26))
    assert kept.etag("one", "f") is None
