"""HTTP around the wires: this is the only module that knows starlette."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mimo_quirks.simulator.answer import MODELS
from mimo_quirks.simulator.chat import CHAT
from mimo_quirks.simulator.course import Course
from mimo_quirks.simulator.errors import to_bytes
from mimo_quirks.simulator.ledger import Ledger
from mimo_quirks.simulator.messages import MESSAGES
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.protocol import hang_up
from mimo_quirks.simulator.records import Exchange, WireName
from mimo_quirks.simulator.responses import RESPONSES
from mimo_quirks.simulator.serving import Arrival, Reply, Wire, serve

WIRES: Mapping[str, Wire] = {
    "/v1/chat/completions": CHAT,
    "/anthropic/v1/messages": MESSAGES,
    "/v1/messages": MESSAGES,
    "/v1/responses": RESPONSES,
}
"""Every wire by its paths: Xiaomi has the messages wire below `/anthropic` (EVIDENCE §3.2), relays have not."""


def endpoints(mode: Mode) -> tuple[tuple[WireName, str], ...]:
    """The wires that a host in this mode serves, and their paths."""
    return tuple((wire.name, path) for path, wire in WIRES.items() if wire.name in mode.wires)


class Host:
    """The one mutable thing: a mode that may change between two requests, how far it has come, and a memory."""

    def __init__(self, mode: Mode) -> None:
        self.course = Course(mode)
        self.ledger = Ledger()

    def reset(self) -> None:
        """Forget everything, and begin the mode anew."""
        self.course.begin()
        self.ledger.reset()


def create_app(mode: Mode | None = None) -> Starlette:
    """The simulator as an ASGI application with a memory of its own."""
    return application(Host(mode or Mode()))


def application(host: Host) -> Starlette:
    """The application around a host that its caller holds too."""

    async def models(_: Request) -> Response:
        rows = [{"id": model, "object": "model", "owned_by": "xiaomi"} for model in MODELS]
        return _json({"object": "list", "data": rows})

    async def log(request: Request) -> Response:
        if request.method == "DELETE":
            host.reset()
            return Response(status_code=204)
        return _json([_summary(exchange) for exchange in host.ledger.exchanges])

    return Starlette(
        routes=[
            *(Route(path, _endpoint(host, wire), methods=["POST"]) for path, wire in WIRES.items()),
            Route("/v1/models", models),
            Route("/simulator/log", log, methods=["GET", "DELETE"]),
        ]
    )


def _endpoint(host: Host, wire: Wire) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        arrival = Arrival(request.url.path, dict(request.headers), await request.body())
        return _response(serve(wire, arrival, host.course, host.ledger))

    return endpoint


def _response(reply: Reply) -> Response:
    if reply.cut:
        return _Cut(_writes(reply.parts), reply.status, media_type=reply.media_type)
    if len(reply.parts) == 1:
        return Response(reply.parts[0], reply.status, media_type=reply.media_type)
    return StreamingResponse(_writes(reply.parts), reply.status, media_type=reply.media_type)


class _Cut(StreamingResponse):
    """A stream without an end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self.body_iterator:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await hang_up(scope, receive)


async def _writes(parts: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    # Asynchronous, as starlette would hand a plain generator to a thread pool that outlives the server.
    for part in parts:
        yield part


def _json(value: object) -> Response:
    return Response(to_bytes(value), media_type="application/json")


def _summary(exchange: Exchange) -> dict[str, Any]:
    # No headers, no texts: the log may be shown to anybody who asks why a request was rejected.
    return {
        "path": exchange.path,
        "wire": exchange.wire,
        "model": exchange.body.get("model"),
        "status": exchange.status,
        "thinking": exchange.thinking,
        "verdicts": list(exchange.verdicts),
    }
