"""What activities may do, and workflows may name."""

import os
import time
import urllib.request

from temporalio import activity


@activity.defn
async def fetch(name: str) -> str:
    time.sleep(1)  # fine: an activity
    return os.environ[name]  # fine: an activity


@activity.defn(name="other")
def other(name: str) -> bytes:
    return urllib.request.urlopen(name).read()  # fine: an activity


class Store:
    def __init__(self) -> None:
        self.opened = time.time()  # fine: only workers make one

    @activity.defn
    async def save(self, name: str) -> None:
        with open(name, "w") as file:  # fine: an activity
            file.write(name)
