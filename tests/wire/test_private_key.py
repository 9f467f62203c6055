import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from perdure.config import Secret
from perdure.errors import PrivateKeyError
from perdure.github._private_key import read_private_key


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private(key, form=PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def secret(text):
    return Secret(text, reference="env:KEY")


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_a_key_is_read_also_from_one_line(key, form):
    """Variables often carry the line ends as backslash n."""
    pem = private(key, form)

    assert read_private_key(secret(pem)).key_size == 2048
    assert read_private_key(secret(pem.replace("\n", "\\n"))).key_size == 2048


def mistaken(key):
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    elliptic = ec.generate_private_key(ec.SECP256R1())
    whole = private(key)
    return {
        "a public key": public,
        "a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "an encrypted key": private(key, encryption=BestAvailableEncryption(b"x")),
        "an OpenSSH key": private(key, PrivateFormat.OpenSSH),
        "an elliptic-curve key": private(elliptic, PrivateFormat.TraditionalOpenSSL),
        "not RSA": private(elliptic),
        "is it whole": whole[: len(whole) // 2],
        "no PEM private key": "/etc/perdure/app.pem",
    }


def test_what_is_no_private_key_is_called_by_its_name(key):
    """The message says what was found and never shows it."""
    for told, text in mistaken(key).items():
        with pytest.raises(PrivateKeyError, match=told) as caught:
            read_private_key(secret(text))
        assert text not in str(caught.value)
        assert "Generate a private key" in (caught.value.hint or "")
