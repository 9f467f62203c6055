"""What the ``perdure store`` commands do."""

import asyncio
import json
from datetime import timedelta
from typing import Final

import typer

from perdure.cli import _errors
from perdure.cli._session import open_session
from perdure.engine.pruning import Pruned, prune

_OLDER_THAN: Final = timedelta(days=7)


def prune_store(
    older_than: timedelta | None, *, dry_run: bool, as_json: bool, address: str | None, namespace: str | None
) -> int:
    """Delete what no history refers to, and print it.

    Raises:
        SettingsError: The settings cannot be used.
        EngineError: Temporal refused, or is out of reach.
    """
    pruned = asyncio.run(
        _prune(older_than or _OLDER_THAN, dry_run=dry_run, address=address, namespace=namespace)
    )
    shown = pruned.unneeded if dry_run else pruned.deleted
    for kept in shown:
        line = {"sha256": kept.digest, "size": kept.size, "put_at": kept.put_at.isoformat()}
        typer.echo(
            json.dumps(line) if as_json else f"{kept.digest}\t{kept.size}\t{kept.put_at:%Y-%m-%d %H:%M}"
        )
    size = sum(kept.size for kept in shown)
    _errors.say(
        f"{'would delete' if dry_run else 'deleted'} {len(shown)} payloads ({_size(size)});"
        f" {pruned.needed} are needed and {pruned.young} too young to say"
        + (f", after reading {pruned.histories} histories" if pruned.histories else "")
    )
    return 0


async def _prune(
    older_than: timedelta, *, dry_run: bool, address: str | None, namespace: str | None
) -> Pruned:
    session = await open_session(address, namespace)
    return await prune(session.client, session.settings.store, older_than=older_than, dry_run=dry_run)


def _size(size: int) -> str:
    return f"{size} bytes" if size < 100_000 else f"{size / 1_000_000:.1f} MB"
