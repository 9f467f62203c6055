"""Task queues: they carry the limits, so that the server enforces them for all workers together."""

WORKFLOWS = "perdure"
"""Workflows and short reads."""

DISPATCH = "perdure-dispatch"
"""Everything that changes GitHub, at a rate that the server enforces."""

WATCH = "perdure-watch"
"""One watcher for each repository."""

REVIEW = "perdure-review"
"""Reads hostile text and asks models: a worker on it needs no token that may write at GitHub."""

EMBED = "perdure-embed"
"""Computes embeddings: a worker's slots are its GPUs, and the server limits all workers together."""

ALL = (WORKFLOWS, DISPATCH, WATCH)
"""What a worker polls that is told nothing else."""

REVIEWING = (REVIEW, EMBED)
"""What a worker polls that reads strangers' code: one of its own, for it needs no token that may write."""

_NAMES = (DISPATCH, WATCH, REVIEW, EMBED, WORKFLOWS)


def beside(workflow_task_queue: str, queue: str) -> str:
    """Return the queue that belongs to a workflow's own one.

    A tier has a suffix on all its queues: beside ``perdure-enterprise`` there is
    ``perdure-dispatch-enterprise``, and so there is beside ``perdure-review-enterprise``.
    """
    return queue + suffix_of(workflow_task_queue)


def suffix_of(workflow_task_queue: str) -> str:
    """Return the tier's suffix; nothing for a queue whose name is not Perdure's."""
    for name in _NAMES:
        if workflow_task_queue == name or workflow_task_queue.startswith(f"{name}-"):
            return workflow_task_queue.removeprefix(name)
    # A suffix need not begin with a dash.
    return workflow_task_queue.removeprefix(WORKFLOWS) if workflow_task_queue.startswith(WORKFLOWS) else ""
