"""What pydantic-ai and the providers' own packages say went wrong, as errors of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic_ai import exceptions as theirs

from perdure.ai.answers import plain_text
from perdure.errors import (
    ModelAnswerError,
    ModelContextError,
    ModelRateLimitedError,
    ModelRefusedError,
    ModelUnavailableError,
    PerdureError,
)

_LONGEST = 300


@contextmanager
def as_model_errors(model: str) -> Iterator[None]:
    """Turn what a model's request may raise into errors of ours.

    Args:
        model: What messages call it.
    """
    try:
        yield
    except theirs.ModelAPIError as error:
        raise _refused(error, model) or _unavailable(error, model) from error
    except theirs.ContentFilterError as error:
        raise ModelAnswerError(f"{model} refuses to answer: {_said(error)}", model=model) from error
    except theirs.OutputTokenLimitExceeded as error:
        msg = f"{model} did not come to an end within the tokens that it may write"
        raise ModelAnswerError(msg, model=model, hint="raise [review] longest_answer") from error
    except (theirs.UnexpectedModelBehavior, theirs.UsageLimitExceeded) as error:
        msg = f"{model} gives no answer of the form that was asked for: {_said(error)}"
        raise ModelAnswerError(msg, model=model) from error


def _refused(error: theirs.ModelAPIError, model: str) -> PerdureError | None:
    match error:
        case theirs.ModelAuthenticationError():
            return ModelRefusedError(
                f"{model}: the key is not accepted: {_said(error)}",
                model=model,
                hint="check the key that [review] names for it, and that it may use the model",
            )
        case theirs.ModelNotFoundError():
            return ModelRefusedError(
                f"{model} is not known at its address: {_said(error)}",
                model=model,
                hint="check the model's name and base_url in [review]",
            )
        case theirs.ModelQuotaExceededError():
            return ModelRefusedError(
                f"{model}: the account's quota is used up: {_said(error)}",
                model=model,
                hint="top up the account, or name another model in [review]",
            )
        case theirs.ModelContextWindowExceededError():
            return ModelContextError(f"{model} cannot take so much at once: {_said(error)}", model=model)
        case theirs.ModelRequestRejectedError():
            return ModelRefusedError(f"{model} refuses the request: {_said(error)}", model=model)
    return None


def _unavailable(error: theirs.ModelAPIError, model: str) -> PerdureError:
    if isinstance(error, theirs.ModelRateLimitError):
        return ModelRateLimitedError(
            f"{model} asks to be left alone for a while",
            model=model,
            retry_after_seconds=error.retry_after,
        )
    return ModelUnavailableError(
        f"{model} does not answer: {_said(error)}", model=model, retry_after_seconds=error.retry_after
    )


def _said(error: theirs.AgentRunError) -> str:
    # It may repeat what a model said, and that may repeat what strangers wrote.
    text = " ".join(plain_text(error.message).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
