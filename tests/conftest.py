"""What every test runs under: no network but loopback, no price map download, no settings from outside, no clock.

A test has the mark of its folder, and `quick` where it is one for the inner loop, `make check`.
"""

from __future__ import annotations

import gc
import os
import socket
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from . import live  # noqa: F401 - it reads the environment before it is changed here
from .quick import TESTS, is_quick, place, together

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
for _name in [name for name in os.environ if name.startswith(("MIMO_", "OPENAI_", "XIAOMI_", "LANGSMITH_"))]:
    del os.environ[_name]
# A process that a test starts finds our modules compiled by the one before.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Every client reads all authorities that it trusts, which takes longer than most requests: one of our own is enough.
_AUTHORITY = tempfile.NamedTemporaryFile(prefix="mimo-quirks-", suffix=".pem")  # noqa: SIM115 - as long as the tests
trustme.CA().cert_pem.write_to_path(_AUTHORITY.name)
os.environ["SSL_CERT_FILE"] = _AUTHORITY.name

collect_ignore = [
    folder
    for folder, module in {
        "litellm_plugin": "litellm",
        "langchain_plugin": "langchain_openai",
        "langchain_plugin/test_messages_wire.py": "langchain_anthropic",
    }.items()
    if find_spec(module) is None
]

# On a busy machine an example takes as long as it takes, and so does drawing it.
_UNHURRIED: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("everyday", **_UNHURRIED)
settings.register_profile("quick", max_examples=10, **_UNHURRIED)
settings.load_profile(os.environ.get("TEST_PROFILE", "everyday"))

FOLDERS = ("shared", "litellm_plugin", "langchain_plugin")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is not asked for is not even imported."""
    return True if config.option.markexpr == "quick" and not is_quick(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test by where it is, and has those that take long first."""
    items.sort(key=lambda item: place(item.path))
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in FOLDERS:
            item.add_marker(folder)
        if is_quick(item.path):
            item.add_marker("quick")


class ByFile(LoadScopeScheduling):
    """Has one worker run the tests of a file, and of those that share its fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid.partition("::")[0].removeprefix("tests/"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """The groups of `--dist loadgroup` are lost with pytest 9.2 and xdist 3.8, so `loadfile` is made to know them."""
    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


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
