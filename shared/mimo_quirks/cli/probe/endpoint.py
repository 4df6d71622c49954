"""The only I/O of the probe: a request goes out once, and what comes back is bounded in time and size."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import httpx

from mimo_quirks.facts.hosts import authority

from .asking import Answer, Ask, Place, words_of
from .chat import CHAT
from .messages import MESSAGES
from .responses import RESPONSES
from .speech import EventError, Speech, UnreadableError, events_of

SPEECHES: Final[Mapping[str, Speech]] = {speech.name: speech for speech in (CHAT, MESSAGES, RESPONSES)}
_CONNECT_SECONDS: Final = 10
_MOST_BYTES: Final = 4 * 2**20
_LONGEST_ERROR: Final = 16_384
_ABSENT: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
_STOPPING: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "MIMO_API_KEY is not a key of this host",
    HTTPStatus.PAYMENT_REQUIRED: "the account has no balance",
    HTTPStatus.TOO_MANY_REQUESTS: "rate limit; try again later, or with --only",
}
_PLACES: Final[tuple[Place, ...]] = ("first event", "second event")


class StopProbeError(Exception):
    """Nothing more is asked; the message says why, in one line."""


class NotServedError(Exception):
    """The endpoint does not have this wire."""


class Endpoint:
    """Whoever answers at a URL.

    Args:
        base_url: As clients of the chat wire are given it.
        key: The key; it goes into a header, and is taken out of whatever comes back.
        seconds: How long one answer may take, from the first byte sent to the last received.
    """

    def __init__(self, base_url: str, key: str, seconds: float) -> None:
        self.name: Final = authority(base_url) or ""
        self._base, self._key, self._seconds = base_url.rstrip("/"), key, seconds
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS))
        self._urls: dict[str, str] = {}

    async def send(self, ask: Ask) -> Answer:
        """Sends a request, never twice.

        Raises:
            NotServedError: There is no such wire.
            StopProbeError: The host cannot be asked any more, or never could.
        """
        for url in [self._urls[ask.wire]] if ask.wire in self._urls else urls(self._base, ask.wire):
            status, headers, raw, is_whole = await self._post(url, ask)
            if status not in _ABSENT:
                self._urls[ask.wire] = url
                break
            if ask.wire in self._urls:
                break
        else:
            said = words_of(self._read(ask, status, headers, raw, is_whole=is_whole), ask.body)
            raise NotServedError(f"there is no such endpoint, or no such model ({status}: {said})")
        return self._read(ask, status, headers, raw, is_whole=is_whole)

    async def close(self) -> None:
        """Lets go of the connection."""
        await self._client.aclose()

    async def _post(self, url: str, ask: Ask) -> tuple[int, httpx.Headers, str, bool]:
        key = f"Bearer {self._key}" if ask.key_header == "authorization" else self._key
        headers = {ask.key_header: key, "content-type": "application/json", "accept-encoding": "identity"}
        if ask.wire == MESSAGES.name:
            headers["anthropic-version"] = "2023-06-01"
        try:
            return await asyncio.wait_for(self._exchange(url, headers, ask.body), self._seconds)
        except asyncio.TimeoutError:
            reason = f"{self.name} did not end its answer within {self._seconds:g} seconds"
            raise StopProbeError(f"{reason}; the request may be billed, and is not sent again") from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise StopProbeError(f"cannot reach {self.name}: {self._without_key(reason)}") from None

    async def _exchange(self, url: str, headers: dict[str, str], body: Mapping[str, Any]) -> Any:
        raw = bytearray()
        async with self._client.stream("POST", url, headers=headers, content=json.dumps(body).encode()) as response:
            is_whole = False
            with suppress(httpx.RemoteProtocolError, httpx.ReadError):  # a stream that is cut is a finding
                async for part in response.aiter_bytes():
                    raw += part
                    if len(raw) > _MOST_BYTES:
                        raise StopProbeError(f"{self.name} answered with more than {_MOST_BYTES // 2**20} MiB")
                is_whole = True
        return response.status_code, response.headers, self._without_key(raw.decode("utf-8", "replace")), is_whole

    def _read(self, ask: Ask, status: int, headers: httpx.Headers, raw: str, *, is_whole: bool) -> Answer:
        relay = _relay(headers)
        if status != HTTPStatus.OK:
            place: Place = "data: and status" if raw.lstrip().startswith("data:") else "status"
            answer = Answer(status, None, raw[:_LONGEST_ERROR], place, relay)
            if status in _STOPPING and ask.key_header == "authorization":
                said = words_of(answer, ask.body)
                raise StopProbeError(f"{self.name} answered {status}: {_STOPPING[status]} ({said})")
            return answer
        speech = SPEECHES[ask.wire]
        try:
            if ask.body.get("stream") and not raw.lstrip().startswith("{"):
                return Answer(status, speech.gather(events_of(raw)), relay=relay)
            document = json.loads(raw)
            if not isinstance(document, dict):
                raise UnreadableError
            if document.get("error") and not _ANSWERS & document.keys():
                return Answer(status, None, raw[:_LONGEST_ERROR], "status", relay)
            return Answer(status, speech.read(document), relay=relay)
        except EventError as error:
            place = _PLACES[error.before] if error.before < len(_PLACES) else "later event"
            return Answer(status, None, str(error)[:_LONGEST_ERROR], place, relay)
        except (ValueError, RecursionError):
            kind = headers.get("content-type", "no type").partition(";")[0]
            whole = "" if is_whole else ", cut off"
            said = f"{self.name} answered 200 with something that is no {speech.title}"
            raise StopProbeError(f"{said}: {kind}, {len(raw)} characters{whole}; is the URL right?") from None

    def _without_key(self, text: str) -> str:
        """Hosts repeat a key, or its beginning with asterisks. A short one may be part of any word, and stays there."""
        text = re.sub(rf"(?<!\w){re.escape(self._key)}(?!\w)", "[key]", text)
        if len(self._key) < _SHORTEST_KEY:
            return text
        return re.sub(rf"{re.escape(self._key[:6])}[\w.*…-]*", "[key]", text)


_SHORTEST_KEY: Final = 8
_ANSWERS: Final = frozenset({"choices", "content", "output"})
"""Where an answer stands on each wire."""


def urls(base_url: str, wire: str) -> tuple[str, ...]:
    """Where a wire may be, the likeliest first.

    Xiaomi has the messages wire below `/anthropic`; elsewhere, as in LiteLLM's proxy, that path may lead to Anthropic.
    """
    root = re.sub(r"(?:/anthropic)?(?:/v1)?/?$", "", base_url)
    if wire == "messages":
        name = authority(base_url) or ""
        has_path = "/anthropic" in base_url[len(root) :] or name.partition(":")[0].endswith(".xiaomimimo.com")
        return (f"{root}/anthropic/v1/messages",) if has_path else (f"{root}/v1/messages",)
    path = {"chat": "chat/completions", "responses": "responses"}[wire]
    given = base_url if base_url != root and "/anthropic" not in base_url[len(root) :] else f"{root}/v1"
    return tuple(dict.fromkeys((f"{given}/{path}", f"{root}/{path}")))


def _relay(headers: httpx.Headers) -> str:
    if not any(name.startswith("x-litellm") for name in headers):
        return ""
    return f"LiteLLM {headers.get('x-litellm-version', '')}".strip()
