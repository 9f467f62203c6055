"""Jobs that somebody outside does: who waits for them, and what came of telling them."""

from enum import StrEnum

from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.indexing import EmbedChunksInput


class JobWaiter(Model):
    """The activity that ends with a job's result."""

    namespace: str
    workflow_id: str
    run_id: str
    activity_id: str


class HandedOver(Model):
    """Output of ``hand_over_chunks``.

    Attributes:
        job_id: What is waited for; empty where the index had everything already.
        chunks: How many were handed over.
    """

    job_id: str = ""
    chunks: int = 0


class WaitForJobInput(Model):
    """Input of ``wait_for_job``."""

    job_id: str


class FinishedJob(Model):
    """Output of ``wait_for_job``: what was brought, in the content store."""

    result: StoredObject


class TakeEmbeddingsInput(Model):
    """Input of ``take_embeddings``.

    Attributes:
        job: What the chunks are.
        result: The file that was brought.
    """

    job: EmbedChunksInput
    result: StoredObject


class Delivery(StrEnum):
    """What became of a result that somebody brought."""

    DELIVERED = "delivered"
    """Whoever waited goes on with it."""
    KEPT = "kept"
    """Nobody waits yet: it is taken as soon as somebody does."""
    REPEATED = "repeated"
    """It was brought before, and nobody waits any more."""
    IGNORED = "ignored"
    """Another result was there first, and counts."""
