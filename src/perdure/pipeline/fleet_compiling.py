"""Makes of a fleet file, and of what it refers to, the input that is run."""

import hashlib

from pydantic import JsonValue

from perdure.model.fleet import REVIEW_WORKFLOW, Items, OrganizationItems, PagedItems, PipelineWork, Work
from perdure.model.fleet_progress import AlertTarget, FleetInput, FleetOptions, OrganizationInput
from perdure.pipeline.digest import canonical_json
from perdure.pipeline.fleet_file import review_policy
from perdure.pipeline.fleet_schema import FleetFile, ItemsFrom
from perdure.pipeline.schema import PipelineFile


def source_of(file: FleetFile) -> Items | None:
    """Return where a fleet's items are; ``None`` where it lists them, or names a file of them."""
    found = file.items
    if not isinstance(found, ItemsFrom) or found.file is not None:
        return None
    if found.organization is not None:
        return OrganizationItems(
            organization=found.organization, match=found.match, archived=found.archived, forks=found.forks
        )
    return PagedItems(activity=found.activity or "", task_queue=found.task_queue or "", arguments=found.with_)


def compile_fleet(
    file: FleetFile,
    items: Items,
    *,
    pipeline: tuple[PipelineFile, dict[str, PipelineFile]] | None = None,
    requester: str = "",
) -> FleetInput | OrganizationInput:
    """Return the input that a fleet file is.

    Args:
        file: The fleet.
        items: Where its items are.
        pipeline: The pipeline that it names, and those that its steps run.
        requester: Who starts it.
    """
    options = FleetOptions(
        work=_work(file, pipeline),
        max_parallel=file.max_parallel,
        chunk_size=file.chunk_size,
        failure_threshold=file.failure_threshold,
        alert=AlertTarget(webhook=file.alert.webhook or "", issue=file.alert.issue or "")
        if file.alert
        else None,
        cancel_timeout=file.cancel_timeout,
        requester=requester,
    )
    given = dict(options)
    if file.tier is None or file.owner is None:
        given["work"] = options.work.model_copy(update={"fairness_key": (file.owner or "")[:64]})
        input: FleetInput | OrganizationInput = FleetInput(**given, name=file.name, items=items)
    else:
        input = OrganizationInput(
            **given, name=file.name, organization=file.owner, tier=file.tier, repositories=items
        )
        if file.tier_queue is not None:
            input = input.model_copy(update={"tier_queue": file.tier_queue})
    return input.model_copy(update={"digest": _digest(input)})


def _work(file: FleetFile, pipeline: tuple[PipelineFile, dict[str, PipelineFile]] | None) -> Work:
    input: JsonValue = file.input if file.input is not None else "${{ item }}"
    workflow = file.workflow or ""
    work: PipelineWork | None = None
    if file.review:
        policy = review_policy(file.review).model_dump(mode="json", exclude_unset=True)
        # Whole repositories have no pull request to be published on.
        workflow, input = (
            REVIEW_WORKFLOW,
            {"repository": "${{ item }}", "policy": {**policy, "publish": False}},
        )
    if pipeline is not None:
        top, below = pipeline
        work = PipelineWork(
            file=top.model_dump(mode="json", exclude_defaults=True),
            files={name: one.model_dump(mode="json", exclude_defaults=True) for name, one in below.items()},
        )
        input = file.input if file.input is not None else {}
    return Work(
        workflow=workflow,
        activity=file.activity or "",
        pipeline=work,
        input=input,
        task_queue=file.task_queue or "",
        timeout=file.timeout,
        attempts=file.attempts,
    )


def _digest(input: FleetOptions) -> str:
    # Who starts it makes it no other fleet.
    content = input.model_dump(mode="json", exclude={"requester", "digest", "state"})
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()
