"""What this process has counted since it began, for each kind of deployment: numbers, and never a text.

The labels are names of rows, so there are as many series as rows, however many clients and models there are.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from mimo_quirks.exchange import Trail
from mimo_quirks.rejections.evidence import AttemptSettings

COUNTERS: Final[Mapping[str, str]] = {
    "requests": "requests that were sent, retries included",
    "kept": "messages that went out with the reasoning that they carried",
    "found_by_ids": "messages that got back recorded reasoning, by the ids of their tool calls",
    "found_by_prefix": "messages that got back recorded reasoning, by all that was said before them",
    "found_by_chain": "messages that got back recorded reasoning, by a proven message next to them",
    "found_by_cut": "messages that got back recorded reasoning, in a history whose beginning is gone",
    "found_by_text": "messages that got back the recorded form of reasoning that they carried damaged",
    "placeholder": "messages that went out with a placeholder",
    "missing": "messages that went out without, where the host takes no placeholder",
    "dropped": "messages that lost another vendor's reasoning",
    "stripped": "messages that lost reasoning, because the host rejects it",
    "ambiguous": "messages without reasoning that several recorded answers fit",
    "prefix_breaks": "requests in which an earlier message no longer went out as in the request before, so that the "
    "host's prompt cache misses",
    "recorded": "answers that were recorded",
    "unscoped": "answers that were not, because the request has no scope",
    "rejected": "requests that the host rejected for their reasoning",
    "retried": "requests that were sent again, changed, after a rejection",
    "prompt_tokens": "tokens of requests, where the answer tells",
    "cached_tokens": "those of them that the host's prompt cache had",
    "read_failed": "reads of the store that failed or were too slow",
    "write_failed": "writes of the store that failed, and are tried again",
    "writes_given_up": "entries that were given up, because too many waited for the store",
    "read_seconds": "seconds that the store took for reads",
    "write_seconds": "seconds that the store took for writes",
}
"""Name → what it counts."""


class Labels(NamedTuple):
    """What is counted apart: the name of the host's row, the family and the wire; of the store all are empty."""

    host: str = ""
    family: str = ""
    wire: str = ""

    @classmethod
    def of(cls, attempt: AttemptSettings) -> Labels:
        """Those of a request's deployment."""
        quirks = attempt.quirks
        return cls(quirks.host, quirks.family, quirks.wire)


STORE: Final = Labels()

Sink = Callable[[Labels, Mapping[str, float]], None]
"""Is told of what is added."""


class Counters:
    """Numbers that only grow. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[Labels, dict[str, float]] = {}
        self._sinks: list[Sink] = []

    def add(self, labels: Labels, amounts: Mapping[str, float]) -> None:
        """Adds to the numbers of a kind of deployment.

        Args:
            labels: Which.
            amounts: Names of `COUNTERS`; of any other name, and of none, nothing is kept.
        """
        told = {name: amount for name, amount in amounts.items() if amount and name in COUNTERS}
        if told:
            with self._lock:
                counted, sinks = self._counted.setdefault(labels, {}), tuple(self._sinks)
                for name, amount in told.items():
                    counted[name] = counted.get(name, 0) + amount
            for sink in sinks:
                with suppress(Exception):  # no request fails because it is counted
                    sink(labels, told)

    def watch(self, sink: Sink) -> None:
        """Tells what has been counted so far, and what is added from now on."""
        with self._lock:
            so_far = {labels: dict(counted) for labels, counted in self._counted.items()}
            self._sinks.append(sink)
        for labels, counted in so_far.items():
            sink(labels, counted)

    def begin_anew(self) -> None:
        """Goes on in a new process after a fork, where a thread of the old one may have held the lock."""
        self._lock = threading.Lock()

    def read(self) -> dict[Labels, dict[str, float]]:
        """All numbers that are not 0."""
        with self._lock:
            return {labels: dict(counted) for labels, counted in self._counted.items()}


COUNTED: Final = Counters()
"""Those of this process."""

with suppress(AttributeError):  # Windows has no forks
    os.register_at_fork(after_in_child=COUNTED.begin_anew)


def counters() -> dict[Labels, dict[str, float]]:
    """What this process has counted since it began, by host, family and wire; see `COUNTERS`."""
    return COUNTED.read()


class Trails:
    """Notices requests in which an earlier message no longer goes out as in the request before. Thread-safe.

    Args:
        most: How many requests are remembered to compare the next ones with.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._sent: OrderedDict[int, int] = OrderedDict()  # hashes, for a history may have any number of turns

    def breaks(self, trail: Trail) -> bool:
        """Whether it differs from the request that it goes on from, which this process has to have seen."""
        after = hash(trail.after)
        with self._lock:
            before = self._sent.get(hash(trail.before))
            self._sent[after] = hash(trail.marks)
            self._sent.move_to_end(after)
            if len(self._sent) > self._most:
                self._sent.popitem(last=False)
        return before is not None and before != hash(trail.marks[:-1])


def tokens_of(usage: Any) -> dict[str, float]:
    """The tokens of a request, and those that were cached, in whatever form a wire or a framework tells."""
    told = usage if isinstance(usage, Mapping) else getattr(usage, "__dict__", {})
    prompt = _number(told, "prompt_tokens") or _number(told, "input_tokens")
    apart = _number(told, "cache_read_input_tokens")
    details = [told.get(name) for name in ("prompt_tokens_details", "input_tokens_details", "input_token_details")]
    inside = [detail if isinstance(detail, Mapping) else getattr(detail, "__dict__", {}) for detail in details]
    cached = max(_number(one, name) for one in inside for name in ("cached_tokens", "cache_read"))
    if apart and "input_tokens" in told:  # Anthropic's wire counts them beside the others
        prompt += apart + _number(told, "cache_creation_input_tokens")
    return {"prompt_tokens": prompt, "cached_tokens": max(cached, apart)}


def _number(told: Mapping[str, Any], name: str) -> float:
    value = told.get(name)
    return value if isinstance(value, int | float) and value > 0 else 0
