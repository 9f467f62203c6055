"""Embeddings that a batch service outside computes: cheaper, and hours later."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.indexing import IndexActivities
from perdure.activities.outside_jobs import OutsideJobs
from perdure.activities.store import ContentStore
from perdure.errors import ModelAnswerError, SettingsError
from perdure.model.indexing import Chunk, ChunkShard, EmbedChunksInput, EmbeddedChunks, batch_id
from perdure.model.outside_jobs import (
    FinishedJob,
    HandedOver,
    JobWaiter,
    TakeEmbeddingsInput,
    WaitForJobInput,
)

if TYPE_CHECKING:
    # They need the extra, and workflows import this module.
    from perdure.ai.index import ChunkIndex


class BatchActivities:
    """Hands chunks over to a program that knows the batch service, and takes its results."""

    def __init__(
        self,
        indexing: IndexActivities,
        index: ChunkIndex,
        store: ContentStore,
        jobs: OutsideJobs,
        command: Sequence[str],
    ) -> None:
        self._indexing = indexing
        self._index = index
        self._store = store
        self._jobs = jobs
        self._command = command

    @activity.defn
    async def hand_over_chunks(self, input: EmbedChunksInput) -> HandedOver:
        """Give what the index does not have to the configured program.

        Safe to repeat: a job that was handed over is not handed over again. Where a worker is killed while
        the program runs, it runs again with the same ``PERDURE_JOB_ID``.
        """
        info = activity.info()
        job = batch_id(info.workflow_id or "", info.activity_id, input.shard.sha256, input.repository)
        async with heartbeats():
            with as_application_errors():
                if self._jobs.is_handed_over(job):
                    return HandedOver(job_id=job)
                missing = await self._indexing.missing(input.repository, self._chunks(input))
                if not missing:
                    return HandedOver()
                content = "".join(
                    json.dumps({"id": each.chunk_id, "text": f"{each.symbol}\n{each.text}"}) + "\n"
                    for each in missing
                )
                file = self._store.path_of(self._store.put(content.encode()))
                await self._run(file, job, self._jobs.new_token(job))
                self._jobs.mark_handed_over(job)
                return HandedOver(job_id=job, chunks=len(missing))

    @activity.defn
    async def wait_for_job(self, input: WaitForJobInput) -> FinishedJob:
        """End when somebody brings the job's result, be it in days. Safe to repeat."""
        info = activity.info()
        waiter = JobWaiter(
            namespace=info.namespace,
            workflow_id=info.workflow_id or "",
            run_id=info.workflow_run_id or "",
            activity_id=info.activity_id,
        )
        result = self._jobs.wait(input.job_id, waiter)
        if result is None:
            activity.raise_complete_async()
        return FinishedJob(result=result)

    @activity.defn
    async def take_embeddings(self, input: TakeEmbeddingsInput) -> EmbeddedChunks:
        """Put what was brought into the index. Safe to repeat; a file that cannot be used is permanent."""
        info = activity.info()
        chunks = self._chunks(input.job)
        async with heartbeats():
            with as_application_errors():
                missing = await self._indexing.missing(input.job.repository, chunks)
                vectors = dict(_vectors(self._store.get(input.result)))
                if left := [each for each in missing if each.chunk_id not in vectors]:
                    raise ModelAnswerError(
                        f"the result has no vector for {len(left)} of {len(missing)} chunks",
                        model=self._indexing.model,
                    )
                await self._put(input.job.repository, missing, vectors)
        return EmbeddedChunks(
            batch_id=batch_id(info.workflow_id or "", info.activity_id, input.result.sha256),
            chunks=len(chunks),
            computed=len(missing),
            model=self._indexing.model,
        )

    async def _put(self, repository: str, chunks: Sequence[Chunk], vectors: dict[str, list[float]]) -> None:
        import numpy as np

        from perdure.ai.embedding import unit_length

        if not chunks:
            return
        rows = [vectors[chunk.chunk_id] for chunk in chunks]
        if len({len(row) for row in rows}) != 1 or not rows[0]:
            raise ModelAnswerError(
                "the result's vectors are of different lengths", model=self._indexing.model
            )
        matrix = np.asarray(rows, dtype=np.float32)
        if not np.isfinite(matrix).all():
            raise ModelAnswerError("the result has vectors without numbers", model=self._indexing.model)
        await self._index.upsert(self._indexing.model, repository, chunks, unit_length(matrix))

    def _chunks(self, input: EmbedChunksInput) -> tuple[Chunk, ...]:
        return ChunkShard.model_validate_json(self._store.get(input.shard)).chunks

    async def _run(self, file: Path, job_id: str, token: str) -> None:
        if not self._command:
            raise SettingsError(
                "no program is configured that hands chunks to a batch service",
                hint="set batch_command in [index] of perdure.toml",
            )
        process = await asyncio.create_subprocess_exec(
            *(*self._command, str(file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # In the environment, for command lines can be read by every account of the machine.
            env={**os.environ, "PERDURE_JOB_TOKEN": token, "PERDURE_JOB_ID": job_id},
        )
        try:
            _, said = await process.communicate()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            last = said.decode(errors="replace").strip()[-300:].replace(token, "***")
            raise SettingsError(f"{self._command[0]} ended with status {process.returncode}: {last}")


def _vectors(content: bytes) -> Iterator[tuple[str, list[float]]]:
    """Read lines with an id and a vector, as this package or as OpenAI's batches write them.

    https://platform.openai.com/docs/guides/batch
    """
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            row = json.loads(line)
            if "custom_id" in row:
                yield str(row["custom_id"]), _numbers(row["response"]["body"]["data"][0]["embedding"])
            else:
                yield str(row["id"]), _numbers(row["embedding"])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelAnswerError(f"line {number} of the result has no id and embedding") from error


def _numbers(values: list[object]) -> list[float]:
    return [float(str(value)) for value in values]
