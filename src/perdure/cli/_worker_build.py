"""Which build of a deployment a worker is, and what has to be done so that it gets work."""

from dataclasses import dataclass

from pydantic import ValidationError
from temporalio.client import Client

from perdure.cli import _errors
from perdure.config import Settings, WorkerSettings
from perdure.engine.deployments import current_build
from perdure.errors import EngineError, UsageError


@dataclass(frozen=True, kw_only=True)
class Build:
    """What was typed; what was not comes from the settings."""

    deployment: str | None = None
    build_id: str | None = None


def with_build(settings: Settings, build: Build) -> Settings:
    """Return the settings with the deployment and the build that were typed.

    Raises:
        UsageError: One is named without the other, or cannot be a name.
    """
    typed = {name: value for name, value in vars(build).items() if value is not None}
    if not typed:
        return settings
    worker = settings.worker.model_copy(update=typed)
    if not worker.deployment or not worker.build_id:
        missing = "--build-id ID" if worker.deployment else "--deployment NAME"
        raise UsageError(
            "a build belongs to a deployment, and needs both names", hint=f"add {missing}, or leave both out"
        )
    try:
        WorkerSettings.model_validate({"deployment": worker.deployment, "build_id": worker.build_id})
    except ValidationError as error:
        raise UsageError(
            f"{worker.deployment}, {worker.build_id}: no names of a deployment and a build",
            hint="a deployment has letters, digits, _ and -; a build may have dots and + besides",
        ) from error
    return settings.model_copy(update={"worker": worker})


async def explain_build(client: Client, settings: Settings) -> None:
    """Say whether the worker's build is the one that new workflows begin on, and how to make it so."""
    deployment, build_id = settings.worker.deployment, settings.worker.build_id
    if not deployment:
        return
    try:
        current = await current_build(client, deployment)
    except EngineError:
        return  # the worker itself says what is wrong with the engine
    if current == build_id:
        _errors.say(f"build {build_id} of deployment {deployment} is current")
        return
    address = client.service_client.config.target_host
    takes = f"they begin on {current}" if current else "none is current yet, so this worker gets no work"
    _errors.say(
        f"build {build_id} of deployment {deployment} is not the one that new workflows begin on: {takes}."
        f"\nmake it current: temporal worker deployment set-current-version --address {address}"
        f" --namespace {client.namespace} --deployment-name {deployment} --build-id {build_id}"
    )
