"""The simulator, and models that talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from langchain_mimo import ChatMiMo, memories
from mimo_quirks.simulator import Mode, Simulator


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    """Models of one process share one memory; models of two tests do not."""
    memories._shared.cache_clear()


@pytest.fixture(name="server", scope="session")
def _server() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(name="simulator")
def _simulator(server: Simulator) -> Simulator:
    """A simulator in mode exact that remembers nothing of other tests."""
    server.reset()
    server.mode = Mode(accepts="exact", string_content=True, split_utf8=True)
    return server


@pytest.fixture(name="make_model")
def _make_model(simulator: Simulator) -> Callable[..., ChatMiMo]:
    def make(**fields: object) -> ChatMiMo:
        given = {"model": "mimo-v2.6-pro", "api_key": "k", "base_url": simulator.base_url, **fields}
        return ChatMiMo(**given)

    return make
