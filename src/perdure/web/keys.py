"""The gateway's key: Ed25519, made once, kept by the gateway alone."""

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from perdure.config import Secret
from perdure.errors import PrivateKeyError, UsageError
from perdure.model.approvals import Decision, How, signed_content

_HINT = "make one with: perdure web key new"


class SigningKey:
    """Signs decisions. Shows itself to nobody."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> str:
        """What workers need in ``[approvals] public_key``."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"ed25519:{base64.b64encode(raw).decode()}"

    def signed(self, decision: Decision, *, approval_id: str, run_id: str) -> Decision:
        """Return the decision with the gateway's signature."""
        content = signed_content(decision, approval_id=approval_id, run_id=run_id)
        signature = base64.b64encode(self._key.sign(content)).decode()
        return decision.model_copy(update={"signature": signature, "how": How.SIGNED})


def new_private_key(path: Path) -> SigningKey:
    """Make a key and write it where only its owner can read it.

    Raises:
        UsageError: There is a file already, or none can be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        # Made with its mode: between a write and a chmod others could read it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        msg = f"{path} is there already"
        raise UsageError(
            msg, hint="name another file with --out: a key that is in use must not be lost"
        ) from None
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}"
        raise UsageError(msg, hint="name another file with --out") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return SigningKey(key)


def read_signing_key(secret: Secret) -> SigningKey:
    """Read the gateway's private key.

    Raises:
        PrivateKeyError: It is something else. The message never holds the value.
    """
    pem = secret.reveal().replace("\\n", "\n")
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        msg = f"{secret.reference} holds no private key that can be read"
        raise PrivateKeyError(msg, hint=_HINT) from None
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"{secret.reference} holds a private key that is not Ed25519"
        raise PrivateKeyError(msg, hint=_HINT)
    return SigningKey(key)
