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
NONE, PAD = Remedy.NONE, Remedy.PAD


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def _attempt(port: int = 1, *, thinking: bool = True, wire: str = "chat") -> AttemptSettings:
    quirks = quirks_for("mimo-v2.6-pro", f"http://127.0.0.1:{port}/v1")
    assert quirks is not None
    return AttemptSettings(quirks.on(wire), thinking)


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="policies")
def _policies(clock: Clock) -> HostPolicies:
    return HostPolicies(ttl_seconds=100, clock=clock)


def test_each_deployment_has_its_own(policies: HostPolicies) -> None:
    """A rejection teaches of its host, wire and switch, in whatever remedy it was met, and of no other."""
    policies.saw(replace(_attempt(), remedy=PAD), Evidence(0, PAD, MISSING))
    others = [_attempt(2), _attempt(thinking=False), _attempt(wire="messages")]

    assert HostPolicy(needs=1, needs_more=1, expires=100) == policies.of(_attempt())
    assert [HostPolicy()] * 3 == [policies.of(other) for other in others]


def test_expiry(policies: HostPolicies, clock: Clock) -> None:
    """After its time a rejection teaches nothing any more."""
    policies.saw(_attempt(), Evidence(policies.now(), NONE, MISSING))
    clock.time = 99.9
    before = policies.of(_attempt()).remedy()
    clock.time = 100

    assert (PAD, HostPolicy()) == (before, policies.of(_attempt()))


def test_workers_share(policies: HostPolicies, clock: Clock) -> None:
    """What one saw is what another reads, once, however often it reads it, under a key of the deployment alone."""
    other = HostPolicies(ttl_seconds=100, clock=clock)
    entries = [policies.saw(_attempt(), Evidence(place, PAD, MISSING)) for place in (0, 1)]
    found = {_attempt().key: [entry.payload for entry in reversed(entries)]}
    for _ in range(3):
        other.take_in(_attempt(), found)

    assert [(_attempt().key,)] * 2 == [entry.keys for entry in entries]
    assert HostPolicy(needs=1, needs_more=2, expires=101) == other.of(_attempt()) == policies.of(_attempt())
    assert HostPolicy() == other.of(_attempt(2))


def test_what_is_no_evidence_is_passed_over(policies: HostPolicies) -> None:
    """Corrupted and foreign payloads cost nothing, and neither do those of another deployment."""
    good = Evidence(0, NONE, MISSING).to_bytes()
    policies.take_in(
        _attempt(),
        {
            _attempt().key: [b"\xff", b"{}", good, b"[1, 2, 3, 4]"],
            _attempt(2).key: [Evidence(1, NONE, MISSING).to_bytes()],
        },
    )

    assert (HostPolicy(needs=1, expires=100), HostPolicy()) == (policies.of(_attempt()), policies.of(_attempt(2)))


def test_the_store_is_asked_after_a_while(policies: HostPolicies, clock: Clock) -> None:
    """At first, and then when what it said has grown stale; each deployment for itself."""
    stale = [policies.is_stale(_attempt())]
    policies.take_in(_attempt(), {})
    for clock.time in (0.0, STALE_SECONDS, STALE_SECONDS + 0.1):
        stale.append(policies.is_stale(_attempt()))

    assert [True, False, False, True] == stale
    assert policies.is_stale(_attempt(2))


def test_bounds(policies: HostPolicies) -> None:
    """Neither deployments nor evidence grow without end; the oldest go first."""
    for port in range(1, DEPLOYMENTS + 3):
        policies.saw(_attempt(port), Evidence(0, NONE, MISSING))
        policies.take_in(_attempt(port), {})
    known = [port for port in range(1, DEPLOYMENTS + 3) if policies.of(_attempt(port)) != HostPolicy()]
    asked = [port for port in range(1, DEPLOYMENTS + 3) if not policies.is_stale(_attempt(port))]
    for place in range(CANDIDATES + 9):
        policies.saw(_attempt(), Evidence(place, NONE, MISSING))

    assert [*range(3, DEPLOYMENTS + 3)] == known == asked
    assert CANDIDATES == policies.of(_attempt()).needs


def test_the_latest_evidence_is_kept(policies: HostPolicies) -> None:
    """Old evidence that comes late does not push out what is known since."""
    policies.saw(_attempt(), Evidence(50, NONE, FORBIDDEN))
    policies.take_in(_attempt(), {_attempt().key: [Evidence(place, NONE, MISSING).to_bytes() for place in range(40)]})

    assert HostPolicy(forbids=1, expires=150) == policies.of(_attempt())


def test_two_owners_are_two(policies: HostPolicies, clock: Clock) -> None:
    """What two owners met at the same moment is two pieces of evidence, for other workers as well."""
    other = HostPolicies(ttl_seconds=100, clock=clock)
    entries = [policies.saw(_attempt(), Evidence(0, PAD, MISSING, owner)) for owner in ("one", "another", "one")]
    other.take_in(_attempt(), {_attempt().key: [entry.payload for entry in entries]})

    assert 2 == policies.of(_attempt()).needs_more == other.of(_attempt()).needs_more


def test_threads(policies: HostPolicies) -> None:
    """Nothing is lost where several learn at once."""

    def learn(place: int) -> Remedy:
        policies.saw(_attempt(), Evidence(place, PAD, MISSING))
        return policies.of(_attempt()).remedy()

    with ThreadPoolExecutor(8) as pool:
        remedies: Iterator[Remedy] = pool.map(learn, range(CANDIDATES))

    assert {PAD, Remedy.THINKING_OFF} >= set(remedies)
    assert CANDIDATES == policies.of(_attempt()).needs_more


@pytest.mark.parametrize(
    ("attempt", "where"),
    [
        (_attempt(8), "127.0.0.1:8 of mimo on the chat wire, thinking on"),
        (_attempt(8, thinking=False, wire="messages"), "127.0.0.1:8 of mimo on the messages wire, thinking off"),
    ],
)
def test_one_debug_line(
    policies: HostPolicies, attempt: AttemptSettings, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is learned can be read, and by whom it was taught; there is no text in it."""
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        policies.saw(attempt, Evidence(0.0, NONE, MISSING))

    learned = "HostPolicy(needs=1, needs_more=0, forbids=0, answered=0, answered_more=0, expires=100.0)"
    assert [("DEBUG", f"{where}: {learned}")] == [(record.levelname, record.message) for record in caplog.records]


def test_a_host_without_an_address(policies: HostPolicies, caplog: pytest.LogCaptureFixture) -> None:
    """A deployment whose URL nobody knows goes by its row."""
    quirks = quirks_for("mimo-v2.6-pro", provider="xiaomi_mimo")
    assert quirks is not None
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        policies.saw(AttemptSettings(quirks, thinking=True), Evidence(0, NONE, MISSING))

    assert caplog.messages[0].startswith("xiaomi of mimo on the chat wire, thinking on: ")
