import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.cli._durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", timedelta(seconds=30)),
        ("30m", timedelta(minutes=30)),
        ("6h", timedelta(hours=6)),
        ("1d", timedelta(days=1)),
        ("1h30m", timedelta(minutes=90)),
        (" 1.5H ", timedelta(minutes=90)),
    ],
)
def test_durations_are_read_with_their_units(text, expected):
    """Seconds, minutes, hours and days, alone or together."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("30", "'30' has no unit: write 30s, 30m, 30h or 30d"),
        ("", "is not a duration: write 30s, 30m, 1h30m or 2d"),
        ("soon", "is not a duration"),
        ("-5m", "is not a duration"),
        ("5 weeks", "is not a duration"),
        ("0s", "must be above zero"),
        ("4000d", "at most 3650d"),
    ],
)
def test_what_is_no_duration_says_how_to_write_one(text, message):
    """A missing unit is never guessed."""
    with pytest.raises(ValueError, match=message):
        parse_duration(text)


@given(st.text())
def test_any_text_is_a_duration_above_zero_or_a_value_error(text):
    """Nothing else comes out of what people type."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text) > timedelta(0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-3, "0s"), (4, "4s"), (72, "1m 12s"), (7500, "2h 5m"), (259_200, "3d 0h")],
)
def test_durations_are_written_with_two_units(seconds, expected):
    """What is shown is short; a clock that runs behind shows no negative time."""
    assert format_duration(timedelta(seconds=seconds)) == expected
