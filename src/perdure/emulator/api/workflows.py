"""Workflows: listed, switched on and off, dispatched.

https://docs.github.com/en/rest/actions/workflows
"""

from collections.abc import Mapping

from perdure.emulator.execution import DispatchRefusedError
from perdure.emulator.faults import CALLER_HEADER
from perdure.emulator.lifecycle import Dispatch
from perdure.emulator.records import WorkflowState
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
WITHOUT_DETAILS = "2022-11-28"
_WORKFLOWS = "/repos/{owner}/{repo}/actions/workflows"
_ONE = _WORKFLOWS + "/{workflow}"
_DISPATCH_DOCS = "actions/workflows#create-a-workflow-dispatch-event"


def find_workflow(call: Call) -> WorkflowState:
    """Return the workflow in the path, by number or file name."""
    found = call.services.lifecycle.files.find(call.repository, call.params["workflow"])
    if found is None:
        raise ApiError(404, "Not Found")
    return found


@routes.on("GET", _WORKFLOWS, permission="actions=read", docs="actions/workflows#list-repository-workflows")
async def list_workflows(call: Call) -> Answer:
    """List the workflow files of the default branch."""
    found = call.services.lifecycle.files.all(call.repository)
    page, headers = call.page(found)
    workflows = [_body(call, workflow) for workflow in page]
    return Answer(body={"total_count": len(found), "workflows": workflows}, headers=headers)


@routes.on("GET", _ONE, permission="actions=read", docs="actions/workflows#get-a-workflow")
async def get_workflow(call: Call) -> Answer:
    """Return one workflow."""
    return Answer(body=_body(call, find_workflow(call)))


@routes.on("PUT", _ONE + "/enable", permission="actions=write", docs="actions/workflows#enable-a-workflow")
async def enable_workflow(call: Call) -> Answer:
    """Let a workflow be dispatched again."""
    return _set_state(call, "active")


@routes.on("PUT", _ONE + "/disable", permission="actions=write", docs="actions/workflows#disable-a-workflow")
async def disable_workflow(call: Call) -> Answer:
    """Refuse dispatches of a workflow."""
    return _set_state(call, "disabled_manually")


@routes.on("POST", _ONE + "/dispatches", permission="actions=write", docs=_DISPATCH_DOCS)
async def dispatch_workflow(call: Call) -> Answer:
    """Start a run; whether the answer says which depends on the API version and the old one's flag."""
    body = await call.json()
    wants_details = _check_keys(call, body)
    workflow = find_workflow(call)
    if workflow.state != "active":
        raise ApiError(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    run = call.services.lifecycle.dispatch(_order(call, workflow, body))
    if not wants_details:
        return Answer(status=204)
    path = f"{run.repository}/actions/runs/{run.id}"
    details = {
        "workflow_run_id": run.id,
        "run_url": f"{call.links.api}/repos/{path}",
        "html_url": f"{call.links.html}/{path}",
    }
    return Answer(body=details)


def _order(call: Call, workflow: WorkflowState, body: Mapping[str, object]) -> Dispatch:
    repository, ref = call.repository, str(body["ref"])
    resolved = repository.resolve(ref)
    if resolved is None:
        raise ApiError(422, f"No ref found for: {ref}")
    files = call.services.lifecycle.files
    found = files.at(repository, resolved.sha, workflow.path)
    if found is None:
        raise ApiError(
            422, "Workflow does not exist or does not have a workflow_dispatch trigger in this branch"
        )
    if found.file is None:
        raise ApiError(422, f"failed to parse workflow: {found.error}")
    inputs = body.get("inputs") or {}
    if not isinstance(inputs, dict):
        raise ApiError(422, f"Invalid request.\n\nFor 'properties/inputs', {inputs!r} is not an object.")
    try:
        checked = found.file.check_dispatch(inputs, max_inputs=call.services.settings.max_inputs)
    except DispatchRefusedError as error:
        raise ApiError(422, str(error)) from None
    return Dispatch(
        repository=repository,
        workflow=workflow,
        text=found.text,
        file=found.file,
        resolved=resolved,
        inputs=checked,
        actor=call.actor,
        caller=call.request.headers.get(CALLER_HEADER, ""),
    )


def _check_keys(call: Call, body: Mapping[str, object]) -> bool:
    """Refuse unknown keys, which depend on the version, and say whether the answer carries details."""
    knows_flag = call.version == WITHOUT_DETAILS and call.services.settings.profile == "github"
    allowed = {"ref", "inputs", "return_run_details"} if knows_flag else {"ref", "inputs"}
    unknown = [f'"{key}"' for key in body if key not in allowed]
    problems = []
    if len(unknown) == 1:
        problems.append(f"{unknown[0]} is not a permitted key.")
    elif unknown:
        problems.append(f"{', '.join(unknown)} are not permitted keys.")
    if "ref" not in body:
        problems.append('"ref" wasn\'t supplied.')
    if problems:
        raise ApiError(422, "Invalid request.\n\n" + "\n".join(problems))
    return call.version != WITHOUT_DETAILS or body.get("return_run_details") is True


def _set_state(call: Call, state: str) -> Answer:
    workflow = find_workflow(call)
    workflow.state = state
    call.services.state.store.put(workflow)
    call.services.state.store.flush()
    return Answer(status=204)


def _body(call: Call, workflow: WorkflowState) -> dict[str, object]:
    repository = call.repository
    resolved = repository.resolve(repository.default_branch)
    at = repository.commit(resolved.sha).committer.at if resolved else call.services.state.now()
    name = call.services.lifecycle.files.name(repository, workflow)
    return call.bodies.workflow(repository, workflow, name, at)
