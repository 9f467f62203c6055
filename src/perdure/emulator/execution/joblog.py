"""The log of a job: masks, limits, and the lines that become annotations."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from perdure.emulator.execution.commands import Command, read_command
from perdure.emulator.execution.interface import RunObserver

_LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
_PASSED_ON = frozenset({"group", "endgroup", "section", "command"})


class JobLog:
    """Writes the lines of one job's steps to the observer."""

    def __init__(self, observer: RunObserver, job: str, max_bytes: int) -> None:
        self.observer = observer
        self.job = job
        self._max_bytes = max_bytes
        self._written: defaultdict[int, int] = defaultdict(int)
        self._masks: list[str] = []

    def line(self, step: int, text: str) -> None:
        """Write one line; past the limit of a step, say so once and drop the rest."""
        written = self._written[step]
        if written > self._max_bytes:
            return
        self._written[step] += len(text) + 1
        if self._written[step] > self._max_bytes:
            text = f"##[warning]The log is cut off here: it is longer than {self._max_bytes} bytes"
        self.observer.log(self.job, step, self.masked(text))

    def lines(self, step: int, text: str) -> None:
        """Write a text line by line."""
        for line in text.splitlines():
            self.line(step, line)

    def remark(self, step: int, kind: str, message: str, properties: Mapping[str, str] | None = None) -> None:
        """Write an ``error``, ``warning`` or ``notice``, which is an annotation of the job too."""
        for index, line in enumerate(message.splitlines() or [""]):
            self.line(step, f"##[{kind}]{line}" if index == 0 else line)
        self.observer.annotation(self.job, _LEVELS[kind], self.masked(message), dict(properties or {}))

    def mask(self, secret: str) -> None:
        """Replace a secret, and each line of one that has several, from now on."""
        for part in {secret, *secret.splitlines()}:
            if part.strip() and part not in self._masks:
                self._masks.append(part)
        # The longest first: a secret may contain another.
        self._masks.sort(key=len, reverse=True)

    def masked(self, text: str) -> str:
        """Replace what is known to be secret."""
        for secret in self._masks:
            if secret in text:
                text = text.replace(secret, "***")
        return text


class StepOutput:
    """Reads what one step prints: log lines, and commands among them."""

    def __init__(self, log: JobLog, step: int) -> None:
        self.outputs: dict[str, str] = {}
        self.errors: list[str] = []
        self._log = log
        self._step = step
        self._resume_at: str | None = None
        self._warned = False

    def line(self, text: str) -> None:
        """Take one line."""
        command = read_command(text)
        if command is None:
            self._log.line(self._step, text)
        elif self._resume_at is not None:
            if command.name == self._resume_at.lower():
                self._resume_at = None
            self._log.line(self._step, text)
        else:
            self._obey(command, text)

    def _obey(self, command: Command, text: str) -> None:
        if command.name in _LEVELS:
            self._log.remark(self._step, command.name, command.message, command.properties)
        elif command.name in _PASSED_ON:
            self._log.line(self._step, f"##[{command.name}]{command.message}")
        elif act := self._actions().get(command.name):
            act(command)
        else:
            self._log.line(self._step, text)

    def _actions(self) -> dict[str, Callable[[Command], None]]:
        return {
            "add-mask": self._add_mask,
            "stop-commands": self._stop_commands,
            "set-output": self._set_output,
            "save-state": self._save_state,
            "set-env": self._refuse,
            "add-path": self._refuse,
            # Shown only in runs with debug logging, of which the emulator has none; matchers and echo change
            # nothing but how a log is shown.
            "debug": lambda command: None,
            "echo": lambda command: None,
            "add-matcher": lambda command: None,
            "remove-matcher": lambda command: None,
        }

    def _add_mask(self, command: Command) -> None:
        if not command.message.strip():
            self._log.remark(
                self._step, "warning", "Can't add secret mask for empty string in ##[add-mask] command."
            )
            return
        self._log.mask(command.message)
        self._log.line(self._step, "::add-mask::***")

    def _stop_commands(self, command: Command) -> None:
        self._resume_at = command.message
        self._log.line(self._step, f"::stop-commands::{command.message}")

    def _set_output(self, command: Command) -> None:
        # Announced to go in 2022 and, after a delay in 2023, still obeyed with a warning:
        # https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/
        self._warn_deprecated(command.name)
        if name := command.properties.get("name"):
            self.outputs[name] = command.message

    def _save_state(self, command: Command) -> None:
        self._warn_deprecated(command.name)

    def _warn_deprecated(self, name: str) -> None:
        if not self._warned:
            self._warned = True
            self._log.remark(
                self._step,
                "warning",
                f"The `{name}` command is deprecated and will be disabled soon. "
                "Please upgrade to using Environment Files. For more information see: "
                "https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/",
            )

    def _refuse(self, command: Command) -> None:
        message = (
            f"The `{command.name}` command is disabled. Please upgrade to using Environment Files or opt "
            "into unsecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment "
            "variable to `true`. For more information see: "
            "https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-commands/"
        )
        self._log.remark(self._step, "error", f"Unable to process command '{command.name}' successfully.")
        self._log.remark(self._step, "error", message)
        self.errors.append(message)
