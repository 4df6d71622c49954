"""What a process knows of its deployments: what it saw, what others wrote, within bounds and for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.rejections.evidence import AttemptSettings, Evidence, HostPolicy, Remedy
from mimo_quirks.rejections.policies import ASKED, DEPLOYMENTS, ITEMS, OWNERS, STALE_SECONDS, HostPolicies
from mimo_quirks.rejections.recognition import RejectionKind
from mimo_quirks.stores.protocol import CANDIDATES, Entry

MISSING, FORBIDDEN = RejectionKind.MISSING, RejectionKind.FORBIDDEN
NONE, PAD, STRIP = Remedy.NONE, Remedy.PAD, Remedy.STRIP


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

    assert HostPolicy(needs=1, needs_more=1, expires=100) == policies.of(_attempt(), "")
    assert [HostPolicy()] * 3 == [policies.of(other) for other in others]


def test_expiry(policies: HostPolicies, clock: Clock) -> None:
    """After its time a rejection teaches nothing any more."""
    policies.saw(_attempt(), Evidence(policies.now(), NONE, MISSING))
    clock.time = 99.9
    before = policies.of(_attempt(), "").remedy()
    clock.time = 100

    assert (PAD, HostPolicy()) == (before, policies.of(_attempt(), ""))


def test_workers_share(policies: HostPolicies, clock: Clock) -> None:
    """What one saw is what another reads, once, however often it reads it, for the owner and for others."""
    other = HostPolicies(ttl_seconds=100, clock=clock)
    seen = [Evidence(place, PAD, MISSING, owner) for place, owner in enumerate(["a", "a", "a", "b", "b"])]
    store = _stored([policies.saw(_attempt(), each) for each in seen])
    for _ in range(3):
        other.take_in(_attempt(), "a", {key: store[key] for key in other.keys(_attempt(), "a") if key in store})

    assert HostPolicy(needs=1, needs_more=3, expires=102) == other.of(_attempt(), "a") == policies.of(_attempt(), "a")
    assert HostPolicy(needs=1, needs_more=2, expires=102) == other.of(_attempt(), "c") == policies.of(_attempt())
    assert HostPolicy() == other.of(_attempt(2), "a")


def _stored(entries: Sequence[Entry]) -> dict[str, list[bytes]]:
    """What a store answers with, newest first."""
    found: dict[str, list[bytes]] = {}
    for entry in entries:
        for key in entry.keys:
            found.setdefault(key, []).insert(0, entry.payload)
    return {key: payloads[:CANDIDATES] for key, payloads in found.items()}


def test_one_owner_crowds_out_no_other(policies: HostPolicies, clock: Clock) -> None:
    """However often one owner is rejected and answered, what others teach stays where every worker reads it."""
    seen = [Evidence(place, NONE, FORBIDDEN, owner) for place, owner in enumerate("aabb")]
    many = [Evidence(4 + place, NONE, MISSING if place % 5 else None, "c") for place in range(40)]
    entries = [policies.saw(_attempt(), each) for each in [*seen, *many]]
    other = HostPolicies(ttl_seconds=100, clock=clock)
    other.take_in(_attempt(), "d", _stored(entries))

    assert 4 + 2 == sum(_attempt().key in entry.keys for entry in entries)
    assert STRIP is other.of(_attempt(), "d").remedy() is policies.of(_attempt(), "d").remedy()


def test_policy_of_a_request_without_an_owner(policies: HostPolicies) -> None:
    """It is what the one owner knows as long as there is one, and then what all owners know."""
    known = [policies.of(_attempt()).needs]
    for owner in ("a", "a", "b"):
        policies.saw(_attempt(), Evidence(known[-1], NONE, MISSING, owner))
        known.append(policies.of(_attempt()).needs)

    assert [0, 1, 2, 1] == known


def test_what_is_no_evidence_is_passed_over(policies: HostPolicies) -> None:
    """Corrupted and foreign payloads cost nothing, and neither do those of another deployment."""
    good = Evidence(0, NONE, MISSING).to_bytes()
    policies.take_in(
        _attempt(),
        "",
        {
            _attempt().key: [b"\xff", b"{}", good, b"[1, 2, 3, 4]"],
            _attempt(2).key: [Evidence(1, NONE, MISSING).to_bytes()],
        },
    )

    assert (HostPolicy(needs=1, expires=100), HostPolicy()) == (policies.of(_attempt()), policies.of(_attempt(2)))


def test_the_store_is_asked_after_a_while(policies: HostPolicies, clock: Clock) -> None:
    """At first, and then when what it said has grown stale; each deployment and owner for itself."""
    stale = [policies.is_stale(_attempt(), "a")]
    policies.take_in(_attempt(), "a", {})
    for clock.time in (0.0, STALE_SECONDS, STALE_SECONDS + 0.1):
        stale.append(policies.is_stale(_attempt(), "a"))

    assert [True, False, False, True] == stale
    assert policies.is_stale(_attempt(2), "a")
    clock.time = 0.0
    assert policies.is_stale(_attempt(), "b")


def test_bounds(policies: HostPolicies) -> None:
    """Neither deployments nor owners nor evidence grow without end; the oldest go first."""
    for port in range(1, DEPLOYMENTS + 3):
        policies.saw(_attempt(port), Evidence(0, NONE, MISSING))
    known = [port for port in range(1, DEPLOYMENTS + 3) if policies.of(_attempt(port), "") != HostPolicy()]
    owners = [str(number) for number in range(ASKED + 2)]
    for owner in owners:
        policies.take_in(_attempt(), owner, {})
    for place in range(ITEMS + 9):
        policies.saw(_attempt(), Evidence(place, NONE, MISSING))
    needs = policies.of(_attempt(), "").needs
    for owner in owners[:OWNERS]:
        policies.saw(_attempt(), Evidence(0, NONE, MISSING, owner))

    assert [*range(3, DEPLOYMENTS + 3)] == known
    assert owners[2:] == [owner for owner in owners if not policies.is_stale(_attempt(), owner)]
    assert (ITEMS, 1) == (needs, policies.of(_attempt(), "").needs)


def test_the_latest_evidence_is_kept(policies: HostPolicies) -> None:
    """Old evidence that comes late does not push out what is known since."""
    policies.saw(_attempt(), Evidence(50, NONE, FORBIDDEN))
    old = [Evidence(place, NONE, MISSING).to_bytes() for place in range(40)]
    policies.take_in(_attempt(), "", {_attempt().key: old})

    assert HostPolicy(forbids=1, expires=150) == policies.of(_attempt(), "")


def test_threads(policies: HostPolicies) -> None:
    """Nothing is lost where several learn at once."""

    def learn(place: int) -> Remedy:
        policies.saw(_attempt(), Evidence(place, PAD, MISSING))
        return policies.of(_attempt(), "").remedy()

    with ThreadPoolExecutor(8) as pool:
        remedies: Iterator[Remedy] = pool.map(learn, range(ITEMS))

    assert {PAD, Remedy.THINKING_OFF} >= set(remedies)
    assert ITEMS == policies.of(_attempt(), "").needs_more


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

    learned = "HostPolicy(needs=1, needs_more=0, forbids=0, field='', answered=0, answered_more=0, expires=100.0)"
    assert [("DEBUG", f"{where}: {learned}")] == [(record.levelname, record.message) for record in caplog.records]


def test_a_host_without_an_address(policies: HostPolicies, caplog: pytest.LogCaptureFixture) -> None:
    """A deployment whose URL nobody knows goes by its row."""
    quirks = quirks_for("mimo-v2.6-pro", provider="xiaomi_mimo")
    assert quirks is not None
    with caplog.at_level(logging.DEBUG, logger="mimo_quirks"):
        policies.saw(AttemptSettings(quirks, thinking=True), Evidence(0, NONE, MISSING))

    assert caplog.messages[0].startswith("xiaomi of mimo on the chat wire, thinking on: ")
