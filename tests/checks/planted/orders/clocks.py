"""Clocks, chance and ids, in every style of import."""

import datetime as dt
import email.utils
import random
import secrets
import time
import uuid
from datetime import date, datetime
from time import monotonic as ticks
from uuid import uuid4

from temporalio import workflow


@workflow.defn
class ClockWorkflow:
    @workflow.run
    async def run(self) -> list[object]:
        return [
            datetime.now(),  # expect: clock
            dt.datetime.utcnow(),  # expect: clock
            date.today(),  # expect: clock
            time.time(),  # expect: clock
            ticks(),  # expect: clock
            time.strftime("%Y"),  # expect: clock
            time.gmtime(),  # expect: clock
            email.utils.formatdate(),  # expect: clock
            dt.datetime.fromtimestamp(0),  # expect: environment
        ]

    @workflow.query
    def chances(self) -> list[object]:
        generator = random.Random()  # expect: random
        system = random.SystemRandom()  # expect: random
        return [
            generator,
            system.choice("ab"),  # expect: random
            random.random(),  # expect: random
            random.shuffle([1, 2]),  # expect: random
            secrets.token_hex(),  # expect: random
            sorted([1, 2], key=lambda _: random.random()),  # expect: random
        ]

    @workflow.update
    def ids(self) -> list[object]:
        return [uuid4(), uuid.uuid1()]  # expect: uuid uuid

    @ids.validator
    def check_ids(self) -> None:
        time.perf_counter()  # expect: clock
