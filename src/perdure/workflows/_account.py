"""The running account of one action: one place for progress, notes, Temporal's page, search attributes."""

import logging

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from perdure.model.progress import (
        NOTES_KEPT,
        ActionProgress,
        Note,
        NoteKind,
        Stage,
        action_markdown,
    )
    from perdure.model.search_attributes import (
        ACTIONS_RUN_ID,
        KIND,
        REPOSITORY,
        WAITING_ON,
    )

_KIND = SearchAttributeKey.for_keyword(KIND)
_REPOSITORY = SearchAttributeKey.for_keyword(REPOSITORY)
_ACTIONS_RUN_ID = SearchAttributeKey.for_int(ACTIONS_RUN_ID)
_WAITING_ON = SearchAttributeKey.for_keyword(WAITING_ON)

_WORTH_A_LOOK = {NoteKind.WARNING, NoteKind.RECONCILE, NoteKind.DUPLICATE}


class Account:
    """Keeps an action's progress and shows each change where people look for it."""

    def __init__(self, progress: ActionProgress) -> None:
        self.progress = progress
        self._shows_search_attributes = False
        self._shown: dict[str, object] = {}

    def show_search_attributes(self) -> None:
        """Keep the search attributes up to date from now on: the namespace takes them."""
        self._shows_search_attributes = True
        # Each upsert is written to the history and to the list of workflows: not what the start has said.
        self._shown = {pair.key.name: pair.value for pair in workflow.info().typed_search_attributes}
        self._upsert()

    def note(self, kind: NoteKind, text: str) -> None:
        """Write down what happened."""
        note = Note(at=workflow.now(), kind=kind, text=text)
        self.update(notes=(*self.progress.notes, note)[-NOTES_KEPT:])
        seen = self.progress.actions_run
        workflow.logger.log(
            logging.WARNING if kind in _WORTH_A_LOOK else logging.INFO,
            "%s",
            text,
            extra={"actions_url": seen.html_url} if seen else {},
        )

    def stage(self, stage: Stage, *, waiting_on: str = "", **changes: object) -> None:
        """Say what the action does now."""
        self.update(stage=stage, waiting_on=waiting_on, **changes)

    def update(self, **changes: object) -> None:
        """Change the progress and everything that shows it."""
        self.progress = self.progress.model_copy(update=changes)
        workflow.set_current_details(action_markdown(self.progress))
        if self._shows_search_attributes:
            self._upsert()

    def _upsert(self) -> None:
        wanted: dict[str, str | int] = {
            KIND: "action",
            REPOSITORY: self.progress.repository,
            WAITING_ON: self.progress.waiting_on,
        }
        if self.progress.actions_run is not None:
            wanted[ACTIONS_RUN_ID] = self.progress.actions_run.actions_run_id
        changed = {name: value for name, value in wanted.items() if self._shown.get(name, "") != value}
        if changed:
            workflow.upsert_search_attributes([_update(name, value) for name, value in changed.items()])
            self._shown.update(changed)


def _update(name: str, value: str | int) -> SearchAttributeUpdate[str] | SearchAttributeUpdate[int]:
    if isinstance(value, int):
        return _ACTIONS_RUN_ID.value_set(value)
    key = {KIND: _KIND, REPOSITORY: _REPOSITORY, WAITING_ON: _WAITING_ON}[name]
    return key.value_set(value) if value else key.value_unset()
