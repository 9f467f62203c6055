"""Where the code of workflows may wait or start something while it is being left."""

import ast
from pathlib import Path

import pytest

import perdure.workflows

FILES = sorted(Path(perdure.workflows.__path__[0]).glob("*.py"))
EVERYTHING = {"BaseException", "GeneratorExit"}
STARTS = {"create_task", "ensure_future", "gather", "shield"}


def caught(handler):
    """Return the names that a handler catches; nothing is everything."""
    if handler.type is None:
        return EVERYTHING
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def exits(tree):
    """Yield the statements that run when Python closes a coroutine, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            yield from node.finalbody
            for handler in node.handlers:
                if caught(handler) & EVERYTHING:
                    yield from handler.body


def waits(statement):
    """Yield the places in a statement that wait, or start a task."""
    for node in ast.walk(statement):
        starts = isinstance(node, ast.Attribute) and node.attr in STARTS
        if starts or isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor):
            yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_waits_while_a_coroutine_is_closed(path):
    """Python closes it in the middle of another workflow's task, whose history would get what it does."""
    found = [line for statement in exits(ast.parse(path.read_text())) for line in waits(statement)]
    assert not found, "catch (Exception, asyncio.CancelledError): see perdure/workflows/locking.py"


def test_what_waits_there_is_seen():
    """In a ``finally``, a bare ``except`` and one of everything; not where errors and cancellations pass."""
    text = """
async def one():
    try:
        pass
    except (Exception, asyncio.CancelledError):
        await fine()
    except BaseException:
        await bad()
    except:
        asyncio.create_task(bad())
    finally:
        await bad()
"""
    assert [line for statement in exits(ast.parse(text)) for line in waits(statement)] == [12, 8, 10]
