"""Workflow files of many shapes, and how they are compared."""

from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from perdure.workflow_file import DoctorRules, mend

RULES = DoctorRules()
WITH_STEP = DoctorRules(with_step=True)
FILES = sorted((Path(__file__).parent / "files").glob("*.yml"))


def text_of(file):
    """Return a file's text with its own ends of lines."""
    return file.read_bytes().decode("utf-8")


@cache
def mended(file, rules):
    """Return what becomes of a file; looked at by several tests."""
    return mend(file.name, text_of(file), rules)


def loaded(text):
    """Return what a file means."""
    return YAML(typ="safe", pure=True).load(text)


def differences(before, after, path=()):
    """Yield the path of everything that is not the same, with what it was and what it is."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            if key not in before:
                yield (*path, key), None, after[key]
            elif key not in after:
                yield (*path, key), before[key], None
            else:
                yield from differences(before[key], after[key], (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, (*path, place))
    elif before != after:
        yield path, before, after


def is_within(small, large):
    """Say whether all characters of a text are in another one, in their order."""
    rest = iter(large)
    return all(character in rest for character in small)
