"""Decorators, whose wrappers run with what they wrap."""

import functools
import time
from collections.abc import Callable
from typing import Any


def _counting(function: Callable[[], None]) -> Callable[[], None]:
    @functools.wraps(function)
    def wrapper() -> None:
        time.perf_counter()  # expect: clock
        function()

    return wrapper


def _retrying(times: int) -> Callable[..., Any]:
    def decorate(function: Callable[[], None]) -> Callable[[], None]:
        def wrapper() -> None:
            for _ in range(times):
                time.sleep(1)  # expect: blocking
            function()

        return wrapper

    return decorate


@_counting
def counted() -> None:
    """Be counted."""


@_retrying(times=3)
def retried() -> None:
    """Be retried."""
