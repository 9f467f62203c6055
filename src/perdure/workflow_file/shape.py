"""A workflow file, or an action's, as jobs and steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from perdure.workflow_file.conditions import Guard
from perdure.workflow_file.document import Document, Entry, Mapping, Scalar, Sequence

Path = tuple[str | int, ...]

LOUD_EVENTS: Final = (
    "push", "create", "delete", "release", "schedule", "workflow_run", "registry_package", "deployment",
    "deployment_status", "page_build", "gollum",
)  # fmt: skip
"""Events that happen on a mirror because it is one: it is pushed to, and it keeps the source's calendar."""

_NOT_SHELLS: Final = ("python", "node", "perl", "ruby", "deno")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step.

    Attributes:
        path: Where it stands.
        number: From 1, for messages.
    """

    node: Mapping
    path: Path
    number: int

    @property
    def called(self) -> str:
        """What a person would call it."""
        name = self.node.text("name") or self.node.text("id")
        return f"step {name!r}" if name else f"step {self.number}"

    @property
    def condition(self) -> str:
        """What its ``if`` says."""
        return self.node.text("if")

    @property
    def script(self) -> Scalar | None:
        """What its ``run`` says, where a shell reads it."""
        found = self.node.get("run")
        shell = self.node.text("shell").split("/")[-1]
        return found if isinstance(found, Scalar) and not shell.startswith(_NOT_SHELLS) else None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job.

    Attributes:
        key: Its name.
        steps: None where it calls another workflow file.
    """

    key: Scalar
    node: Mapping
    path: Path
    steps: tuple[Step, ...] = ()

    @property
    def condition(self) -> str:
        """What its ``if`` says."""
        return self.node.text("if")

    @property
    def waits(self) -> bool:
        """Whether it needs another job first."""
        needs = self.node.get("needs")
        return (isinstance(needs, Scalar) and bool(needs.text)) or (
            isinstance(needs, Sequence) and bool(needs.items)
        )


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a file holds.

    Attributes:
        document: The file.
        on: Its ``on``, if it is a workflow file.
        events: Each event, and the key or item that names it.
        jobs: In their order.
        is_action: Whether it is a composite action, whose steps are in the only job.
    """

    document: Document
    on: Entry | None = None
    events: dict[str, Scalar] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    is_action: bool = False

    @property
    def loud_events(self) -> list[str]:
        """The events that happen on a mirror by themselves."""
        return [event for event in self.events if event in LOUD_EVENTS]

    def steps(self) -> Iterator[tuple[Job, Step]]:
        """Yield every step with its job."""
        for job in self.jobs:
            for step in job.steps:
                yield job, step

    def guard(self, variable: str, *nodes: Mapping) -> Guard:
        """Return the guard, with the variables of the environment that hold its value at these places."""
        pattern = re.compile(
            rf"\$\{{\{{\s*vars\s*(?:\.\s*{variable}|\[\s*'{variable}'\s*\])[^{{}}]*\}}\}}", re.IGNORECASE
        )
        aliases = set()
        for node in (self.document.root, *nodes):
            env = node.inner("env")
            for name in env.entries if env else ():
                if env and pattern.fullmatch(env.text(name).strip()):
                    aliases.add(name)
        return Guard(variable=variable, aliases=frozenset(aliases))


def shape_of(document: Document) -> Shape | None:
    """Return what a file holds, or ``None`` where it is neither a workflow file nor a composite action."""
    root = document.root
    runs = root.inner("runs")
    if "jobs" not in root.entries and runs is not None:
        key = root.entries["runs"].key
        steps = _steps(runs, ("runs",)) if runs.text("using") == "composite" else ()
        return Shape(
            document=document, jobs=(Job(key=key, node=runs, path=("runs",), steps=steps),), is_action=True
        )
    jobs = root.inner("jobs")
    on = root.entries.get("on")
    if jobs is None or on is None:
        return None
    found = [
        Job(key=entry.key, node=entry.value, path=("jobs", name), steps=_steps(entry.value, ("jobs", name)))
        for name, entry in jobs.entries.items()
        if isinstance(entry.value, Mapping)
    ]
    return Shape(document=document, on=on, events=_events(on), jobs=tuple(found))


def _steps(node: Mapping, path: Path) -> tuple[Step, ...]:
    steps = node.get("steps")
    if not isinstance(steps, Sequence):
        return ()
    return tuple(
        Step(node=item, path=(*path, "steps", place), number=place + 1)
        for place, item in enumerate(steps.items)
        if isinstance(item, Mapping)
    )


def _events(on: Entry) -> dict[str, Scalar]:
    value = on.value
    if isinstance(value, Scalar):
        return {value.text: value} if value.text else {}
    if isinstance(value, Sequence):
        return {item.text: item for item in value.items if isinstance(item, Scalar)}
    if isinstance(value, Mapping):
        return {name: entry.key for name, entry in value.entries.items()}
    return {}
