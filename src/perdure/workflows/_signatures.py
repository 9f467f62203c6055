"""Whether a decision was signed by a gateway that the worker knows: deterministic, so workflows may ask."""

import base64
import binascii
from collections.abc import Iterable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_KEY_PREFIX = "ed25519:"


def is_signed_by(public_keys: Iterable[str], content: bytes, signature: str) -> bool:
    """Say whether one of the keys has signed the content.

    Args:
        public_keys: Each ``ed25519:`` and base64.
        content: What should be signed.
        signature: As base64. Anything else is no signature.
    """
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return any(_has_signed(key, content, raw) for key in public_keys)


def _has_signed(public_key: str, content: bytes, signature: bytes) -> bool:
    # The library imports its exception when it first raises it. In the sandbox that would load its native
    # part a second time, which ends the process.
    with workflow.unsafe.imports_passed_through():
        try:
            raw = base64.b64decode(public_key.removeprefix(_KEY_PREFIX), validate=True)
            Ed25519PublicKey.from_public_bytes(raw).verify(signature, content)
        except (InvalidSignature, ValueError):
            return False
    return True
