"""What is counted, on LiteLLM's own `/metrics`, where its Prometheus callback is on."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

import litellm

from mimo_quirks import COUNTED, COUNTERS, Labels

_PROMETHEUS: Final = ("prometheus", "PrometheusLogger")


def is_prometheus_on() -> bool:
    """Whether LiteLLM serves `/metrics`."""
    callbacks = [one for name in ("callbacks", "success_callback") for one in getattr(litellm, name, None) or ()]
    return any(one == _PROMETHEUS[0] or type(one).__name__ == _PROMETHEUS[1] for one in callbacks)


@functools.cache
def export() -> None:
    """Has what is counted served there, once a process."""
    from prometheus_client import Counter  # noqa: PLC0415 - LiteLLM's callback has it already

    @functools.cache
    def series(name: str) -> Counter:
        return Counter(f"mimo_quirks_{name}", COUNTERS[name], Labels._fields)

    @functools.cache
    def child(name: str, labels: Labels) -> Any:
        return series(name).labels(*labels)

    def add(labels: Labels, amounts: Mapping[str, float]) -> None:
        for name, amount in amounts.items():
            child(name, labels).inc(amount)

    COUNTED.watch(add)
