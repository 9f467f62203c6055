"""``/_emulator``: faults, the request log and all runs, for tests that reach the emulator over HTTP only.

* ``POST /_emulator/faults`` with the arguments of `Faults.fail_next` (or ``oddity`` and those of
  `Faults.next_run`, or ``list_lag``) as JSON; ``GET`` says which have struck; ``DELETE`` forgets the others.
* ``GET /_emulator/requests``: every request served, and counts per endpoint; ``DELETE`` begins anew.
* ``GET /_emulator/runs``: every run with its inputs, also those that lists do not show yet.
* ``POST /_emulator/suspensions``: ``{"installation": 1, "suspended": true}``.
* ``DELETE /_emulator/tokens``: every installation token that exists expires now.
* ``POST /_emulator/limits``: ``{"client": "installation:1", "reset_in": 60}`` uses up a client's quota.
"""

import json
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from perdure.emulator.bodies.accounts import instant
from perdure.emulator.records import Run
from perdure.emulator.services import Services

PREFIX = "/_emulator/"


async def serve_control(services: Services, request: Request, path: str) -> Response:
    """Answer one of the tests' own requests."""
    what = (request.method, path.removeprefix(PREFIX))
    try:
        return await _serve(services, request, what)
    except (ValueError, TypeError, KeyError) as error:
        return JSONResponse({"message": str(error)}, 400)


async def _serve(services: Services, request: Request, what: tuple[str, str]) -> Response:
    match what:
        case ("POST", "faults"):
            services.faults.add_from_json(await request.json())
            return JSONResponse({}, 201)
        case ("GET", "faults"):
            return JSONResponse(dict(services.faults.struck))
        case ("DELETE", "faults"):
            services.faults.clear()
            return Response(status_code=204)
        case ("GET", "requests"):
            return JSONResponse(services.requests.body())
        case ("DELETE", "requests"):
            services.requests.clear()
            return Response(status_code=204)
        case ("GET", "runs"):
            return JSONResponse([_run(run) for run in services.state.runs.values()])
        case ("POST", "suspensions"):
            return _suspend(services, json.loads(await request.body()))
        case ("DELETE", "tokens"):
            services.authentication.expire_tokens()
            return Response(status_code=204)
        case ("POST", "limits"):
            wanted = json.loads(await request.body())
            services.limits.exhaust(
                wanted.get("client", ""), reset_in=timedelta(seconds=wanted.get("reset_in", 3600))
            )
            return Response(status_code=204)
        case _:
            return JSONResponse({"message": "Not Found"}, 404)


def _suspend(services: Services, wanted: dict[str, object]) -> Response:
    number = int(str(wanted["installation"]))
    if wanted["suspended"]:
        services.authentication.suspended[number] = services.settings.clock()
    else:
        services.authentication.suspended.pop(number, None)
    return Response(status_code=204)


def _run(run: Run) -> dict[str, object]:
    return {
        "id": run.id,
        "repository": run.repository,
        "workflow": run.workflow_path,
        "title": run.title,
        "inputs": run.inputs,
        "status": run.status,
        "conclusion": run.conclusion,
        "attempt": run.current.number,
        "created_at": instant(run.created_at),
    }
