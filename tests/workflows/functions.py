"""Functions as people write them for the ``run:`` steps of their pipelines."""

import secrets


def announce(version: str, loud: bool = False) -> dict[str, object]:
    return {"text": f"{version}{'!' if loud else ''}"}


async def fail(reason: str) -> None:
    raise RuntimeError(reason)


def noise(size: int) -> dict[str, object]:
    return {"text": secrets.token_hex(size // 2)}
