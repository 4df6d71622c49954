"""Two workers, one store: whichever of them a request meets, nothing is lost, and nothing is another's.

The workers are two proxies of one process each, for uvicorn's own supervisor ends workers that are slow to start. The
agents drop what was thought; their verdicts are the simulator's. `TEST_SCALE=10` runs the full size (`make test-long`).
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Exchange, Mode, Simulator

from ..shared.test_stores_redis import Server, run_server
from .agents import Conversation, Course, go_on, run, verdicts

LONG: Final = "TEST_SCALE" in os.environ
TURNS: Final = 5000 if LONG else 150
AGENTS: Final = 64
FEW: Final = 4
"""Agents that keep no processor busy all the time, so that what they wait for is told apart from what they wait in."""
AWAY: Final = 2.0
"""Seconds for which the store is gone."""
BACK: Final = 6.0
"""Seconds after which a store that is back has been tried again: the longest pause between two tries, and some."""
WAIT: Final = 2 * 0.25 + 1.0
"""Seconds that a request may wait for the store: for a thread and for a read, and for a write; as the settings are."""


@dataclass
class Workers:
    """Two proxies, and the hosts behind them: one draws its calls' ids, and one counts them.

    Attributes:
        proxies: They.
        hosts: They.
        key: Of both proxies.
        stopping: Takes the store away for as long as a `with` block lasts.
        keeps: Whether what was in the store is there again afterwards.
    """

    proxies: tuple[LiteLLMProxy, LiteLLMProxy]
    hosts: tuple[Simulator, Simulator]
    key: str
    stopping: Callable[[], Any]
    keeps: bool
    seen: Sequence[int] = (0, 0)

    def run(self, agents: int, turns: int, seed: int) -> Course:
        """Has agents make turns."""
        return asyncio.run(run([proxy.base_url for proxy in self.proxies], self.key, agents, turns, seed))

    def go_on(self, conversations: Sequence[Conversation], *proxies: LiteLLMProxy) -> Course:
        """Has each conversation make one turn more, at some of the proxies."""
        urls = [proxy.base_url for proxy in proxies or self.proxies]
        return asyncio.run(go_on(urls, self.key, conversations))

    def forget(self) -> None:
        """Looks only at what comes from now on; the hosts still know what they issued."""
        self.seen = [len(host.exchanges) for host in self.hosts]

    def verdicts(self, seed: int) -> tuple[Counter[str], Counter[str]]:
        """Those on the turns of a run."""
        new = [one for host, seen in zip(self.hosts, self.seen, strict=True) for one in host.exchanges[seen:]]
        return verdicts([one for one in new if _seed_of(one) == seed])

    def complaints(self) -> list[str]:
        """What was said of reads and writes of the store that failed."""
        lines = [line for proxy in self.proxies for line in proxy.log().splitlines()]
        return [line for line in lines if "reasoning store: " in line and " failed (" in line]


def _seed_of(exchange: Exchange) -> int:
    return int(exchange.conversation or 0) // 1_000_000


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Another process has the file locked for a while."""
    with sqlite3.connect(path, isolation_level=None, timeout=10) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.execute("ROLLBACK")
    database.close()


@contextmanager
def _killed(server: Server) -> Iterator[None]:
    """The server is gone with all that it had, and comes back without it."""
    server.stop()
    yield
    server.start()


@pytest.fixture(name="workers", scope="module", params=["sqlite", "redis"] if LONG else ["redis"])
def _workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("store") / "store"
            url, stopping, keeps = f"sqlite:///{path}", lambda: _locked(path), True
        else:
            server = stack.enter_context(contextmanager(run_server)())
            url, stopping, keeps = server.url, lambda: _killed(server), False
        world: dict[str, Any] = {"accepts": "off", "conversation": "seed", "tool_rounds": 3, "parallel_calls": 2}
        drawing, counting = (stack.enter_context(Simulator(Mode(ids=ids, **world))) for ids in ("unique", "repeating"))
        models = [
            {
                "model_name": name,
                "litellm_params": {"model": "openai/mimo-v2.6-pro", "api_base": host.base_url, "api_key": "k"},
            }
            for name, host in (("drawn", drawing), ("counted", counting))
        ]
        config = {"model_list": models, "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"]}}
        key = f"sk-{secrets.token_hex(16)}"
        environment = {"MIMO_QUIRKS_STORE": url, "LITELLM_MASTER_KEY": key}
        one, other = (LiteLLMProxy(json.dumps(config), environment) for _ in range(2))
        yield Workers((stack.enter_context(one), stack.enter_context(other)), (drawing, counting), key, stopping, keeps)


def test_many_agents_and_two_workers(workers: Workers) -> None:
    """Every turn that something visible tells apart is exact, none is another's, and the store is never too slow."""
    course = workers.run(AGENTS, TURNS, 1)
    told, untold = workers.verdicts(1)
    sys.stdout.write(f"\n{len(course.waits)} turns: {dict(told)}, not told apart: {dict(untold)}\n")

    assert [] == course.failures
    assert {"exact"} == set(told)
    assert 0 == untold["foreign"]
    assert [] == workers.complaints()


def test_a_store_that_is_gone_for_a_while(workers: Workers) -> None:
    """Every request is answered, and waits no longer than the limits; once it is back, every turn is exact again.

    What was recorded while it could not be written is written then. Until then each worker knows what it recorded
    itself: a turn that nothing visible tells apart from one of those is counted beside the others.
    """
    before = workers.run(FEW, 24, 2)
    gone = threading.Event()

    def stop() -> None:
        with workers.stopping():
            gone.set()
            time.sleep(AWAY)

    thread = threading.Thread(target=stop)
    thread.start()
    gone.wait()
    during = workers.run(FEW, 48, 3)
    thread.join()
    told, untold = workers.verdicts(3)
    time.sleep(BACK)
    earlier = workers.complaints()
    sys.stdout.write(
        f"\nwhile it was gone: {dict(told)}, not told apart: {dict(untold)}, "
        f"{len(earlier)} complaints, {max(during.waits):.1f} s at most\n"
    )
    workers.forget()
    resumed = workers.go_on(during.conversations)
    again, _ = workers.verdicts(3)
    after = workers.run(FEW, 24, 4)

    assert [] == before.failures + during.failures + resumed.failures + after.failures
    assert 0 == told["foreign"] + again["foreign"]
    assert {"exact"} == set(workers.verdicts(4)[0])
    assert max(during.waits) <= max(before.waits) + WAIT
    assert [] != earlier == workers.complaints()
    if workers.keeps:
        assert {"exact"} == set(again)


def test_a_worker_that_is_killed(workers: Workers) -> None:
    """Its conversations go on exactly at the other, for an answer is in the store before a client has it."""
    begun = workers.run(FEW, 24, 5)
    workers.proxies[0].kill()
    workers.forget()
    resumed = workers.go_on(begun.conversations, workers.proxies[1])

    assert [] == begun.failures + resumed.failures
    assert {"exact"} == set(workers.verdicts(5)[0])
