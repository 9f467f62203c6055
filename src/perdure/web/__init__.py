"""The gateway: it knows a person by their GitHub token, and signs what they decide.

Whoever can reach the engine could otherwise decide in anybody's name. So workers believe only what a gateway
has signed with the private key that it alone holds, and the gateway signs only what a person has asked for
with a token that GitHub knows. The rules themselves are the workflow's.
"""

from perdure.web.app import create_app
from perdure.web.keys import SigningKey, new_private_key, read_signing_key
from perdure.web.people import People
from perdure.web.receiving import open_receiver
from perdure.web.server import serve
from perdure.web.webhooks import PATH as WEBHOOKS_PATH
from perdure.web.webhooks import WebhookReceiver

__all__ = [
    "WEBHOOKS_PATH",
    "People",
    "SigningKey",
    "WebhookReceiver",
    "create_app",
    "new_private_key",
    "open_receiver",
    "read_signing_key",
    "serve",
]
