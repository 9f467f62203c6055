"""The App's webhook: its address, what was delivered, and sending it again.

https://docs.github.com/en/rest/apps/webhooks
"""

from perdure.emulator.records import Delivery
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_DOCS = "apps/webhooks#"
_DELIVERIES = "/app/hook/deliveries"


@routes.on("GET", "/app/hook/config", docs=_DOCS + "get-a-webhook-configuration-for-an-app")
async def get_config(call: Call) -> Answer:
    """Return where webhooks go; the secret is never shown."""
    call.app  # noqa: B018 - only an App may ask
    webhook = call.services.settings.webhook
    if webhook is None:
        return Answer(body={"content_type": "json", "insecure_ssl": "0"})
    body = {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": webhook.url}
    return Answer(body=body)


@routes.on("GET", _DELIVERIES, docs=_DOCS + "list-deliveries-for-an-app-webhook")
async def list_deliveries(call: Call) -> Answer:
    """List deliveries, newest first; the cursor is the number of the first one on the next page."""
    call.app  # noqa: B018 - only an App may ask
    found = sorted(call.services.state.deliveries.values(), key=lambda one: -one.id)
    cursor, size = call.query("cursor"), call.query("per_page") or "30"
    if cursor is not None:
        if not cursor.isdigit():
            raise ApiError(400, "Invalid cursor")
        found = [one for one in found if one.id <= int(cursor)]
    count = min(max(int(size), 1), 100) if size.isdigit() else 30
    headers = {}
    if len(found) > count:
        url = f"{call.links.api}{_DELIVERIES}?per_page={count}&cursor={found[count].id}"
        headers["link"] = f'<{url}>; rel="next"'
    return Answer(body=[call.bodies.delivery(one) for one in found[:count]], headers=headers)


@routes.on("GET", _DELIVERIES + "/{delivery}", docs=_DOCS + "get-a-delivery-for-an-app-webhook")
async def get_delivery(call: Call) -> Answer:
    """Return a delivery with what was sent."""
    return Answer(body=call.bodies.full_delivery(_find(call)))


@routes.on(
    "POST", _DELIVERIES + "/{delivery}/attempts", docs=_DOCS + "redeliver-a-delivery-for-an-app-webhook"
)
async def redeliver(call: Call) -> Answer:
    """Send a delivery again."""
    call.services.webhooks.redeliver(_find(call))
    return Answer(status=202, body={})


def _find(call: Call) -> Delivery:
    call.app  # noqa: B018 - only an App may ask
    found = call.services.state.deliveries.get(call.number("delivery"))
    if found is None:
        raise ApiError(404, "Not Found")
    return found
