import io

import pytest

from perdure.cli._fields import read_fields
from perdure.errors import UsageError


def test_a_value_is_everything_after_the_first_equals_sign():
    """Values may hold equals signs, spaces and @ where -f is used."""
    assert read_fields(["a=b=c", "empty=", "at=@name"], []) == {"a": "b=c", "empty": "", "at": "@name"}


def test_a_field_is_read_from_a_file(tmp_path):
    """-F key=@file takes the file's text, to the last line end."""
    notes = tmp_path / "notes.md"
    notes.write_text("# 1.2\n", encoding="utf-8")
    assert read_fields([], [f"notes=@{notes}", "plain=x"]) == {"notes": "# 1.2\n", "plain": "x"}


def test_a_field_is_read_from_stdin(monkeypatch):
    """-F key=@- takes what is piped in."""
    monkeypatch.setattr("sys.stdin", io.StringIO("piped"))
    assert read_fields([], ["text=@-"]) == {"text": "piped"}


@pytest.mark.parametrize(
    ("raw", "typed", "message"),
    [
        pytest.param(["name"], [], "-f takes key=value, not 'name'", id="no-equals-sign"),
        pytest.param(["=x"], [], "-f takes key=value, not '=x'", id="no-name"),
        pytest.param(["a=1", "a=2"], [], "'a' is given twice", id="twice"),
        pytest.param(["a=1"], ["a=2"], "'a' is given twice", id="twice-by-both"),
        pytest.param([], ["a=@/nowhere/at/all"], "cannot be read: No such file", id="no-file"),
        pytest.param([], ["a=@-", "b=@-"], "stdin can be read for one input only", id="stdin-twice"),
    ],
)
def test_a_field_that_cannot_be_read_is_refused(raw, typed, message, monkeypatch):
    """Every mistake names the input and is found before anything is contacted."""
    monkeypatch.setattr("sys.stdin", io.StringIO("piped"))
    with pytest.raises(UsageError, match=message):
        read_fields(raw, typed)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    """GitHub's inputs are text: bytes are refused with a way to send them."""
    blob = tmp_path / "blob"
    blob.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8") as caught:
        read_fields([], [f"blob=@{blob}"])
    assert "base64" in caught.value.hint
