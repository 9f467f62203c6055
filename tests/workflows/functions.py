"""Functions as people write them for the ``run:`` steps of their pipelines."""


def announce(version: str, loud: bool = False) -> dict[str, object]:
    return {"text": f"{version}{'!' if loud else ''}"}


async def fail(reason: str) -> None:
    raise RuntimeError(reason)
