"""What ``perdure review score`` does."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._run_list import aligned
from perdure.cli._shown import shown
from perdure.config import ReviewSettings, load_settings
from perdure.engine.review_workers import require_review
from perdure.model.budgets import dollars
from perdure.model.review import ReviewPolicy
from perdure.model.scoring import CaseScore, Score

_COLUMNS = ("CASE", "EXPECTED", "FOUND", "FALSE", "")


def run(folder: Path, *, analysers: Sequence[str], model: bool, as_json: bool, budget: float | None) -> int:
    """Score the configured reviewers on a folder of cases, and print the score."""
    require_review()
    settings = load_settings().review
    if budget is not None:
        settings = settings.model_copy(update={"budget_per_review": budget})
    policy = ReviewPolicy(use_model=model)
    if analysers:
        # `none` leaves the field to the model.
        policy = policy.model_copy(update={"analysers": tuple(name for name in analysers if name != "none")})
    score = asyncio.run(_scored(folder.absolute(), settings, policy))
    if as_json:
        typer.echo(score.model_dump_json(indent=2))
    else:
        _print(score)
    return ExitCode.FAILED if any(case.failed for case in score.cases) else ExitCode.SUCCESS


async def _scored(folder: Path, settings: ReviewSettings, policy: ReviewPolicy) -> Score:
    from perdure.ai.model_list import ModelList
    from perdure.ai.review_cases import read_cases
    from perdure.ai.reviewers import reviewers_named
    from perdure.ai.scoring import Scoring
    from perdure.ai.spending import Spending, budgets_of
    from perdure.ai.unit_reviewer import UnitReviewer

    cases = read_cases(folder)
    reviewers = reviewers_named(policy.analysers, settings.analysers)
    async with ModelList(settings) as models:
        await models.probe(policy)
        clients = models.clients(policy)
        scoring = Scoring(
            reviewers,
            UnitReviewer(clients, settings) if clients else None,
            Spending(review=f"score/{folder}", budgets=budgets_of(settings, of_review=None, granted=0)),
            largest_file=settings.largest_file,
        )
        return await scoring.score(cases)


def _print(score: Score) -> None:
    typer.echo(shown("\n".join(aligned((_COLUMNS, *(_row(case) for case in score.cases))))))
    typer.echo()
    mistakes = sum(case.expected for case in score.cases)
    findings = sum(case.right + case.wrong for case in score.cases)
    typer.echo(f"recall        {_percent(score.recall)} of {mistakes} mistakes")
    typer.echo(f"precision     {_percent(score.precision)} of {findings} findings")
    typer.echo(f"false alarms  {score.alarmed} of {score.clean} clean cases")
    if score.cost:
        typer.echo(f"cost          {dollars(score.cost)}")
    _errors.say(f"reviewers: {', '.join(score.reviewers) or 'none'}")


def _row(case: CaseScore) -> tuple[str, ...]:
    return (
        case.name,
        str(case.expected) if case.expected else "clean",
        str(case.found) if case.expected else "-",
        str(case.wrong) if case.wrong else "-",
        _note(case),
    )


def _note(case: CaseScore) -> str:
    missed = [f"missed {each.path}:{each.line}" for each in case.missed]
    surplus = [f"false {each.reviewer} {each.rule} at {each.path}:{each.start_line}" for each in case.surplus]
    return "; ".join([*(f"not reviewed: {reason}" for reason in case.failed), *missed, *surplus])


def _percent(part: float | None) -> str:
    return "  n/a" if part is None else f"{part:5.0%}"
