"""Every rule: what it finds, why that hurts, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is. Either fails the check."""

    ERROR = "error"
    """A replay may differ from what happened."""

    WARNING = "warning"
    """A replay is the same, and something else hurts."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding."""

    id: str
    title: str
    why: str
    instead: str
    level: Level = Level.ERROR


_RULES = (
    Rule(
        "clock",
        "the clock is read",
        "A replay happens later, reads another time, and may decide otherwise than the history says.",
        "workflow.now() or workflow.time(), which are the time of the history",
    ),
    Rule(
        "random",
        "a random value is made",
        "A replay gets another value, and may decide otherwise than the history says.",
        "workflow.random(), which a replay seeds alike, or an activity for a secret",
    ),
    Rule(
        "uuid",
        "an id is made up",
        "A replay makes another id: what was started under the first is not found again.",
        "workflow.uuid4() or workflow.uuid7(), which a replay repeats",
    ),
    Rule(
        "environment",
        "the process or the machine is asked about itself",
        "A replay may run on another machine, in another process or after a change of settings.",
        "pass it in as input, or read it in an activity so that the history has it",
    ),
    Rule(
        "files",
        "files or a database on disk are used",
        "A replay may find other content, elsewhere or nothing, and what is written is written again.",
        "an activity",
    ),
    Rule(
        "network",
        "the network is used",
        "A replay asks again, is answered otherwise, and repeats what the request did.",
        "an activity",
    ),
    Rule(
        "process",
        "a process is started, signalled or ended",
        "A replay does it again, and its result is not in the history.",
        "an activity",
    ),
    Rule(
        "thread",
        "threads, or what belongs to them",
        "The order of threads is in no history, and waiting for one stops the workflow's only thread.",
        "asyncio tasks, asyncio.Lock and asyncio.Queue, or an activity",
    ),
    Rule(
        "blocking",
        "the workflow's thread is stopped",
        "Nothing else of the workflow runs, and after two seconds the worker takes it for deadlocked.",
        "await asyncio.sleep() or workflow.sleep(), which are durable timers",
    ),
    Rule(
        "interpreter",
        "the interpreter's own state is used",
        "Memory, frames and garbage collection are other ones in each process.",
        "state of the workflow's own",
    ),
    Rule(
        "asyncio",
        "a part of asyncio that is not deterministic, or that Temporal's event loop lacks",
        "asyncio.wait goes through sets; threads, processes and sockets are not in the history.",
        "workflow.wait(), workflow.as_completed(), asyncio.gather() or an activity",
    ),
    Rule(
        "unordered",
        "the order of a set decides",
        "Strings in a set have another order in each process, so a replay sends its commands in another.",
        "sorted(), or a dict, which keeps the order of insertion",
    ),
    Rule(
        "identity",
        "hash() or id() of a value",
        "Hashes of strings and places in memory are other ones in each process.",
        "hashlib, or a key of your own",
    ),
    Rule(
        "global-state",
        "a module's or a class's state is changed",
        "It outlives the workflow, and another worker that replays does not have it.",
        "an attribute of the workflow",
    ),
    Rule(
        "import-time",
        "a module's value was computed from something that is not repeatable",
        "Each process computes it anew when it imports the module, and replays with another value.",
        "pass it in as input, or compute it in an activity",
    ),
    Rule(
        "replay-branch",
        "a command is sent only where the workflow is (not) replaying",
        "The first run and a replay then send different commands, which is what a replay must not do.",
        "the same commands always; is_replaying() is for logs and metrics",
    ),
    Rule(
        "declared",
        "this project declares it non-deterministic",
        "The project's settings say so, under `deny`.",
        "what the project's own rules say, or an activity",
    ),
    Rule(
        "endless-retry",
        "an exception that fails the workflow task, not the workflow",
        "Temporal takes it for a mistake in the code and tries the task again for ever: the workflow hangs.",
        "ApplicationError, or name the type in the worker's workflow_failure_exception_types",
        Level.WARNING,
    ),
    Rule(
        "uncaught-timeout",
        "a wait with a time limit, and nobody takes its TimeoutError",
        "A TimeoutError is no failure of Temporal's: it fails the task, which is tried again for ever.",
        "except TimeoutError around it",
        Level.WARNING,
    ),
    Rule(
        "workflow-file-model",
        "a model is defined in a workflow's file",
        "The sandbox builds the file's classes again for each workflow: 0.5 ms and 20 kB a model.",
        "a module of its own, imported under workflow.unsafe.imports_passed_through()",
        Level.WARNING,
    ),
    Rule(
        "missing-timeout",
        "an activity without a time-out",
        "Temporal refuses it when it is called: the workflow task fails, and is tried again for ever.",
        "start_to_close_timeout=, or schedule_to_close_timeout=",
        Level.WARNING,
    ),
    Rule(
        "signal-arguments",
        "a signal handler with required arguments",
        "Whoever sends it without them fails the workflow task, which is tried again for ever.",
        "one argument with a default",
        Level.WARNING,
    ),
    Rule(
        "print",
        "output is printed",
        "A replay prints it again.",
        "workflow.logger, which is silent in a replay",
        Level.WARNING,
    ),
    Rule(
        "missing-await",
        "a coroutine is made and not awaited",
        "Nothing of it runs, and nobody is told.",
        "await, or asyncio.create_task()",
        Level.WARNING,
    ),
    Rule(
        "exemption",
        "an exemption without a reason",
        "The next reader has to know why it is safe.",
        "# deterministic: the reason",
        Level.WARNING,
    ),
)

RULES = {rule.id: rule for rule in _RULES}
