"""How values become what the engine keeps, and back: one way for clients, workers, replayers and tools."""

import dataclasses

from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    PayloadConverter,
)

from perdure.config import Settings, without_secrets
from perdure.engine.codec import EncryptionCodec
from perdure.engine.external_storage import external_storage
from perdure.engine.key_ring import KeyRing


class RedactingFailureConverter(DefaultFailureConverter):
    """Takes secrets out of messages and stack traces of errors, which stand in histories as they are."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Convert an error; its causes come here themselves."""
        super().to_failure(exception, payload_converter, failure)
        failure.message = without_secrets(failure.message)
        failure.stack_trace = without_secrets(failure.stack_trace)


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
    if converter.failure_converter_class is not DefaultFailureConverter:
        return converter
    # The message of an error may hold as much as an input does.
    return dataclasses.replace(
        converter,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes
        if settings.encryption.keys
        else RedactingFailureConverter,
    )
