"""Static reviewers: they read code and run none of it."""

import difflib
from collections.abc import Sequence
from typing import Final

from perdure.ai.reviewers.command import CommandReviewer
from perdure.ai.reviewers.port import Reviewed, Reviewer
from perdure.ai.reviewers.ruff import RuffReviewer
from perdure.ai.reviewers.secrets import SecretReviewer
from perdure.ai.reviewers.zizmor import ZizmorReviewer
from perdure.config import AnalyserCommand
from perdure.errors import UsageError

__all__ = ["Reviewed", "Reviewer", "reviewers_named"]

_OWN: Final = (RuffReviewer, SecretReviewer, ZizmorReviewer)


def reviewers_named(names: Sequence[str], commands: Sequence[AnalyserCommand] = ()) -> list[Reviewer]:
    """Return the static reviewers of these names, and all that the settings add.

    Raises:
        UsageError: There is none of that name.
    """
    known: dict[str, Reviewer] = {reviewer.name: reviewer() for reviewer in _OWN}
    added: dict[str, Reviewer] = {command.name: CommandReviewer(command) for command in commands}
    for name in names:
        if name not in known | added:
            nearest = difflib.get_close_matches(name, known | added, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known | added)}"
            msg = f"{name!r} is no analyser"
            raise UsageError(msg, hint=hint)
    wanted = [reviewer for name, reviewer in known.items() if name in names]
    return [*wanted, *added.values()]
