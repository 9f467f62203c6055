"""What ``perdure check determinism`` does."""

import difflib
import json
import time
from enum import Enum
from importlib.metadata import version
from pathlib import Path

import typer

from perdure.checks.determinism import reporting
from perdure.checks.determinism.cache import check_cached
from perdure.checks.determinism.checking import Report
from perdure.checks.determinism.checking import check as check_files
from perdure.checks.determinism.configuration import load_configuration
from perdure.checks.determinism.rules import RULES
from perdure.cli._errors import say, show_error
from perdure.cli._exit_codes import ExitCode
from perdure.cli._shown import shown
from perdure.errors import UsageError


class Form(Enum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"

    @classmethod
    def of(cls, *, as_json: bool, as_sarif: bool) -> "Form":
        """Return the form that options ask for.

        Raises:
            UsageError: If they ask for two.
        """
        if as_json and as_sarif:
            raise UsageError("--json and --sarif exclude each other")
        return cls.JSON if as_json else cls.SARIF if as_sarif else cls.TEXT


def check(paths: tuple[Path, ...], form: Form, *, config: Path | None, cache: bool) -> int:
    """Check files, print what was found, and return the exit status."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no {path}", hint="name files and folders with Python code")
    configuration = load_configuration(paths[0].resolve(), config)
    started = time.monotonic()
    report = check_cached(paths, configuration) if cache else check_files(paths, configuration)[0]
    _print(report, form)
    for file, line, reason in report.unreadable:
        show_error(f"{file}:{line} is not readable as Python: {reason}")
    say(_summary(report, time.monotonic() - started))
    return ExitCode.FAILED if report.findings or report.unreadable else ExitCode.SUCCESS


def explain(rule_id: str) -> int:
    """Print what a rule is about."""
    rule = RULES.get(rule_id)
    if rule is None:
        near = difflib.get_close_matches(rule_id, RULES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(sorted(RULES))}"
        raise UsageError(f"no rule {rule_id!r}", hint=hint)
    typer.echo("\n".join(reporting.explanation(rule)))
    return ExitCode.SUCCESS


def _print(report: Report, form: Form) -> None:
    match form:
        case Form.TEXT:
            for finding in report.findings:
                typer.echo(shown("\n".join(reporting.lines(finding)) + "\n"))
        case Form.JSON:
            typer.echo(json.dumps(reporting.to_json(report), indent=2))
        case Form.SARIF:
            typer.echo(json.dumps(reporting.to_sarif(report, version=version("perdure")), indent=2))


def _summary(report: Report, seconds: float) -> str:
    if not report.workflows and not report.findings:
        return "no workflows: no class with @workflow.defn in these files"
    found = len(report.findings)
    what = f"{found} finding{'s' if found != 1 else ''}" if found else "nothing found"
    return (
        f"{what} in {report.workflows} workflow{'s' if report.workflows != 1 else ''}, which reach "
        f"{report.functions} functions ({report.files} files read, {seconds:.1f} s)"
    )
