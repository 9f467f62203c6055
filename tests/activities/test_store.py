"""What is too large for the engine is kept by its content, and comes back whole or not at all."""

import pytest

from perdure.errors import PerdureError
from perdure.model.actions import StoredObject


def test_the_same_content_is_kept_once(store, tmp_path):
    """An activity that is repeated after a crash adds nothing."""
    first, again = store.put(b"content"), store.put(b"content")
    assert first == again
    assert store.get(first) == b"content"
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == [first.sha256]


def test_only_what_is_over_the_limit_is_kept(store, tmp_path):
    """Bytes count, not characters."""
    assert store.put_json_over(10, {"a": "12"}) is None
    kept = store.put_json_over(10, {"a": "ü2"})
    assert store.get(kept) == '{"a":"ü2"}'.encode()
    assert kept.size == 11


def test_what_is_missing_says_which_store_was_asked(store):
    """Two workers with stores of their own are a mistake in the settings."""
    with pytest.raises(PerdureError) as caught:
        store.get(StoredObject(sha256="0" * 64, size=1))
    assert "store" in caught.value.hint


def test_what_was_changed_is_refused(store, tmp_path):
    """A reference is a promise about content."""
    kept = store.put(b"content")
    (tmp_path / "store" / kept.sha256[:2] / kept.sha256).write_bytes(b"other")
    with pytest.raises(PerdureError, match="has been changed"):
        store.get(kept)
