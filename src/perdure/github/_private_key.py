"""The App's private key, read from PEM and told apart from everything that is mistaken for it."""

import re

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from perdure.config import Secret
from perdure.errors import PrivateKeyError

_HINT = "make one on the App's page at GitHub: Private keys, Generate a private key"
_MISTAKEN = {
    "CERTIFICATE": "a certificate",
    "PUBLIC KEY": "a public key",
    "RSA PUBLIC KEY": "a public key",
    "OPENSSH PRIVATE KEY": "an OpenSSH key",
    "EC PRIVATE KEY": "an elliptic-curve key",
    "ENCRYPTED PRIVATE KEY": "an encrypted key",
}


def read_private_key(secret: Secret) -> RSAPrivateKey:
    """Read the key that GitHub made for the App.

    Raises:
        PrivateKeyError: It is something else, which is named; the value never is.
    """
    # Environment variables often carry the line ends as \\n.
    pem = secret.reveal().replace("\\n", "\n")
    head = re.search(r"-----BEGIN ([A-Z0-9 ]+)-----", pem)
    if head is None:
        msg = f"{secret.reference} holds {len(pem)} characters that are no PEM private key"
        raise PrivateKeyError(msg, hint=_HINT)
    if (mistaken := _MISTAKEN.get(head[1])) or "Proc-Type: 4,ENCRYPTED" in pem:
        msg = f"{secret.reference} holds {mistaken or 'an encrypted key'}, not the App's private key"
        raise PrivateKeyError(msg, hint=_HINT)
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        msg = f"{secret.reference} holds a PEM private key that cannot be read: is it whole?"
        raise PrivateKeyError(msg, hint=_HINT) from None
    if not isinstance(key, RSAPrivateKey):
        msg = f"{secret.reference} holds a private key that is not RSA"
        raise PrivateKeyError(msg, hint=_HINT)
    return key
