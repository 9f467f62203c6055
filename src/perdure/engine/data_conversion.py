"""How values become what the engine keeps, and back: one way for clients, workers, replayers and tools."""

import dataclasses

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
)

from perdure.config import Settings
from perdure.engine.codec import EncryptionCodec
from perdure.engine.external_storage import external_storage
from perdure.engine.key_ring import KeyRing


def data_converter(settings: Settings, namespace: str) -> DataConverter:
    """Return the converter for a namespace: models as JSON, encrypted, and out of the way where large.

    It opens what is encrypted, or says which key is missing, whether or not it encrypts itself.

    Raises:
        SecretError: The reference of the key that writes leads nowhere.
        EncryptionKeyError: What it leads to is no key.
    """
    return with_settings(pydantic_data_converter, settings, namespace)


def with_settings(converter: DataConverter | None, settings: Settings, namespace: str) -> DataConverter:
    """Give a converter what the settings say, but for the parts that its owner has chosen already.

    Raises:
        SecretError: The reference of the key that writes leads nowhere.
        EncryptionKeyError: What it leads to is no key.
    """
    converter = converter or DataConverter.default
    if converter.payload_converter_class is DefaultPayloadConverter:
        models = pydantic_data_converter.payload_converter_class
        converter = dataclasses.replace(converter, payload_converter_class=models)
    if converter.external_storage is None:
        storage = external_storage(settings.store, namespace)
        converter = dataclasses.replace(converter, external_storage=storage)
    if converter.payload_codec is not None:
        return converter
    codec = EncryptionCodec(KeyRing.of(settings.encryption), namespace=namespace)
    converter = dataclasses.replace(converter, payload_codec=codec)
    if settings.encryption.keys and converter.failure_converter_class is DefaultFailureConverter:
        # The message of an error may hold as much as an input does.
        encoded = DefaultFailureConverterWithEncodedAttributes
        converter = dataclasses.replace(converter, failure_converter_class=encoded)
    return converter
