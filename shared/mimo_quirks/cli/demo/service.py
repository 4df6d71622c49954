"""Whom the demo talks to: the simulator, which judges every turn, or the real service, which only answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from ...simulator import Exchange, Mode, Simulator  # noqa: TID252 - the core, two rooms up
from .. import live  # noqa: TID252 - the command's other room
from .outcomes import TOOL_TURNS, Promise


class Service(Protocol):
    """A MiMo host."""

    base_url: str
    api_key: str

    def begin(self, promise: Promise) -> None:
        """Makes ready for a conversation that must keep this promise."""

    def exchanges(self) -> Sequence[Exchange]:
        """What reached the host since then, as far as it tells."""


class _Simulated:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.base_url = simulator.base_url
        self.api_key = "simulated"

    def begin(self, promise: Promise) -> None:
        self._simulator.reset()
        self._simulator.mode = Mode(
            accepts="exact" if promise == "exact" else "present", tool_rounds=TOOL_TURNS, split_utf8=True
        )

    def exchanges(self) -> Sequence[Exchange]:
        return self._simulator.exchanges


class _Real:
    base_url = live.base_url()
    api_key = live.api_key()

    def begin(self, promise: Promise) -> None:
        """The real service makes its own rules."""

    def exchanges(self) -> Sequence[Exchange]:
        return ()


@contextmanager
def service(*, live: bool) -> Iterator[Service]:
    """The host to talk to.

    Raises:
        SystemExit: The real service was asked for and there is no `MIMO_API_KEY`.
    """
    if live:
        if not _Real.api_key:
            raise SystemExit(
                "--live uses the real service: set MIMO_API_KEY, and MIMO_BASE_URL for a token plan "
                "(OPENAI_API_KEY is not read)"
            )
        yield _Real()
    else:
        with Simulator() as simulator:
            yield _Simulated(simulator)
