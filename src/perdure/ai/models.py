"""Language models, asked for remarks of a fixed form.

Perdure asks again where that makes sense, so the providers' packages must not: a request that they repeat on
their own is paid for without being in any account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import TracebackType
from typing import Any, Protocol, Self

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai import Agent, ModelSettings, NativeOutput, PromptedOutput, RunUsage, ToolOutput, UsageLimits
from pydantic_ai.exceptions import ModelConnectionError
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from perdure.ai.answers import Remark, Remarks
from perdure.ai.model_errors import as_model_errors
from perdure.ai.probing import probe_model
from perdure.ai.prompts import read_prompt
from perdure.config import ModelEndpoint, resolve_secret
from perdure.errors import ModelError

ASKED_AGAIN = 2
"""How often a model is asked again whose answer has not the right form."""


@dataclass(frozen=True)
class Answer:
    """What a model said, and what it took.

    Attributes:
        is_measured: Whether the provider said what it took.
        error: Why there is no answer.
    """

    remarks: tuple[Remark, ...] = ()
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    is_measured: bool = True
    error: ModelError | None = None


class ModelClient(Protocol):
    """One model at one address."""

    @property
    def endpoint(self) -> ModelEndpoint:
        """Where it is."""
        ...

    async def probe(self) -> None:
        """Find out whether key and name are accepted, without paying for anything.

        Raises:
            ModelRefusedError: They are not.
            ModelUnavailableError: It does not answer just now.
        """
        ...

    async def ask(self, prompt: str, *, longest_answer: int) -> Answer:
        """Ask it for remarks. What went wrong is part of the answer, for it may have cost something."""
        ...


class PydanticModel:
    """A model that is asked through pydantic-ai."""

    def __init__(self, endpoint: ModelEndpoint, *, timeout: timedelta) -> None:
        """Prepare for an endpoint.

        Raises:
            SecretError: Its key is not where it should be.
        """
        self.endpoint = endpoint
        reference = endpoint.key_reference
        # A server of one's own may need no key, and the providers' packages insist on one.
        key = resolve_secret(reference).reveal() if reference else "none"
        self.client: AsyncOpenAI | AsyncAnthropic
        self._model: Model[Any]
        if endpoint.provider == "anthropic":
            anthropic = AsyncAnthropic(
                api_key=key, base_url=endpoint.base_url, max_retries=0, timeout=timeout.total_seconds()
            )
            self.client = anthropic
            self._model = AnthropicModel(
                endpoint.name, provider=AnthropicProvider(anthropic_client=anthropic)
            )
        else:
            openai = AsyncOpenAI(
                api_key=key, base_url=endpoint.base_url, max_retries=0, timeout=timeout.total_seconds()
            )
            self.client = openai
            self._model = OpenAIChatModel(endpoint.name, provider=OpenAIProvider(openai_client=openai))

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close its connections."""
        await self.client.close()

    async def probe(self) -> None:
        """Ask for the model's description, which costs nothing.

        Raises:
            ModelRefusedError: Key or name are not accepted.
            ModelUnavailableError: It does not answer just now.
        """
        await probe_model(self.client, self.endpoint)

    async def ask(self, prompt: str, *, longest_answer: int) -> Answer:
        """Ask it for remarks, and again at most twice where its answer has not the right form."""
        usage = RunUsage()
        try:
            with as_model_errors(self.endpoint.model):
                result = await _agent(self.endpoint.output).run(
                    prompt,
                    model=self._model,
                    model_settings=ModelSettings(max_tokens=longest_answer),
                    usage_limits=UsageLimits(request_limit=ASKED_AGAIN + 1),
                    usage=usage,
                )
        except ModelError as error:
            return _answer(usage, error=error)
        return _answer(usage, remarks=tuple(result.output.remarks))


def _answer(usage: RunUsage, *, remarks: tuple[Remark, ...] = (), error: ModelError | None = None) -> Answer:
    return Answer(
        remarks=remarks,
        requests=usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        is_measured=not (usage.unmeasured_requests or _may_be_paid_for(error)),
        error=error,
    )


def _may_be_paid_for(error: ModelError | None) -> bool:
    """Say whether a request got lost after it was sent: the provider may have done the work."""
    cause = error.__cause__ if error is not None else None
    return isinstance(cause, ModelConnectionError) and cause.phase not in {"pool", "connect"}


_OUTPUTS: Mapping[str, Any] = {
    "tool": ToolOutput(Remarks, name="report"),
    "native": NativeOutput(Remarks),
    "prompted": PromptedOutput(Remarks),
}


@cache
def _agent(output: str) -> Agent[object, Remarks]:
    """Return the agent, which has no model of its own: so no key is needed to make it."""
    return Agent(
        output_type=_OUTPUTS[output],
        instructions=read_prompt(),
        retries={"tools": ASKED_AGAIN, "output": ASKED_AGAIN},
        name="reviewer",
    )
