"""Mends a workflow file, and makes sure that nothing else was changed.

The mended text is read again and compared with what the file said before, plus what was wished for; and it is
examined again. What does not come out as wished is not written: the file is refused, with the reason.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from perdure.workflow_file import dispatch_mending
from perdure.workflow_file.document import Document, UnreadableFileError, read_document
from perdure.workflow_file.examining import examine
from perdure.workflow_file.findings import Level, Rule, WorkflowFinding
from perdure.workflow_file.guarding import guard_splices, guarded_value, same_condition
from perdure.workflow_file.rule_table import DoctorRules
from perdure.workflow_file.shape import Shape, shape_of
from perdure.workflow_file.splicing import Splice, spliced
from perdure.workflow_file.wishes import CannotMendError, DispatchWish, Found, GuardWish

_ALIASES = "it uses anchors, so that one change would show in several places"
_SHOWING = (DispatchWish.SHOW_ID, DispatchWish.SHOW_IN_STEP)


@dataclass(frozen=True, kw_only=True)
class Mended:
    """What became of a file.

    Attributes:
        path: Its name.
        before: Its text.
        after: Its text once mended; the same where nothing was.
        findings: What was found before, each with whether it is mended.
        left: What a person has to mend, at its place in the mended text.
    refused: Why nothing was mended, where something should have been.
    """

    path: str
    before: str
    after: str
    findings: tuple[WorkflowFinding, ...] = ()
    left: tuple[WorkflowFinding, ...] = ()
    refused: str | None = None

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


def mend(path: str, text: str, rules: DoctorRules, local: Mapping[str, str] | None = None) -> Mended:
    """Find what is unsafe in a file, and mend what can be.

    Args:
        path: The file's name, which also names runs where the file itself does not.
        text: Its content.
        rules: What to go by.
        local: Effects of the repository's own actions, by their path.
    """
    try:
        document = read_document(text)
    except UnreadableFileError as error:
        return _unreadable(path, text, str(error), error.line)
    shape = shape_of(document)
    if shape is None:
        return _unreadable(path, text, "neither a workflow file (on: and jobs:) nor an action (runs:)", 1)
    return _Patient(path, shape, rules, local or {}).mended()


class _Patient:
    def __init__(self, path: str, shape: Shape, rules: DoctorRules, local: Mapping[str, str]) -> None:
        self._path = path
        self._shape = shape
        self._rules = rules
        self._local = local

    @property
    def _document(self) -> Document:
        return self._shape.document

    def mended(self) -> Mended:
        found = examine(self._shape, self._rules, self._local)
        splices, done, reasons = self._write(found)
        guarded = {each.wish.path for each in done if isinstance(each.wish, GuardWish)}
        after, refused, left = self._document.text, None, None
        try:
            if done:
                after = spliced(after, splices)
                left = self._checked(after, done)
        except CannotMendError as error:
            after, refused, done, guarded = self._document.text, str(error), [], set()
        findings = _findings(found, reasons, mended={*done, *(x for x in found if x.covered_by in guarded)})
        return Mended(
            path=self._path,
            before=self._document.text,
            after=after,
            findings=findings,
            left=_for_people(findings if left is None else left),
            refused=refused,
        )

    def _write(self, found: list[Found]) -> tuple[list[Splice], list[Found], dict[Found, str]]:
        """Return the changes, what they mend, and why the rest is not mended."""
        splices: list[Splice] = []
        done: list[Found] = []
        reasons: dict[Found, str] = {}
        takes_id = not any(each.finding.rule is Rule.NO_DISPATCH_ID for each in found)
        for each in found:
            if each.wish in _SHOWING and not takes_id:
                reasons[each] = "; not mended: it takes no id yet"
                continue
            try:
                new = self._splices(each)
            except CannotMendError as error:
                reasons[each] = f"; not mended: {error}"
                continue
            takes_id |= each.wish is DispatchWish.TAKE_ID
            splices += new
            done += [each] if new else []
        return splices, done, reasons

    def _splices(self, found: Found) -> list[Splice]:
        if found.wish is None:
            return []
        if self._document.has_aliases:
            raise CannotMendError(_ALIASES)
        match found.wish:
            case GuardWish():
                return guard_splices(self._document, found.wish)
            case DispatchWish.TAKE_ID:
                return dispatch_mending.input_splices(self._shape)
            case DispatchWish.SHOW_ID:
                return dispatch_mending.run_name_splices(self._shape, self._path)
            case DispatchWish.SHOW_IN_STEP:
                return dispatch_mending.step_splices(self._shape)

    def _checked(self, after: str, done: list[Found]) -> tuple[WorkflowFinding, ...]:
        """Compare what the new text says with what it shall say, and return what is found in it."""
        wanted: Any = copy.deepcopy(self._document.value)
        guards = [each.wish for each in done if isinstance(each.wish, GuardWish)]
        try:
            for wish in guards:
                guarded_value(wanted, wish)
            for each in done:
                self._apply(wanted, each)
            shown = read_document(after)
            new = shape_of(shown)
        except (UnreadableFileError, KeyError, IndexError, TypeError) as error:
            raise CannotMendError(f"the result could not be read again: {error}") from None
        if new is None or _comparable(wanted) != _comparable(shown.value):
            raise CannotMendError("the result would not mean the same elsewhere")
        found = examine(new, self._rules, self._local)
        splices, _, reasons = _Patient(self._path, new, self._rules, self._local)._write(found)
        if splices:
            raise CannotMendError("the result would have to be mended again")
        return _findings(found, reasons)

    def _apply(self, wanted: Any, found: Found) -> None:  # noqa: ANN401 - a loaded file
        match found.wish:
            case DispatchWish.TAKE_ID:
                dispatch_mending.take_id(wanted)
            case DispatchWish.SHOW_ID:
                dispatch_mending.show_id(wanted, self._shape, self._path)
            case DispatchWish.SHOW_IN_STEP:
                dispatch_mending.show_in_step(wanted, self._shape)
            case _:
                pass


def _findings(
    found: list[Found], reasons: Mapping[Found, str], mended: Collection[Found] = ()
) -> tuple[WorkflowFinding, ...]:
    return tuple(
        replace(each.finding, mended=each in mended, message=each.finding.message + reasons.get(each, ""))
        for each in found
    )


def _for_people(findings: tuple[WorkflowFinding, ...]) -> tuple[WorkflowFinding, ...]:
    return tuple(each for each in findings if not each.mended and each.level is not Level.NOTE)


def _comparable(value: Any) -> Any:  # noqa: ANN401 - a loaded file
    """Return a loaded file with every condition as it is compared."""
    if isinstance(value, dict):
        return {
            key: same_condition(each) if key == "if" and isinstance(each, str | bool) else _comparable(each)
            for key, each in value.items()
        }
    return [_comparable(each) for each in value] if isinstance(value, list) else value


def _unreadable(path: str, text: str, message: str, line: int) -> Mended:
    finding = WorkflowFinding(rule=Rule.UNREADABLE, level=Level.ERROR, line=line, column=1, message=message)
    return Mended(path=path, before=text, after=text, findings=(finding,), left=(finding,))
