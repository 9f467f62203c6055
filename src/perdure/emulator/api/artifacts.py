"""Artifacts.

https://docs.github.com/en/rest/actions/artifacts
"""

from collections.abc import Sequence

from perdure.emulator.api.runs import find_run
from perdure.emulator.downloads import download_url
from perdure.emulator.records import Artifact
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_ARTIFACTS = "/repos/{owner}/{repo}/actions/artifacts"
_ONE = _ARTIFACTS + "/{artifact}"
_DOCS = "actions/artifacts#"


def find_artifact(call: Call) -> Artifact:
    """Return the artifact in the path."""
    found = call.services.state.artifacts.get(call.number("artifact"))
    if found is None or call.services.state.runs[found.run_id].repository != call.repository.full_name:
        raise ApiError(404, "Not Found")
    return found


@routes.on("GET", _ARTIFACTS, permission="actions=read", docs=_DOCS + "list-artifacts-for-a-repository")
async def list_artifacts(call: Call) -> Answer:
    """List a repository's artifacts, newest first."""
    state, name = call.services.state, call.repository.full_name
    found = [one for one in state.artifacts.values() if state.runs[one.run_id].repository == name]
    return _list(call, sorted(found, key=lambda one: -one.id))


@routes.on(
    "GET",
    "/repos/{owner}/{repo}/actions/runs/{run}/artifacts",
    permission="actions=read",
    docs=_DOCS + "list-workflow-run-artifacts",
)
async def list_run_artifacts(call: Call) -> Answer:
    """List a run's artifacts, newest first."""
    return _list(call, call.services.state.artifacts_of(find_run(call).id))


@routes.on("GET", _ONE, permission="actions=read", docs=_DOCS + "get-an-artifact")
async def get_artifact(call: Call) -> Answer:
    """Return an artifact."""
    return Answer(body=call.bodies.artifact(find_artifact(call)))


@routes.on("GET", _ONE + "/{format}", permission="actions=read", docs=_DOCS + "download-an-artifact")
async def download_artifact(call: Call) -> Answer:
    """Lead to an artifact's zip file."""
    found = find_artifact(call)
    if call.params["format"] != "zip":
        raise ApiError(404, "Not Found")
    if found.expires_at <= call.services.state.now():
        raise ApiError(410, "Artifact has expired")
    return Answer(status=302, headers={"location": download_url(call, f"artifact/{found.id}")})


@routes.on("DELETE", _ONE, permission="actions=write", docs=_DOCS + "delete-an-artifact")
async def delete_artifact(call: Call) -> Answer:
    """Delete an artifact."""
    found, state = find_artifact(call), call.services.state
    del state.artifacts[found.id]
    state.store.delete(found)
    (state.folder / found.file).unlink(missing_ok=True)
    return Answer(status=204)


def _list(call: Call, artifacts: Sequence[Artifact]) -> Answer:
    name = call.query("name")
    found = [artifact for artifact in artifacts if name in (None, artifact.name)]
    page, headers = call.page(found)
    bodies = [call.bodies.artifact(artifact) for artifact in page]
    return Answer(body={"total_count": len(found), "artifacts": bodies}, headers=headers)
