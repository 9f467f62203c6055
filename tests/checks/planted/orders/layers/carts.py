"""Classes, and what Python calls of them by itself."""

from __future__ import annotations

import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager


class Discount(ABC):
    @abstractmethod
    def of(self, total: float) -> float:
        """Return what is left."""


class Lottery(Discount):
    def of(self, total: float) -> float:
        return total * random.random()  # expect: random


class Base:
    def __init__(self, name: str) -> None:
        self.name = name
        self.opened = time.time()  # expect: clock


class Cart(Base):
    @property
    def label(self) -> str:
        return os.getenv("LABEL", "")  # expect: environment

    @classmethod
    def tagged(cls) -> Cart:
        made = cls(str(random.getrandbits(8)))  # expect: random
        made.fill()
        return made

    def fill(self) -> None:
        self._pick = self._choose

    @property
    def _choose(self) -> str:
        return open("items").read()  # expect: files

    def __iter__(self) -> Iterator[str]:
        yield os.getcwd()  # expect: environment

    def __str__(self) -> str:
        return str(id(self))  # expect: identity

    def __getitem__(self, key: str) -> int:
        return hash(key)  # expect: identity

    def __len__(self) -> int:
        return os.getpid()  # expect: environment


@contextmanager
def open_cart() -> Iterator[Cart]:
    time.monotonic()  # expect: clock
    yield Cart("y")
