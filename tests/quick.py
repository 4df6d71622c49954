"""Which tests are slow: the inner loop, `make check`, leaves them out, and a whole run begins with them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
SLOW: Final = (
    "test_packaging.py",
    "litellm_plugin/test_proxy_memory.py",
    "litellm_plugin/test_two_workers.py",
    "litellm_plugin/test_gaps.py",
    "litellm_plugin/test_routes.py",
    "litellm_plugin/test_sealed_reasoning.py",
    "litellm_plugin/test_switch.py",
    "litellm_plugin/test_recognition.py",
    "litellm_plugin/test_proxy_rejections.py",
    "test_readme.py",
    "test_pages.py",
    "test_cli.py",
    "litellm_plugin/test_rejections.py",
    "langchain_plugin/test_scenarios.py",
    "litellm_plugin/test_neighbours.py",
    "litellm_plugin/test_proxy.py",
    "litellm_plugin/test_seen.py",
    "litellm_plugin/test_probe.py",
    "test_probe.py",
    "test_probe_modes.py",
    "litellm_plugin/test_memory.py",
    "langchain_plugin/test_examples.py",
    "litellm_plugin/test_sdk_routes.py",
    "litellm_plugin/test_start.py",
    "langchain_plugin/test_rejections.py",
    "langchain_plugin/test_memory.py",
    "langchain_plugin/test_round_trip.py",
    "langchain_plugin/test_messages_wire.py",
    "litellm_plugin/test_internals.py",
    "litellm_plugin/test_sse.py",
    "langchain_plugin/test_internals.py",
    "langchain_plugin/test_config_scope.py",
    "shared/test_simulator_responses.py",
    "shared/test_simulator.py",
    "shared/test_stores.py",
    "langchain_plugin/test_import.py",
    "shared/test_simulator_bodies.py",
    "langchain_plugin/test_standard_integration.py",
    "shared/test_simulator_rejections.py",
    "shared/test_simulator_messages.py",
    "shared/test_stores_sqlite.py",
    "shared/test_simulator_conversations.py",
    "shared/test_stores_redis.py",
)
"""Files whose tests start other processes, wait for a clock that is not ours, or take many seconds: longest first."""


SHARING: Final = {
    "litellm_plugin/test_neighbours.py": "litellm_plugin/test_proxy.py",
    "litellm_plugin/test_recognition.py": "litellm_plugin/test_proxy.py",
    "litellm_plugin/test_seen.py": "litellm_plugin/test_proxy.py",
    "litellm_plugin/test_probe.py": "litellm_plugin/test_proxy.py",
}
"""Files whose tests go to the worker of another file's, for they share its proxies: one takes ten seconds to start."""


def together(name: str) -> str:
    """What tests of a file, by its path from here, have in common that one worker runs."""
    return SHARING.get(name, name)


def place(path: Path) -> int:
    """When a file is run: what takes long begins first, so that two workers end together."""
    name = path.relative_to(TESTS).as_posix()
    return SLOW.index(name) if name in SLOW else len(SLOW)


def is_quick(path: Path) -> bool:
    """Whether a file of tests, or a folder of them, is for the inner loop too."""
    return place(path) == len(SLOW)
