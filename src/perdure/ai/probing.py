"""Whether a model's address, key and name are right, found out before anything is paid for."""

from typing import Final

import anthropic
import openai
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from perdure.config import ModelEndpoint
from perdure.errors import ModelRefusedError, ModelUnavailableError

_UNKNOWN: Final = 404
_NO_ROUTE: Final = {404, 405, 501}
_REFUSED: Final = {401, 403}
_NAMES_SHOWN: Final = 5


async def probe_model(client: AsyncOpenAI | AsyncAnthropic, endpoint: ModelEndpoint) -> None:
    """Ask for a model's description.

    Many servers of OpenAI's interface describe no single model, and some list none: there, the first request
    tells.

    Raises:
        ModelRefusedError: Key or name are not accepted.
        ModelUnavailableError: Nobody answers just now.
    """
    status = await _status(client, endpoint)
    if status == _UNKNOWN and (names := await _names(client, endpoint)) and endpoint.name not in names:
        shown = ", ".join(names[:_NAMES_SHOWN])
        raise ModelRefusedError(
            f"{endpoint.model} is not known at {client.base_url}",
            model=endpoint.model,
            hint=f"it offers {shown}{' and others' if len(names) > _NAMES_SHOWN else ''}:"
            " set one of them in [review] models",
        )


async def _status(client: AsyncOpenAI | AsyncAnthropic, endpoint: ModelEndpoint) -> int:
    try:
        await client.models.retrieve(endpoint.name)
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        return _checked(error.status_code, endpoint)
    except (openai.APIConnectionError, anthropic.APIConnectionError) as error:
        msg = f"{endpoint.model}: nobody answers at {client.base_url}"
        raise ModelUnavailableError(msg, model=endpoint.model) from error
    except (openai.OpenAIError, anthropic.AnthropicError):
        # An answer of another form: the address serves something, and no descriptions.
        return _UNKNOWN
    return 200


async def _names(client: AsyncOpenAI | AsyncAnthropic, endpoint: ModelEndpoint) -> list[str]:
    try:
        page = await client.models.list()
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        _checked(error.status_code, endpoint)
        return []
    except (openai.OpenAIError, anthropic.AnthropicError):
        return []
    return [model.id for model in page.data or ()]


def _checked(status: int, endpoint: ModelEndpoint) -> int:
    if status in _REFUSED:
        reference = endpoint.key_reference
        raise ModelRefusedError(
            f"{endpoint.model}: the key is not accepted (HTTP {status})",
            model=endpoint.model,
            hint=f"check what {reference} holds" if reference else "set a key for it in [review] models",
        )
    if status >= 500 or status == 429:
        msg = f"{endpoint.model} does not answer just now (HTTP {status})"
        raise ModelUnavailableError(msg, model=endpoint.model)
    return _UNKNOWN if status in _NO_ROUTE else status
