"""Runs the scripts of ``run`` steps.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
"""

import os
import shlex
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from perdure.emulator.execution.command_files import MAX_SUMMARY, NAMES, CommandFileError, CommandFiles
from perdure.emulator.execution.expressions import evaluate_tree, interpolate, lookup_text
from perdure.emulator.execution.invocation import Invocation, StepFailedError
from perdure.emulator.execution.joblog import StepOutput
from perdure.emulator.execution.pacing import turn
from perdure.emulator.execution.process import Process

_SHELLS = {
    "": ("bash", "bash -e {0}"),
    "bash": ("bash", "bash --noprofile --norc -e -o pipefail {0}"),
    "sh": ("sh", "sh -e {0}"),
    "python": ("python", "python {0}"),
    "pwsh": ("pwsh", "pwsh -command \". '{0}'\""),
}
_SUFFIXES = {"python": ".py", "pwsh": ".ps1"}


async def run_script(invocation: Invocation) -> None:
    """Run the script of a step, and take in what it wrote to its command files.

    Raises:
        StepFailedError: It ended with another code than 0, or could not be started.
        ExpressionError: An expression in the step fails, or a command file cannot be read.
    """
    job = invocation.job
    scope = invocation.scope()
    script = interpolate(invocation.step.run or "", scope)
    shell = _setting(invocation, "shell")
    folder = job.workspace / _setting(invocation, "working-directory")
    variables = invocation.variables()
    path = job.temp / f"{uuid.uuid4()}{_SUFFIXES.get(shell, '.sh')}"
    arguments = _command(shell, path, variables["PATH"])
    _announce(invocation, script, arguments, path)
    async with turn():
        path.write_text(script if script.endswith("\n") else script + "\n", encoding="utf-8")
        files = CommandFiles(job.temp, path.stem)
    output = StepOutput(job.log, invocation.number)
    try:
        code = await _run(invocation, arguments, {**variables, **files.environment}, folder, output)
        invocation.outputs.update(output.outputs)
        _take_in(invocation, files)
    finally:
        files.close()
    if code != 0 and invocation.stop.reason is None:
        raise StepFailedError(f"Process completed with exit code {code}.")
    if output.errors:
        raise StepFailedError(output.errors[0])


def _setting(invocation: Invocation, name: str) -> str:
    """Look a setting up in the step, then in the defaults of the job, then of the file."""
    step = invocation.step
    own = step.shell if name == "shell" else step.working_directory
    if own is not None:
        return interpolate(own, invocation.scope())
    if invocation.frame.depth > 0:
        return ""
    instance = invocation.job.instance
    for defaults in (instance.definition.run_defaults, instance.file.run_defaults):
        if value := lookup_text(evaluate_tree(defaults, invocation.scope()), name):
            return value
    return ""


def _command(shell: str, script: Path, search_path: str) -> list[str]:
    if "{0}" in shell:
        program, template = shlex.split(shell)[0], shell
    elif shell in _SHELLS:
        program, template = _SHELLS[shell]
    else:
        raise StepFailedError(
            "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh) or a "
            "format string containing '{0}'"
        )
    found = shutil.which(program, path=search_path)
    if found is None and program in ("bash", "python"):
        found = shutil.which("sh" if program == "bash" else "python3", path=search_path)
    if found is None:
        raise StepFailedError(f"{program}: command not found")
    return [found, *(part.replace("{0}", str(script)) for part in shlex.split(template)[1:])]


def _announce(invocation: Invocation, script: str, arguments: list[str], path: Path) -> None:
    lines = script.strip("\n").splitlines() or [""]
    invocation.log(f"##[group]Run {lines[0].strip()}")
    for line in lines:
        invocation.log(f"\x1b[36;1m{line}\x1b[0m")
    invocation.log("shell: " + " ".join(arguments).replace(str(path), "{0}"))
    shown = {**invocation.job.env, **invocation.frame.env, **invocation.env}
    if shown:
        invocation.log("env:")
    for name, value in shown.items():
        for line in f"  {name}: {value}".splitlines():
            invocation.log(line)
    invocation.log("##[endgroup]")


async def _run(
    invocation: Invocation, arguments: list[str], env: Mapping[str, str], folder: Path, output: StepOutput
) -> int:
    job = invocation.job
    if not os.path.isdir(folder):  # noqa: ASYNC240 - a look, not a read
        raise StepFailedError(
            f"An error occurred trying to start process '{arguments[0]}' with working directory '{folder}'. "
            "No such file or directory"
        )
    command, cwd = await job.sandbox.command(arguments, folder)
    async with turn():
        process = Process(command, env=env, cwd=cwd, wrapped=job.sandbox.wraps)
    settings = job.run.settings
    code = await process.finish(
        output.line, invocation.stop, (settings.interrupt_wait, settings.terminate_wait)
    )
    # A shell says 128 + n about a signal; so does GitHub's runner.
    return 128 - code if code < 0 else code


def _take_in(invocation: Invocation, files: CommandFiles) -> None:
    job = invocation.job
    for variable in NAMES:
        try:
            _take_in_one(invocation, files, variable)
        except CommandFileError as error:
            kind = NAMES[variable].replace("_", "-")
            invocation.log_error(f"Unable to process file command '{kind}' successfully.")
            raise StepFailedError(str(error)) from None
    job.paths[:] = dict.fromkeys(job.paths)


def _take_in_one(invocation: Invocation, files: CommandFiles, variable: str) -> None:
    job = invocation.job
    if variable == "GITHUB_OUTPUT":
        invocation.outputs.update(files.pairs(variable))
    elif variable == "GITHUB_ENV":
        for name, value in files.pairs(variable).items():
            if name.upper() == "NODE_OPTIONS":
                raise CommandFileError(
                    "Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command."
                )
            job.env[name] = value
    elif variable == "GITHUB_PATH":
        for line in files.lines(variable):
            job.paths.insert(0, os.path.join(job.workspace, line))
    elif variable == "GITHUB_STEP_SUMMARY":
        _take_in_summary(invocation, files)


def _take_in_summary(invocation: Invocation, files: CommandFiles) -> None:
    try:
        summary = files.text("GITHUB_STEP_SUMMARY", limit=MAX_SUMMARY)
    except CommandFileError:
        invocation.log_error("$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k.")
        return
    if summary:
        job = invocation.job
        job.run.observer.summary(job.instance.key, invocation.number, job.log.masked(summary))
