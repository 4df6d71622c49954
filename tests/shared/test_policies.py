"""What a process knows of its deployments: what it saw, what others wrote, within bounds and for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.rejections.evidence import AttemptSettings, Evidence, HostPolicy, Remedy
from mimo_quirks.rejections.policies import DEPLOYMENTS, STALE_SECONDS, HostPolicies
from mimo_quirks.rejections.recognition import RejectionKind
from mimo_quirks.stores.protocol import CANDIDATES

MISSING, FORBIDDEN = RejectionKind.MISSING, RejectionKind.FORBIDDEN
ROW, SPACE = Remedy.NONE, Remedy.PAD


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def _terms(port: int = 1, *, thinking: bool = True, wire: str = "chat") -> AttemptSettings:
    quirks = quirks_for("mimo-v2.6-pro", f"http://127.0.0.1:{port}/v1")
    assert quirks is not None
    return AttemptSettings(quirks.on(wire), thinking)


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="contracts")
def _contracts(clock: Clock) -> HostPolicies:
    return HostPolicies(ttl_seconds=100, clock=clock)


def test_each_deployment_has_its_own(contracts: HostPolicies) -> None:
    """A rejection teaches of its host, wire and switch, in whatever step it was met, and of no other."""
    contracts.saw(replace(_terms(), step=SPACE), Evidence(0, SPACE, MISSING))
    others = [_terms(2), _terms(thinking=False), _terms(wire="messages")]

    assert HostPolicy(needs=1, needs_more=1, expires=100) == contracts.of(_terms())
    assert [HostPolicy()] * 3 == [contracts.of(other) for other in others]


def test_expiry(contracts: HostPolicies, clock: Clock) -> None:
    """After its time a rejection teaches nothing any more."""
    contracts.saw(_terms(), Evidence(contracts.now(), ROW, MISSING))
    clock.time = 99.9
    before = contracts.of(_terms()).step()
    clock.time = 100

    assert (SPACE, HostPolicy()) == (before, contracts.of(_terms()))


def test_workers_share(contracts: HostPolicies, clock: Clock) -> None:
    """What one saw is what another reads, once, however often it reads it, under a key of the deployment alone."""
    other = HostPolicies(ttl_seconds=100, clock=clock)
    entries = [contracts.saw(_terms(), Evidence(place, SPACE, MISSING)) for place in (0, 1)]
    found = {_terms().key: [entry.payload for entry in reversed(entries)]}
    for _ in range(3):
        other.take_in(_terms(), found)

    assert [(_terms().key,)] * 2 == [entry.keys for entry in entries]
    assert HostPolicy(needs=1, needs_more=2, expires=101) == other.of(_terms()) == contracts.of(_terms())
    assert HostPolicy() == other.of(_terms(2))


def test_what_is_no_evidence_is_passed_over(contracts: HostPolicies) -> None:
    """Corrupted and foreign payloads cost nothing, and neither do those of another deployment."""
    good = Evidence(0, ROW, MISSING).to_bytes()
    contracts.take_in(
        _terms(),
        {_terms().key: [b"\xff", b"{}", good, b"[1, 2, 3, 4]"], _terms(2).key: [Evidence(1, ROW, MISSING).to_bytes()]},
    )

    assert (HostPolicy(needs=1, expires=100), HostPolicy()) == (contracts.of(_terms()), contracts.of(_terms(2)))


def test_the_store_is_asked_after_a_while(contracts: HostPolicies, clock: Clock) -> None:
    """At first, and then when what it said has grown stale; each deployment for itself."""
    stale = [contracts.is_stale(_terms())]
    contracts.take_in(_terms(), {})
    for clock.time in (0.0, STALE_SECONDS, STALE_SECONDS + 0.1):
        stale.append(contracts.is_stale(_terms()))

    assert [True, False, False, True] == stale
    assert contracts.is_stale(_terms(2))


def test_bounds(contracts: HostPolicies) -> None:
    """Neither deployments nor evidence grow without end; the oldest go first."""
    for port in range(1, DEPLOYMENTS + 3):
        contracts.saw(_terms(port), Evidence(0, ROW, MISSING))
        contracts.take_in(_terms(port), {})
    known = [port for port in range(1, DEPLOYMENTS + 3) if contracts.of(_terms(port)) != HostPolicy()]
    asked = [port for port in range(1, DEPLOYMENTS + 3) if not contracts.is_stale(_terms(port))]
    for place in range(CANDIDATES + 9):
        contracts.saw(_terms(), Evidence(place, ROW, MISSING))

    assert [*range(3, DEPLOYMENTS + 3)] == known == asked
    assert CANDIDATES == contracts.of(_terms()).needs


def test_the_latest_evidence_is_kept(contracts: HostPolicies) -> None:
    """Old evidence that comes late does not push out what is known since."""
    contracts.saw(_terms(), Evidence(50, ROW, FORBIDDEN))
    contracts.take_in(_terms(), {_terms().key: [Evidence(place, ROW, MISSING).to_bytes() for place in range(40)]})

    assert HostPolicy(forbids=1, expires=150) == contracts.of(_terms())


def test_threads(contracts: HostPolicies) -> None:
    """Nothing is lost where several learn at once."""

    def learn(place: int) -> Remedy:
        contracts.saw(_terms(), Evidence(place, SPACE, MISSING))
        return contracts.of(_terms()).step()

    with ThreadPoolExecutor(8) as pool:
        steps: Iterator[Remedy] = pool.map(learn, range(CANDIDATES))

    assert {SPACE, Remedy.THINKING_OFF} >= set(steps)
    assert CANDIDATES == contracts.of(_terms()).needs_more


@pytest.mark.parametrize(
    ("terms", "where"),
    [
        (_terms(8), "127.0.0.1:8 of mimo on the chat wire, thinking on"),
        (_terms(8, thinking=False, wire="messages"), "127.0.0.1:8 of mimo on the messages wire, thinking off"),
    ],
)
def test_one_debug_line(
    contracts: HostPolicies, terms: AttemptSettings, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is learned can be read, and by whom it was taught; there is no text in it."""
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        contracts.saw(terms, Evidence(0.0, ROW, MISSING))

    learned = "HostPolicy(needs=1, needs_more=0, forbids=0, answered=0, answered_more=0, expires=100.0)"
    assert [("DEBUG", f"{where}: {learned}")] == [(record.levelname, record.message) for record in caplog.records]


def test_a_host_without_an_address(contracts: HostPolicies, caplog: pytest.LogCaptureFixture) -> None:
    """A deployment whose URL nobody knows goes by its row."""
    quirks = quirks_for("mimo-v2.6-pro", provider="xiaomi_mimo")
    assert quirks is not None
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        contracts.saw(AttemptSettings(quirks, thinking=True), Evidence(0, ROW, MISSING))

    assert caplog.messages[0].startswith("xiaomi of mimo on the chat wire, thinking on: ")
