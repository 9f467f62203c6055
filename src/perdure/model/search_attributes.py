"""The search attributes that Perdure's workflows carry: names and types, as Temporal's servers know them.

A SQLite or SQL visibility store has ten keywords and three integers for each namespace, so there are few.
"""

from collections.abc import Mapping
from typing import Literal

KIND = "PerdureKind"
"""``action``, ``approval``, ``fleet`` or ``watcher``: the workflow's kind. A keyword: one of few words."""

REPOSITORY = "PerdureRepository"
"""``owner/name``. A keyword: it is matched whole, or by its prefix ``owner/``."""

ACTIONS_RUN_ID = "PerdureActionsRunId"
"""GitHub's id of the run. An integer: it is one at GitHub, and the newer runs have the higher ids."""

WAITING_ON = "PerdureWaitingOn"
"""``github``, ``runner``, ``person``, ``rate-limit``, or empty. A keyword: it is one of few words."""

TYPES: Mapping[str, Literal["Keyword", "Int"]] = {
    KIND: "Keyword",
    REPOSITORY: "Keyword",
    ACTIONS_RUN_ID: "Int",
    WAITING_ON: "Keyword",
}
