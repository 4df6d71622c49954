"""What an application sees of what was done to its request: `response_metadata["mimo_reasoning"]`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import Generation

from mimo_quirks import Labels, counters
from mimo_quirks.simulator import Mode, Simulator

from .scenarios.table import CHAT, MESSAGES, Bench, merged, weather
from .test_config_scope import WAYS, Way

pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]
SECRET = "a thought of 北京 that nobody guesses"
TURN = AIMessage("", tool_calls=[{"id": "call_1", "name": "weather", "args": {"city": "北京"}}])
CARRIED = TURN.model_copy(update={"additional_kwargs": {"reasoning_content": SECRET}})
HISTORY = [HumanMessage("天气?"), CARRIED, HumanMessage("And?"), TURN, HumanMessage("And?")]
DONE = {"kept": 1, "placeholder": 1}


@pytest.fixture(name="bench", params=[CHAT, MESSAGES], ids=lambda wire: wire.model.__name__)
def _bench(request: pytest.FixtureRequest, simulator: Simulator, tmp_path: Path) -> Bench:
    simulator.mode = Mode(accepts="off")
    return Bench(simulator, tmp_path, request.param)


def _told(message: Any) -> Any:
    return message.response_metadata.get("mimo_reasoning")


@pytest.mark.parametrize("way", WAYS)
async def test_each_method(way: Way, bench: Bench) -> None:
    """Every answer says what was done to its request, in numbers alone, and goes back as before."""
    model = bench.make()
    first = await way(model, [HumanMessage("x")], None)
    second = await way(model, [*HISTORY, first, HumanMessage("And?")], None)

    assert ({"kept": 0}, {"kept": 2, "placeholder": 1}) == (_told(first), _told(second))
    assert SECRET not in str(second.response_metadata)
    assert b"mimo_reasoning" not in bench.simulator.exchanges[-1].raw


async def test_one_chunk_of_a_stream(bench: Bench) -> None:
    """No more, so that the sum of the chunks says it once; also where a retry was what streamed."""
    model = bench.make()
    bench.simulator.mode = Mode(forbids="always")
    chunks = list(model.stream(HISTORY))
    bench.simulator.mode = Mode(accepts="off")
    achunks = [chunk async for chunk in bench.make().astream(HISTORY)]

    told = [[_told(chunk) for chunk in each if _told(chunk)] for each in (chunks, achunks)]
    assert [400, 200, 200] == [exchange.status for exchange in bench.simulator.exchanges]
    assert 1 == len(told[0]) == len(told[1])
    assert {"stripped": 1} == _told(merged(chunks))


async def test_a_cache(bench: Bench) -> None:
    """An answer out of LangChain's cache is to no request of ours, and the first one keeps what it says."""
    cache = InMemoryCache()
    first = bench.make(cache=cache).invoke(HISTORY)
    again = [bench.make(cache=cache).invoke(HISTORY), await bench.make(cache=cache).ainvoke(HISTORY)]

    assert 1 == len(bench.simulator.exchanges)
    assert (DONE, [None, None]) == (_told(first), [_told(answer) for answer in again])
    assert [first.content] * 2 == [answer.content for answer in again]
    assert [first.response_metadata["model_name"]] * 2 == [one.response_metadata["model_name"] for one in again]


def test_a_cache_of_texts(bench: Bench) -> None:
    """Some caches keep no more than the text of an answer."""
    cache, model = InMemoryCache(), bench.make()
    first = bench.make(cache=cache).invoke(HISTORY)
    for key in cache._cache:
        cache._cache[key] = [Generation(text="kept as text")]

    assert DONE == _told(first)
    assert None is _told(bench.make(cache=cache).invoke(HISTORY))
    assert DONE == _told(model.invoke(HISTORY))


async def test_switched_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that wants no such member has none."""
    monkeypatch.setenv("MIMO_QUIRKS_REPORT", "false")
    model = bench.make()
    answers = [model.invoke(HISTORY), *model.stream(HISTORY), await model.ainvoke(HISTORY)]

    assert [None] * len(answers) == [_told(answer) for answer in answers]


def test_a_model_of_another_family(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is ours to do there is nothing to say."""
    monkeypatch.setenv("MIMO_QUIRKS_MODELS", '{"mimo-v2.6-pro": "none"}')

    assert None is _told(bench.make().invoke([HumanMessage("x")]))


def test_the_log_names_the_run(bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """At DEBUG a line says by LangChain's id of the run what was done; MIMO_QUIRKS_LOG switches it on."""
    monkeypatch.setattr(logging.getLogger("mimo_quirks"), "level", logging.NOTSET)
    monkeypatch.setenv("MIMO_QUIRKS_LOG", "debug")
    run = "0190b5a4-5c3e-7a11-8000-000000000001"
    bench.make().bind_tools([weather]).invoke(HISTORY, {"run_id": run})
    logging.getLogger("mimo_quirks").setLevel(logging.NOTSET)

    (line,) = [line for line in caplog.messages if line.startswith("request ")]
    assert line.startswith(f"request {run}: mimo-v2.6-pro at 127.0.0.1:")
    assert ": 1 kept, 1 placeholder; message " in line
    assert SECRET not in caplog.text


async def test_a_span(bench: Bench) -> None:
    """Where OpenTelemetry traces, the current span says what was done, and how many tokens were cached."""
    trace = pytest.importorskip("opentelemetry.sdk.trace")
    tracer, spans = trace.TracerProvider().get_tracer("a test"), []
    for call in ("invoke", "ainvoke", "stream", "astream"):
        with tracer.start_as_current_span("a request") as span:
            if call.startswith("a"):
                answer = getattr(bench.make(), call)(HISTORY)
                _ = [chunk async for chunk in answer] if call == "astream" else await answer
            else:
                list(getattr(bench.make(), call)(HISTORY))
        spans.append({name: value for name, value in span.attributes.items() if name.startswith("mimo_quirks.")})

    assert [(1, 1)] * 4 == [(span["mimo_quirks.kept"], span["mimo_quirks.placeholder"]) for span in spans]
    assert all(span["mimo_quirks.prompt_tokens"] > 0 for span in spans)
    assert SECRET not in str(spans)


async def test_counters(bench: Bench) -> None:
    """`mimo_quirks.counters()` has what was done, and the tokens, by host, family and wire."""
    labels = Labels("relay", "mimo", "chat" if bench.wire is CHAT else "messages")
    before = counters().get(labels, {})
    model = bench.make()
    model.invoke(HISTORY)
    await model.ainvoke(HISTORY)
    list(model.stream(HISTORY))
    grown = {name: number - before.get(name, 0) for name, number in counters()[labels].items()}

    assert (3, 3, 3) == (grown["requests"], grown["kept"], grown["placeholder"])
    assert grown["prompt_tokens"] > 0
