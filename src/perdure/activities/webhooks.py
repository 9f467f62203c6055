"""Posting to webhooks whose addresses come from whoever writes pipeline files and sets secrets.

A worker stands where its network trusts it. An address that leads to the cloud's metadata service, to a
database or to a router would make it ask there in somebody else's name. So a name is resolved first, every
address that it has must be a public one, and the request goes to the address that was looked at: a name that
leads elsewhere when it is asked a second time gains nothing. Redirects are not followed, for the same reason.

The address is a secret: whoever has it can write to the channel. So it is in no error and no log; httpx2's
client logs the address of each request, hence the transport below it is used.
"""

import asyncio
import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import httpx2

from perdure.config import NotifySettings, resolve_secret
from perdure.errors import NotificationError, NotificationRefusedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

_MAX_ANSWER: Final = 4_096
_MAX_BODY: Final = 100_000
_MAX_RETRY_AFTER: Final = 3_600.0
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_NEVER: Final = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("64:ff9b:1::/48"))
"""Private ranges that some versions of Python take for public ones."""

_WORD: Final = re.compile(rb"[a-z][a-z_]{1,60}")
"""What Slack says in an answer's body, such as ``no_service``. Anything else may be a secret's echo."""

_PRIVATE_HINT: Final = "allow_private in [notify] of the worker's perdure.toml allows it"


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class WebhookPoster:
    """Posts JSON to webhooks, within the settings' bounds."""

    def __init__(self, settings: NotifySettings, *, resolve: Resolver = resolve_host) -> None:
        """Use the worker's settings.

        Args:
            settings: The section ``[notify]``.
            resolve: Finds a host's addresses.
        """
        self._settings = settings
        self._resolve = resolve

    async def post(self, reference: str, payload: Mapping[str, object]) -> None:
        """Post once.

        Args:
            reference: Secret reference to the address.
            payload: What is sent as JSON.

        Raises:
            SecretError: The reference leads nowhere.
            NotificationRefusedError: It may not go there, or the webhook refuses it for good.
            NotificationError: Nobody answered, or the webhook failed: worth another try.
        """
        url = _read_url(reference, (await asyncio.to_thread(resolve_secret, reference)).reveal())
        body = json.dumps(payload).encode()
        if len(body) > _MAX_BODY:
            raise NotificationRefusedError(f"{reference}: the notification has more than {_MAX_BODY} bytes")
        seconds = self._settings.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._addresses(reference, url)
                status, headers, said = await self._send(reference, url, addresses, body)
        except TimeoutError:
            raise NotificationError(f"{reference}: the webhook did not answer within {seconds:g} s") from None
        _check_answer(reference, status, headers, said)

    async def _addresses(self, reference: str, url: httpx2.URL) -> list[Address]:
        """Return where the host is, if that may be posted to."""
        if self._settings.hosts and url.host.lower() not in {host.lower() for host in self._settings.hosts}:
            raise NotificationRefusedError(
                f"{reference}: its host is none of those that notifications may go to",
                hint="add it to hosts in [notify] of the worker's perdure.toml",
            )
        try:
            found = [str(ipaddress.ip_address(url.host))]
        except ValueError:
            found = list(await self._resolved(reference, url))
        addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
        if not addresses:
            raise NotificationError(f"{reference}: its host has no address")
        private = [one for one in addresses if not _is_public(one)]
        if private and not self._settings.allow_private:
            raise NotificationRefusedError(
                f"{reference}: its host is at a private address, where notifications may not go",
                hint=_PRIVATE_HINT,
            )
        if url.scheme != "https" and not all(one.is_loopback for one in addresses):
            raise NotificationRefusedError(f"{reference}: only https may leave this machine")
        return addresses

    async def _resolved(self, reference: str, url: httpx2.URL) -> Sequence[str]:
        try:
            return await self._resolve(url.host, _port(url))
        except (OSError, UnicodeError):
            raise NotificationError(f"{reference}: its host is not known") from None

    async def _send(
        self, reference: str, url: httpx2.URL, addresses: Sequence[Address], body: bytes
    ) -> tuple[int, httpx2.Headers, bytes]:
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), self._settings.timeout.total_seconds())
        # Proxies are the client's business, so that none decides on an address again.
        async with httpx2.AsyncHTTPTransport(retries=0) as transport:
            for address in addresses:
                request = httpx2.Request(
                    "POST",
                    url.copy_with(host=str(address)),
                    headers={
                        "Host": url.netloc.decode("ascii"),
                        "Content-Type": "application/json",
                        "User-Agent": "perdure",
                    },
                    content=body,
                    extensions={"timeout": timeout, "sni_hostname": url.host},
                )
                try:
                    response = await transport.handle_async_request(request)
                    try:
                        return response.status_code, response.headers, await _beginning(response)
                    finally:
                        await response.aclose()
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    continue
                except httpx2.HTTPError as error:
                    kind = type(error).__name__
                    raise NotificationError(f"{reference}: the webhook broke off ({kind})") from None
        raise NotificationError(f"{reference}: the webhook cannot be connected to")


def _read_url(reference: str, value: str) -> httpx2.URL:
    try:
        url = httpx2.URL(value)
    except (httpx2.InvalidURL, ValueError):
        url = httpx2.URL("")
    if url.scheme not in {"https", "http"} or not url.host or url.userinfo or not 0 < _port(url) < 65_536:
        # What it holds instead may be another secret, which must not be repeated.
        raise NotificationRefusedError(
            f"{reference} holds no address of a webhook", hint="it must begin with https://"
        )
    return url


def _port(url: httpx2.URL) -> int:
    return url.port if url.port is not None else (443 if url.scheme == "https" else 80)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        # Addresses within addresses: a network may translate them to what they hold.
        within = address.ipv4_mapped or address.sixtofour
        if within is None and address in _NAT64:
            within = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if within is not None:
            return _is_public(within)
        if address.teredo is not None or address.is_site_local:
            return False
    if address.is_multicast or address.is_reserved or any(address in network for network in _NEVER):
        return False
    return address.is_global


async def _beginning(response: httpx2.Response) -> bytes:
    said = b""
    async for chunk in response.aiter_raw():
        said += chunk
        if len(said) >= _MAX_ANSWER:
            break
    return said[:_MAX_ANSWER]


def _check_answer(reference: str, status: int, headers: httpx2.Headers, said: bytes) -> None:
    if 200 <= status < 300:
        return
    word = f" ({said.decode()})" if _WORD.fullmatch(said) else ""
    message = f"{reference}: the webhook answered {status}{word}"
    if status in {408, 425, 429} or status >= 500:
        raise NotificationError(message, retry_after_seconds=_retry_after(headers))
    if 300 <= status < 400:
        raise NotificationRefusedError(
            f"{message}: redirects are not followed", hint="put the address that it leads to in the secret"
        )
    raise NotificationRefusedError(message, hint="is the webhook still there? Make a new one, and set it")


def _retry_after(headers: httpx2.Headers) -> float | None:
    told = headers.get("retry-after", "").strip()
    return min(float(told), _MAX_RETRY_AFTER) if re.fullmatch(r"\d{1,9}", told) else None
