"""Code without annotations: types come from the calls."""

import time

from temporalio import workflow


class Shelf:
    def __init__(self, clock, *, name=None):
        self.clock = clock
        self.name = name

    def look(self):
        return self.clock.read(), self.name.read()


class Clock:
    def read(self):
        return time.time()  # expect: clock


class Name:
    def read(self):
        return open("name")  # expect: files


class Late:
    def read(self):
        return time.monotonic()  # expect: clock


def ask(clock):
    return clock.read()


@workflow.defn
class UntypedWorkflow:
    @workflow.run
    async def run(self):
        Shelf(Clock(), name=Name()).look()
        ask(clock=Late())
