"""A real HTTP server that behaves like Xiaomi's MiMo service, so that a client can be judged without a key.

The simulator is the independent judge of this project: it imports nothing of the core, it reads what
arrived on the socket, and it rejects exactly where its makers and its users say that the service does.

    from mimo_quirks.simulator import Mode, Simulator

    with Simulator(Mode(accepts="exact")) as simulator:
        client = openai.OpenAI(base_url=simulator.base_url, api_key="any")
        ...
        simulator.exchanges[-1].verdicts  # ("exact", "missing"): one word per replayed assistant message

The rooms, from facts to sockets; arrows point upward only:

    modes, spellings, wordings   what varies, as data
    history, records     what a client sent, what this server said
    alignment            which turn of its conversation each message is
    judge, checks        pure verdicts and rejections, errors their literal bodies, frames these as events
    model, asked, arguments, recollection   the pretend model
    ledger, course       the memory of what was issued, and how far a mode has come
    answer, pieces       one answer as every wire needs it, and how streams are cut
    serving              one request in, one reply out, whatever the wire
    chat                 a wire: checks, completion and stream are its faults, its documents and its events
    messages, responses  the other wires: their schemas, their documents and events
    app, protocol, server    HTTP, a connection that is cut, and the thread

"EVIDENCE §n" in a comment is a section of `facts/EVIDENCE.md`, which names the public reports.
"""

try:
    import starlette  # noqa: F401 - asked for here, so that the reason is given once and in words
    import uvicorn  # noqa: F401
except ImportError as error:
    raise ImportError('the simulator needs the "cli" extra: pip install "mimo-quirks[cli]"') from error

from mimo_quirks.simulator.app import create_app, endpoints
from mimo_quirks.simulator.modes import Mode
from mimo_quirks.simulator.protocol import HangingUp
from mimo_quirks.simulator.records import Call, Exchange, Issued, Verdict, WireName
from mimo_quirks.simulator.server import Simulator
from mimo_quirks.simulator.wordings import WORDINGS, Wording

__all__ = [
    "WORDINGS",
    "Call",
    "Exchange",
    "HangingUp",
    "Issued",
    "Mode",
    "Simulator",
    "Verdict",
    "WireName",
    "Wording",
    "create_app",
    "endpoints",
]
