"""Perdure's search attributes, registered where that is allowed."""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.model import search_attributes

_TYPES = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
}

# Temporal Cloud and servers with an authorizer let only administrators register; SQL stores have a limited
# number of each type; proxies may not know the call at all.
_REFUSED = {
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.RESOURCE_EXHAUSTED,
}


async def ensure_search_attributes(client: Client) -> bool:
    """Register Perdure's search attributes in the client's namespace.

    A workflow that is started with an attribute that is not registered is refused. So where this is ``False``
    workflows go without: everything works but filtering by repository.

    Returns:
        Whether the namespace takes all of them.
    """
    try:
        missing = await _missing(client)
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=client.namespace,
                    search_attributes={name: _TYPES[search_attributes.TYPES[name]] for name in missing},
                )
            )
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:
            # Another process was faster.
            return not await _missing(client)
        if error.status in _REFUSED:
            return False
        raise
    return True


async def has_search_attributes(client: Client) -> bool:
    """Say whether the namespace takes Perdure's search attributes, without changing anything."""
    try:
        return not await _missing(client)
    except RPCError as error:
        if error.status in _REFUSED:
            return False
        raise


async def _missing(client: Client) -> list[str]:
    """Return the names that are not registered.

    Raises:
        RPCError: One of them is registered with another type (``INVALID_ARGUMENT``), or the call failed.
    """
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    known = answer.custom_attributes
    for name, kind in search_attributes.TYPES.items():
        if name in known and known[name] != _TYPES[kind]:
            msg = f"search attribute {name} is registered with another type than {kind}"
            raise RPCError(msg, RPCStatusCode.INVALID_ARGUMENT, b"")
    return [name for name in search_attributes.TYPES if name not in known]
