"""A language model that speaks OpenAI's interface, and Anthropic's, on this machine, and does as a test says.

It finds every added line that says ``BUG``, and counts what it was asked for each part of a change.
"""

import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from socket import AF_INET, IPPROTO_TCP, SOCK_STREAM, socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MODEL = "reviewer-1"

Body = dict[str, Any]
Behaviour = Callable[[Body], Awaitable[Response]]


@dataclass
class ModelServer:
    """What the server was asked, and what it is to answer next.

    Attributes:
        script: What it does with the next requests; it answers well after that.
        requests: How often it was asked, by part of a change.
        prompts: What it was asked.
        known: Models that it describes; ``None`` where it describes none, as many servers do.
        key: What it accepts as key; anything where it is empty.
    """

    base_url: str = ""
    script: deque[Behaviour] = field(default_factory=deque)
    requests: Counter[str] = field(default_factory=Counter)
    prompts: list[str] = field(default_factory=list)
    known: tuple[str, ...] | None = (MODEL,)
    key: str = ""
    always: Behaviour | None = None
    under_way: int = 0
    most_under_way: int = 0

    @property
    def total(self) -> int:
        return sum(self.requests.values())

    async def complete(self, request: Request) -> Response:
        if refusal := self._unwelcome(request):
            return refusal
        body = await request.json()
        prompt = prompt_of(body)
        self.prompts.append(prompt)
        self.requests[unit_of(prompt)] += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            behaviour = self.script.popleft() if self.script else self.always or answer
            return await behaviour(body)
        finally:
            self.under_way -= 1

    async def describe(self, request: Request) -> Response:
        if refusal := self._unwelcome(request):
            return refusal
        name = request.path_params["name"]
        if self.known is None or name not in self.known:
            return error(404, f"The model `{name}` does not exist", "model_not_found")
        return JSONResponse({"id": name, "object": "model", "created": 0, "owned_by": "tests"})

    async def list_models(self, request: Request) -> Response:
        if refusal := self._unwelcome(request):
            return refusal
        if self.known is None:
            return error(404, "no such page", "not_found")
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in self.known]
        return JSONResponse({"object": "list", "data": listed})

    def _unwelcome(self, request: Request) -> Response | None:
        given = request.headers.get("x-api-key") or request.headers.get("authorization", "")
        if self.key and given.removeprefix("Bearer ") != self.key:
            return error(401, "Incorrect API key provided", "invalid_api_key")
        return None


def prompt_of(body: Body) -> str:
    """Return what a request's user says first."""
    content = next(message["content"] for message in body["messages"] if message["role"] == "user")
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def unit_of(prompt: str) -> str:
    """Return the mark of the part that a prompt is about."""
    found = re.search(r"<data-([0-9a-f]+)>", prompt)
    return found[1] if found else ""


def remarks_on(prompt: str) -> list[Body]:
    """Return a remark for every added line that says ``BUG``."""
    return [
        {
            "line": int(line),
            "category": "bug",
            "severity": "error",
            "confidence": "high",
            "rule": "Planted Mistake",
            "message": "This line says that it is wrong.",
        }
        for line, text in re.findall(r"^\+ *(\d+) \| (.*)$", prompt, re.MULTILINE)
        if "BUG" in text
    ]


def completion(
    arguments: str, *, text: str | None = None, finish: str = "tool_calls", refusal: str | None = None
) -> Response:
    """Return an answer that calls the tool with these arguments, or says some text."""
    message: Body = {"role": "assistant", "content": text, "refusal": refusal}
    if text is None:
        function = {"name": "report", "arguments": arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    return JSONResponse(
        {
            "id": "completion-1",
            "object": "chat.completion",
            "created": 0,
            "model": MODEL,
            "choices": [{"index": 0, "finish_reason": finish, "message": message}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050},
        }
    )


def error(status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
    body = {"error": {"message": message, "type": code, "code": code, "param": None}}
    return JSONResponse(body, status, headers)


async def answer(body: Body) -> Response:
    """Answer well, in the way that was asked for."""
    text = json.dumps({"remarks": remarks_on(prompt_of(body))})
    if "max_tokens" in body and "tool_choice" in body and "input_schema" in str(body.get("tools")):
        return message(text)
    return completion(text) if body.get("tools") else completion("", text=text, finish="stop")


def message(arguments: str) -> Response:
    """Return an answer in Anthropic's form."""
    return JSONResponse(
        {
            "id": "message-1",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [
                {"type": "tool_use", "id": "call_1", "name": "report", "input": json.loads(arguments)}
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1000, "output_tokens": 50},
        }
    )


def says(*remarks: Body) -> Behaviour:
    """Answer with these remarks."""

    async def behaviour(body: Body) -> Response:
        return completion(json.dumps({"remarks": list(remarks)}))

    return behaviour


async def invalid_json(body: Body) -> Response:
    return completion('{"remarks": [')


async def wrong_form(body: Body) -> Response:
    return completion(json.dumps({"remarks": [{"line": "many", "severity": "terrible"}]}))


async def cut_off(body: Body) -> Response:
    return completion('{"remarks": [', finish="length")


async def refuse(body: Body) -> Response:
    return completion(
        "", text="", finish="stop", refusal="I cannot help with that. Ask @octocat, https://x.example/"
    )


async def fail(body: Body) -> Response:
    return error(500, "something broke", "server_error")


def rate_limited(retry_after: str | None = "7") -> Behaviour:
    async def behaviour(body: Body) -> Response:
        headers = {"retry-after": retry_after} if retry_after else {}
        return error(429, "too many requests", "rate_limit_exceeded", headers)

    return behaviour


async def out_of_quota(body: Body) -> Response:
    return error(429, "you exceeded your current quota", "insufficient_quota")


def too_long_over(characters: int) -> Behaviour:
    """Take prompts up to a length, and answer those well."""

    async def behaviour(body: Body) -> Response:
        if len(prompt_of(body)) <= characters:
            return await answer(body)
        return error(400, "This model's maximum context length is small", "context_length_exceeded")

    return behaviour


def slow(seconds: float, then: Behaviour = answer) -> Behaviour:
    async def behaviour(body: Body) -> Response:
        await asyncio.sleep(seconds)
        return await then(body)

    return behaviour


def held(until: asyncio.Event, then: Behaviour = answer) -> Behaviour:
    """Answer when a test says so."""

    async def behaviour(body: Body) -> Response:
        await until.wait()
        return await then(body)

    return behaviour


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Leave the signals to the tests."""


@asynccontextmanager
async def model_server(**fields: Any) -> AsyncIterator[ModelServer]:
    """Serve a model on a free port of this machine while the block runs."""
    with closing(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        model = ModelServer(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1", **fields)
        app = Starlette(
            routes=[
                Route("/v1/chat/completions", model.complete, methods=["POST"]),
                Route("/v1/messages", model.complete, methods=["POST"]),
                Route("/v1/models", model.list_models),
                Route("/v1/models/{name:path}", model.describe),
            ]
        )
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        server = _Server(config)
        serving = asyncio.create_task(server._serve([listener]))
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0.005)
            yield model
        finally:
            server.should_exit = True
            await serving
