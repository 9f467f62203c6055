"""The connection to Temporal, wherever it runs.

The address, the namespace, the API key and certificates come from Temporal's own file and ``TEMPORAL_*``
variables, the same that the ``temporal`` command reads, so that whoever has set up one has set up the
other.

https://docs.temporal.io/develop/environment-configuration
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Plugin
from temporalio.common import HeaderCodecBehavior
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime
from temporalio.service import KeepAliveConfig, RPCError, RPCStatusCode

from perdure.config import Settings, load_settings
from perdure.engine.data_conversion import data_converter
from perdure.engine.tracing import tracing_interceptors
from perdure.errors import EngineError, EngineUnreachableError, SettingsError

DEFAULT_ADDRESS = "localhost:7233"
DEFAULT_NAMESPACE = "default"
CONNECT_TIMEOUT = timedelta(seconds=6)
"""Several requests are made at the start; a person is told within 10 s that nobody answers."""

# The default of 30 s / 15 s leaves a connection that went silent unnoticed for 52 s; this for 7 s.
KEEP_ALIVE = KeepAliveConfig(interval_millis=5_000, timeout_millis=3_000)


async def connect_local(
    address: str,
    *,
    plugins: Sequence[Plugin] = (),
    settings: Settings | None = None,
    namespace: str = DEFAULT_NAMESPACE,
) -> Client:
    """Connect to a server that this process has started, whatever Temporal's own configuration says.

    Args:
        address: ``host:port``.
        plugins: Of the client.
        settings: Say how payloads are kept; plainly, and in the engine, where they are left out.
        namespace: One that the server was started with.

    Raises:
        EngineUnreachableError: It does not answer.
    """
    options: ClientConnectConfig = {"target_host": address, "namespace": namespace}
    return await _open(options, plugins=plugins, settings=settings)


async def connect(
    *,
    address: str | None = None,
    namespace: str | None = None,
    runtime: Runtime | None = None,
    plugins: Sequence[Plugin] = (),
    settings: Settings | None = None,
) -> Client:
    """Connect to Temporal.

    Args:
        address: ``host:port``; from Temporal's own configuration where it is left out.
        namespace: The same.
        runtime: The SDK's default where it is left out.
        plugins: Of the client, and of the workers that are made with it.
        settings: Say how payloads are kept; read from ``perdure.toml`` and the environment where they are
            left out.

    Raises:
        EngineUnreachableError: Nobody answers there; said within 10 s.
        EngineError: The namespace does not exist, or the credentials are refused.
        SettingsError: Temporal's configuration or Perdure's settings cannot be read, or a key is missing.
    """
    options = connection_options(address=address, namespace=namespace)
    return await _open(options, plugins=plugins, runtime=runtime, settings=settings or load_settings())


def connection_options(*, address: str | None = None, namespace: str | None = None) -> ClientConnectConfig:
    """Return what Temporal's own configuration says of the connection, with defaults.

    Raises:
        SettingsError: The file or a variable cannot be read.
    """
    try:
        options = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        msg = f"Temporal's configuration cannot be read: {error}"
        raise SettingsError(
            msg, hint="it is in the TEMPORAL_* variables and the file that `temporal config` edits"
        ) from error
    options["target_host"] = address or options.get("target_host") or DEFAULT_ADDRESS
    options["namespace"] = namespace or options.get("namespace") or DEFAULT_NAMESPACE
    return options


async def _open(
    options: ClientConnectConfig,
    *,
    plugins: Sequence[Plugin],
    runtime: Runtime | None = None,
    settings: Settings | None = None,
) -> Client:
    host, namespace = options["target_host"], options["namespace"]
    converter = data_converter(settings, namespace) if settings is not None else pydantic_data_converter
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT.total_seconds()):
            client = await Client.connect(
                **options,
                runtime=runtime,
                plugins=plugins,
                data_converter=converter,
                header_codec_behavior=HeaderCodecBehavior.CODEC,
                keep_alive_config=KEEP_ALIVE,
                interceptors=tracing_interceptors(settings.tracing) if settings else (),
            )
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except TimeoutError:
        raise _unreachable(host, "no answer") from None
    except RPCError as error:
        raise _refusal(error, host, namespace) from error
    except (RuntimeError, ValueError) as error:
        raise _unreachable(host, _innermost(str(error))) from error
    return client


def _refusal(error: RPCError, host: str, namespace: str) -> EngineError:
    match error.status:
        case RPCStatusCode.NOT_FOUND:
            return EngineError(
                f"Temporal at {host} has no namespace {namespace!r}",
                hint=f"choose another with --namespace or TEMPORAL_NAMESPACE, or create it: "
                f"temporal operator namespace create --address {host} {namespace}",
            )
        case RPCStatusCode.UNAUTHENTICATED | RPCStatusCode.PERMISSION_DENIED:
            return EngineError(
                f"Temporal at {host} does not accept these credentials: {error.message}",
                hint="set TEMPORAL_API_KEY, or the TEMPORAL_TLS_* variables",
            )
    return _unreachable(host, error.message)


def _unreachable(host: str, why: str) -> EngineUnreachableError:
    return EngineUnreachableError(
        f"no Temporal server answers at {host}: {why}",
        hint="start one with `perdure up`, or name another with --address or TEMPORAL_ADDRESS",
    )


def _innermost(message: str) -> str:
    """Cut the SDK's words around the operating system's."""
    for mark in ('ConnectError("', 'message: "', 'error: "'):
        _, found, rest = message.rpartition(mark)
        if found:
            return rest.partition('"')[0]
    return message
