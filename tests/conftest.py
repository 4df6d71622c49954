"""What every test runs under: no network but loopback, no price map download, no settings from outside."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
for _name in [name for name in os.environ if name.startswith(("MIMO_", "OPENAI_", "XIAOMI_", "LANGSMITH_"))]:
    del os.environ[_name]

collect_ignore = [
    folder
    for folder, module in {
        "litellm_plugin": "litellm",
        "langchain_plugin": "langchain_openai",
        "langchain_plugin/test_messages_wire.py": "langchain_anthropic",
    }.items()
    if find_spec(module) is None
]

_LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that dials anything but this machine fails at once instead of hanging."""
    dial = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            raise AssertionError(f"a test tried to reach {address[0]}")
        dial(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(autouse=True)
def _collected_between_tests() -> Iterator[None]:
    """No garbage is collected but between tests.

    LiteLLM 1.106 leaves the synchronous streams of some providers open and in a cycle, though they were read. httpcore
    closes what is collected under a lock that it may be holding just then, and waits for itself.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.collect(1)
        gc.enable()
