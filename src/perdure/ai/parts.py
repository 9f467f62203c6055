"""What became of one part of a change, as it is handed on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from perdure.ai.answers import Remark, findings_of
from perdure.ai.prompts import CURRENT
from perdure.ai.units import unit_id
from perdure.model.base import Model
from perdure.model.review import FileState, ReviewUnit, UnitResult, Usage

_WORSE: Final = (FileState.REVIEWED, FileState.SKIPPED, FileState.FAILED)


class KeptAnswer(Model):
    """An answer that was paid for, as it is kept.

    Attributes:
        remarks: With lines as the model was shown them, which stay right when the part moves in its file.
        failure: Why the answer is of no use.
    """

    remarks: tuple[Remark, ...] = ()
    usage: Usage = Usage()
    failure: str = ""


@dataclass(frozen=True)
class Part:
    """A unit under review, with the id that its results are known by."""

    unit: ReviewUnit
    identity: str

    @classmethod
    def of(cls, unit: ReviewUnit) -> "Part":
        """Return the part that a unit is."""
        return cls(unit, unit_id(unit))

    def answered(self, model: str, answer: KeptAnswer, *, degraded: str = "") -> UnitResult:
        """Return what a model's answer comes to."""
        return UnitResult(
            unit_id=self.identity,
            path=self.unit.path,
            state=FileState.FAILED if answer.failure else FileState.REVIEWED,
            reason=answer.failure,
            findings=findings_of(answer.remarks, self.unit),
            usage=answer.usage,
            model=f"{model} prompt {CURRENT}",
            degraded=degraded,
        )

    def skipped(self, reason: str) -> UnitResult:
        """Return that no model was asked."""
        return UnitResult(
            unit_id=self.identity,
            path=self.unit.path,
            state=FileState.SKIPPED,
            reason=reason,
            degraded=reason,
        )

    def failed(self, reason: str) -> UnitResult:
        """Return that no model could answer."""
        return UnitResult(unit_id=self.identity, path=self.unit.path, state=FileState.FAILED, reason=reason)

    def joined(self, results: Sequence[UnitResult]) -> UnitResult:
        """Return what the pieces of a part that was cut up come to together: no better than the worst."""
        worst = max(results, key=lambda result: _WORSE.index(result.state))
        return UnitResult(
            unit_id=self.identity,
            path=self.unit.path,
            state=worst.state,
            reason=worst.reason,
            findings=tuple(finding for result in results for finding in result.findings),
            usage=sum((result.usage for result in results), Usage()),
            model=next((result.model for result in results if result.model), ""),
            degraded=worst.degraded,
        )
