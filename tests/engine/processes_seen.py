"""Looking at processes from outside."""

import time
from collections.abc import Callable

import psutil


def eventually(condition: Callable[[], bool], *, within: float = 10.0) -> bool:
    """Look until the condition holds or the time is up, and say whether it does."""
    give_up_at = time.monotonic() + within
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.02)
    return True


def is_running(pid: int) -> bool:
    """Say whether a process is there and is not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
