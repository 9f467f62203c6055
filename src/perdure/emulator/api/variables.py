"""Configuration variables of a repository.

https://docs.github.com/en/rest/actions/variables
"""

from perdure.emulator.bodies.accounts import instant
from perdure.emulator.records import Variable
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_VARIABLES = "/repos/{owner}/{repo}/actions/variables"
_ONE = _VARIABLES + "/{name}"
_DOCS = "actions/variables#"
_MOST_PER_PAGE = 30


@routes.on("GET", _VARIABLES, permission="actions_variables=read", docs=_DOCS + "list-repository-variables")
async def list_variables(call: Call) -> Answer:
    """List variables by name; a page holds at most 30."""
    found = sorted(_known(call).values(), key=lambda one: one.name)
    page, headers = call.page(found, limit=_MOST_PER_PAGE)
    return Answer(
        body={"total_count": len(found), "variables": [_body(one) for one in page]}, headers=headers
    )


@routes.on("GET", _ONE, permission="actions_variables=read", docs=_DOCS + "get-a-repository-variable")
async def get_variable(call: Call) -> Answer:
    """Return one variable."""
    return Answer(body=_body(_find(call)))


@routes.on(
    "POST", _VARIABLES, permission="actions_variables=write", docs=_DOCS + "create-a-repository-variable"
)
async def create_variable(call: Call) -> Answer:
    """Add a variable."""
    body = await call.json()
    name = str(body.get("name", "")).upper()
    if not name or "value" not in body:
        raise ApiError(422, 'Invalid request.\n\n"name" or "value" wasn\'t supplied.')
    if name in _known(call):
        raise ApiError(409, "Already exists - Variable already exists")
    _store(call, name, str(body["value"]))
    return Answer(status=201, body={})


@routes.on("PATCH", _ONE, permission="actions_variables=write", docs=_DOCS + "update-a-repository-variable")
async def update_variable(call: Call) -> Answer:
    """Change a variable's value."""
    found, body = _find(call), await call.json()
    _store(call, found.name, str(body.get("value", found.value)))
    return Answer(status=204)


def _known(call: Call) -> dict[str, Variable]:
    services, name = call.services, call.repository.full_name
    start = services.started_at
    given = services.settings.variables.get(name, {})
    known = {
        key.upper(): Variable(
            id=0, repository=name, name=key.upper(), value=value, created_at=start, updated_at=start
        )
        for key, value in given.items()
    }
    return known | {one.name: one for one in services.state.variables.values() if one.repository == name}


def _find(call: Call) -> Variable:
    found = _known(call).get(call.params["name"].upper())
    if found is None:
        raise ApiError(404, "Not Found")
    return found


def _store(call: Call, name: str, value: str) -> None:
    state, now = call.services.state, call.services.state.now()
    earlier = _known(call).get(name)
    variable = Variable(
        id=earlier.id if earlier and earlier.id else state.next_id("variable"),
        repository=call.repository.full_name,
        name=name,
        value=value,
        created_at=earlier.created_at if earlier else now,
        updated_at=now,
    )
    state.variables[variable.id] = variable
    state.store.put(variable)
    state.store.flush()


def _body(variable: Variable) -> dict[str, object]:
    return {
        "name": variable.name,
        "value": variable.value,
        "created_at": instant(variable.created_at),
        "updated_at": instant(variable.updated_at),
    }
