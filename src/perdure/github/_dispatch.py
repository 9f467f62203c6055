"""Dispatching a workflow file, and saying exactly what is known afterwards.

GitHub's dispatch has no idempotency key. So there are three kinds of outcome and no fourth: a refusal, which
certainly started nothing; an acceptance; and everything else, which nobody knows and which is never sent
again from here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

from perdure.errors import (
    GitHubError,
    GitHubRateLimitedError,
    GitHubUnavailableError,
    InvalidInputError,
    InvalidRefError,
    PerdureError,
    WorkflowFileNotFoundError,
    WorkflowNotDispatchableError,
)
from perdure.github._answers import Answer, retry_after_of
from perdure.github._calls import Calls
from perdure.github._requests import Sending, UnansweredError
from perdure.github._transport import repository_path
from perdure.github._wire import API_VERSIONS
from perdure.github.auth import Scope
from perdure.model.dispatch import DISPATCH_ID_INPUT, DispatchAnswer, DispatchRequest
from perdure.model.workflow_files import TRIGGER_TO_ADD

_REFUSES_FLAG = '"return_run_details" is not a permitted key'

_CERTAINLY_NOTHING = {301, 302, 303, 307, 308, *range(400, 500)} - {408}
"""Refusals and redirects, which start no run. A time-out in between may hide one that was started."""


class DispatchCalls(Calls):
    """Dispatches."""

    _flag_refused = False
    """Whether the host knows no ``return_run_details``: a GitHub Enterprise Server up to 3.20."""

    async def dispatch(
        self, request: DispatchRequest, *, before_send: Callable[[], bool] | None = None
    ) -> DispatchAnswer:
        """Send the dispatch once.

        The newest form of the request that the host takes is remembered. A form that it refuses was not
        carried out, so that the next older one is sent in the same call:
        https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event

        Args:
            request: What to dispatch.
            before_send: Asked right before the request is written; ``False`` sends nothing.

        Raises:
            GitHubRefusedError: GitHub will not dispatch this.
            InvalidInputError: The inputs do not fit the workflow file.
            InvalidRefError: The ref is no branch or tag.
        """
        try:
            answer = await self._climb_down(request, before_send)
        except UnansweredError as error:
            return DispatchAnswer(kind="ambiguous" if error.sent else "not-sent", reason=str(error))
        except GitHubRateLimitedError as error:
            # Met while a token was asked for: the dispatch itself was not sent.
            return DispatchAnswer(kind="later", retry_after=error.retry_after, reason=str(error))
        except GitHubUnavailableError as error:
            return DispatchAnswer(kind="not-sent", reason=str(error))
        return self._read(request, answer)

    async def _climb_down(self, request: DispatchRequest, before_send: Callable[[], bool] | None) -> Answer:
        name = quote(request.workflow_file, safe="")
        path = repository_path(request.repository, f"/actions/workflows/{name}/dispatches")
        sending = Sending("POST", path, lambda version: self._body(request, version), before_send)
        answer = await self._transport.send(request.repository, sending, Scope.WRITE)
        if answer.status in {400, 422} and _REFUSES_FLAG in answer.message:
            self._flag_refused = True
            answer = await self._transport.send(request.repository, sending, Scope.WRITE)
        return answer

    def _body(self, request: DispatchRequest, version: str) -> dict[str, object]:
        body: dict[str, object] = {"ref": request.ref, "inputs": request.inputs}
        # The newest version always tells the run, and takes no such flag.
        if version != API_VERSIONS[0] and not self._flag_refused:
            body["return_run_details"] = True
        return body

    def _read(self, request: DispatchRequest, answer: Answer) -> DispatchAnswer:
        if answer.status == 204:
            return DispatchAnswer(kind="accepted", reason="GitHub accepted the dispatch")
        if answer.is_success:
            return _started(answer)
        if (seconds := retry_after_of(answer)) is not None:
            reason = f"{answer.asked} answered {answer.status}: {answer.message}"
            return DispatchAnswer(kind="later", retry_after=timedelta(seconds=seconds), reason=reason)
        if answer.status not in _CERTAINLY_NOTHING:
            reason = f"{answer.asked} answered {answer.status}; GitHub may have started a run"
            return DispatchAnswer(kind="ambiguous", reason=reason)
        if answer.status == 422 and _unexpected_inputs(answer.message) == [DISPATCH_ID_INPUT]:
            return DispatchAnswer(kind="without-id", reason=answer.message)
        raise _refusal(request, answer) or self._transport.error(answer, request.repository)


def _started(answer: Answer) -> DispatchAnswer:
    try:
        body = answer.json_object()
    except GitHubError as error:
        return DispatchAnswer(kind="ambiguous", reason=str(error))
    actions_run_id, html_url = body.get("workflow_run_id"), body.get("html_url")
    if not isinstance(actions_run_id, int) or isinstance(actions_run_id, bool):
        reason = f"{answer.asked} answered {answer.status} without the run's id"
        return DispatchAnswer(kind="ambiguous", reason=reason)
    return DispatchAnswer(
        kind="started",
        actions_run_id=actions_run_id,
        html_url=html_url if isinstance(html_url, str) else None,
        reason="GitHub started the run",
    )


def _unexpected_inputs(message: str) -> list[str]:
    if not (found := re.match(r"Unexpected inputs provided: (\[.*\])", message)):
        return []
    try:
        return [str(name) for name in json.loads(found[1])]
    except ValueError:
        return []


def _refusal(request: DispatchRequest, answer: Answer) -> PerdureError | None:
    """Return the error for GitHub's own words, with what to change. The words are not documented."""
    where = f"{request.repository}: {request.workflow_file}"
    said = answer.message
    if answer.status == 404:
        return WorkflowFileNotFoundError(
            f"{where} is not on the default branch, or these credentials cannot see it",
            hint="push the file to the default branch, or check its name with: perdure doctor",
            status=404,
        )
    if answer.status not in {400, 422}:
        return None
    for pattern, refused in _REFUSALS.items():
        if re.search(pattern, said):
            return refused(where, said.strip(), request)
    return None


def _bad_ref(where: str, said: str, request: DispatchRequest) -> PerdureError:
    return InvalidRefError(f"{where}: {said}", hint=f"name a branch or tag that exists, not {request.ref!r}")


def _bad_input(hint: str) -> Callable[[str, str, DispatchRequest], PerdureError]:
    def refused(where: str, said: str, request: DispatchRequest) -> PerdureError:
        return InvalidInputError(f"{where} @ {request.ref}: {said}", hint=hint)

    return refused


def _no_trigger(where: str, said: str, request: DispatchRequest) -> PerdureError:
    hint = f"add this to the file on {request.ref} and on the default branch:\n{TRIGGER_TO_ADD}"
    return WorkflowNotDispatchableError(f"{where}: {said}", hint=hint, status=422)


def _unreadable(where: str, said: str, request: DispatchRequest) -> PerdureError:
    hint = f"mend the file on {request.ref}; GitHub shows it on the repository's Actions page"
    return WorkflowNotDispatchableError(f"{where}: {said}", hint=hint, status=422)


def _disabled(where: str, said: str, request: DispatchRequest) -> PerdureError:
    hint = f"gh workflow enable {request.workflow_file} --repo {request.repository}"
    return WorkflowNotDispatchableError(f"{where}: {said}", hint=hint, status=422)


_REFUSALS: dict[str, Callable[[str, str, DispatchRequest], PerdureError]] = {
    r"No ref found": _bad_ref,
    r"\"ref\" wasn't supplied": _bad_ref,
    r"Unexpected inputs provided": _bad_input("leave them out, or add them to on.workflow_dispatch.inputs"),
    r"Required input .* not provided": _bad_input("give it: -f NAME=VALUE"),
    r"not in the list of allowed values": _bad_input("use one of the options in the workflow file"),
    r"No more than \d+ properties": _bad_input("pass several values as one JSON input"),
    r"does not have .*workflow_dispatch": _no_trigger,
    r"failed to parse workflow": _unreadable,
    r"disabled workflow": _disabled,
}
