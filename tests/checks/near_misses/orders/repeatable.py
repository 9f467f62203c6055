"""Clocks, chance, ids and settings that a replay repeats."""

import datetime as dt
import email.utils
import os
import random
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import quote

import requests
from temporalio import workflow

from .own import datetime as own_datetime
from .own import open as own_open
from .own import time as own_time

if TYPE_CHECKING:
    import threading


@workflow.defn
class RepeatableWorkflow:
    def __init__(self) -> None:
        self.lock: threading.Lock | None = None  # fine: only an annotation

    @workflow.run
    async def run(self, at: datetime, clock: Callable[[], float] | None = None) -> list[object]:
        return [
            workflow.now(),  # fine: the history's time
            workflow.time(),  # fine: the history's time
            workflow.uuid4(),  # fine: seeded by the history
            workflow.random().random(),  # fine: seeded by the history
            workflow.random().choice([1, 2]),  # fine: seeded by the history
            workflow.new_random().randint(1, 2),  # fine: seeded by the history
            Random(7).random(),  # fine: seeded
            random.Random(str(at)).shuffle([1]),  # fine: seeded
            datetime(2026, 1, 1, tzinfo=UTC),  # fine: a constant
            dt.datetime.fromisoformat("2026-01-01"),  # fine: from its argument
            datetime.fromtimestamp(0, tz=UTC),  # fine: with a time zone
            datetime.strptime("2026", "%Y"),  # fine: from its argument
            at + timedelta(days=1),  # fine: arithmetic
            at.astimezone(UTC),  # fine: with a time zone
            time.strftime("%Y", (2026, 1, 1, 0, 0, 0, 0, 1, 0)),  # fine: of a given time
            time.gmtime(0),  # fine: of a given time
            time.strptime("2026", "%Y"),  # fine: from its argument
            email.utils.formatdate(0),  # fine: of a given time
            uuid.UUID(int=5),  # fine: from its argument
            uuid.uuid5(uuid.NAMESPACE_DNS, "x"),  # fine: from its arguments
            os.path.join("a", "b"),  # fine: text only
            os.path.splitext("a.b"),  # fine: text only
            os.path.basename("a/b"),  # fine: text only
            os.sep,  # fine: a constant
            Path("a") / "b",  # fine: text only
            Path("a").with_suffix(".b").name,  # fine: text only
            PurePath("a").parts,  # fine: text only
            quote("a b"),  # fine: text only
            _Stamped(at=at),  # fine: the default is not made
            own_time(),  # fine: a function of the project's
            own_open("x"),  # fine: a function of the project's
            own_datetime.now(),  # fine: a class of the project's
        ]

    @workflow.query
    def named_alike(self) -> list[object]:
        time = _Clock()
        uuid4 = _Clock().time
        return [time.time(), uuid4(), self.sleep(1)]  # fine: local names hide the modules

    def sleep(self, seconds: float) -> float:
        return seconds

    @workflow.signal
    async def failures(self, text: str = "") -> None:
        try:
            self.sleep(len(text))
        except requests.RequestException:  # fine: an exception's class
            pass
        except (subprocess.CalledProcessError, socket.gaierror):  # fine: exceptions' classes
            pass
        except CancelledError:  # fine: an exception's class
            pass
        with workflow.unsafe.sandbox_unrestricted():
            time.time()  # fine: said to be safe
        if not workflow.unsafe.is_replaying():
            print("first time")  # fine: a replay does not print it
        time.time()  # deterministic: only for a log line  # fine: exempted
        # deterministic: only for a log line
        time.time()  # fine: exempted by the line above
        self.sleep(
            time.time(),  # fine: the end of the statement exempts it
        )  # deterministic: only for a log line
        self.measured()

    def measured(self) -> float:  # deterministic: only for a log line
        return time.perf_counter()  # fine: the function is exempted


@dataclass
class _Stamped:
    at: datetime = field(default_factory=datetime.now)


class _Clock:
    def time(self) -> float:
        return 0.0


def unused() -> float:
    return time.time()  # fine: no workflow gets here


if __name__ == "__main__":
    print(time.time())  # fine: no workflow gets here
