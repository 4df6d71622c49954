"""What rejections teach: evidence in, contract out, and which step comes next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.facts.hosts import HOST_NAMES
from mimo_quirks.facts.quirks import Quirks, quirks_for
from mimo_quirks.rejections.evidence import (
    ALL_REMEDIES,
    REFUTED,
    SURE,
    AttemptSettings,
    Evidence,
    HostPolicy,
    Remedy,
    policy_of,
    remedies,
    speaks_against,
)
from mimo_quirks.rejections.recognition import RejectionKind

from ..cases import CALL
from .strategies import histories

MISSING, OTHER, FORBIDDEN, SIGNATURE = RejectionKind
ROW, SPACE, STRIP, OFF = Remedy
TTL = 3600.0
TOOL_TURN = {"role": "assistant", "content": "", "tool_calls": [CALL]}
PLAIN_TURN = {"role": "assistant", "content": "hi"}

evidence = st.builds(
    Evidence,
    st.integers(0, 20).map(float),
    st.sampled_from(Remedy),
    st.none() | st.sampled_from(RejectionKind),
)


def _quirks(model: str = "mimo-v2.6-pro", url: str | None = "https://llm.example/v1", **kwargs: Any) -> Quirks:
    quirks = quirks_for(model, url, **kwargs)
    assert quirks is not None
    return quirks


def _after(*seen: tuple[Remedy, RejectionKind | None], now: float = 0.0) -> HostPolicy:
    """The contract after these events, a second apart, the last of them a second ago."""
    dated = [Evidence(now - len(seen) + place, step, kind) for place, (step, kind) in enumerate(seen)]
    return policy_of(dated, now, TTL)


ANSWERED = (ROW, None)
NEEDS, NEEDS_MORE, FORBIDS = (ROW, MISSING), (SPACE, MISSING), (ROW, FORBIDDEN)
LEARNED: list[tuple[Sequence[tuple[Remedy, RejectionKind | None]], HostPolicy, Remedy]] = [
    ([], HostPolicy(), ROW),
    ([NEEDS], HostPolicy(needs=1, expires=3599), SPACE),
    ([(ROW, OTHER)], HostPolicy(needs=1, expires=3599), SPACE),
    ([NEEDS, NEEDS], HostPolicy(needs=2, expires=3599), SPACE),
    ([NEEDS_MORE], HostPolicy(needs=1, needs_more=1, expires=3599), SPACE),
    ([NEEDS, NEEDS, NEEDS_MORE], HostPolicy(needs=2, needs_more=1, expires=3599), SPACE),
    ([NEEDS_MORE, NEEDS_MORE], HostPolicy(needs=1, needs_more=2, expires=3599), OFF),
    ([FORBIDS], HostPolicy(forbids=1, expires=3599), ROW),
    ([FORBIDS, FORBIDS], HostPolicy(forbids=2, expires=3599), STRIP),
    ([FORBIDS, (SPACE, FORBIDDEN)], HostPolicy(forbids=2, expires=3599), STRIP),
    # a lucky answer, or two, and then three in a row
    ([NEEDS, ANSWERED, ANSWERED], HostPolicy(needs=1, answered=2, expires=3597), SPACE),
    ([NEEDS, ANSWERED, ANSWERED, ANSWERED], HostPolicy(), ROW),
    ([NEEDS, ANSWERED, ANSWERED, NEEDS, ANSWERED], HostPolicy(needs=2, answered=1, expires=3598), SPACE),
    ([NEEDS, NEEDS, ANSWERED, ANSWERED, ANSWERED], HostPolicy(), ROW),
    ([FORBIDS, ANSWERED, ANSWERED], HostPolicy(forbids=1, answered=2, expires=3597), ROW),
    ([FORBIDS, ANSWERED, (SPACE, None), ANSWERED], HostPolicy(), ROW),
    ([FORBIDS, FORBIDS, (SPACE, None), (SPACE, None), (SPACE, None)], HostPolicy(), ROW),
    # an answer to a space on every turn says nothing of a request without them
    (
        [NEEDS, NEEDS_MORE, NEEDS_MORE, (SPACE, None), (SPACE, None)],
        HostPolicy(needs=1, needs_more=2, answered_more=2, expires=3597),
        OFF,
    ),
    ([NEEDS_MORE, NEEDS_MORE, *[(SPACE, None)] * 3], HostPolicy(needs=1, expires=3596), SPACE),
    (
        [NEEDS_MORE, (SPACE, None), (SPACE, None), ANSWERED],
        HostPolicy(needs=1, needs_more=1, answered=1, answered_more=2, expires=3596),
        SPACE,
    ),
    ([NEEDS_MORE, ANSWERED, ANSWERED, ANSWERED], HostPolicy(), ROW),
    # the rule turns round
    ([NEEDS, NEEDS, FORBIDS], HostPolicy(forbids=1, expires=3599), ROW),
    ([FORBIDS, FORBIDS, NEEDS], HostPolicy(needs=1, expires=3599), SPACE),
    ([FORBIDS, FORBIDS, (STRIP, MISSING)], HostPolicy(), ROW),
    ([NEEDS, FORBIDS, FORBIDS, (STRIP, MISSING), NEEDS], HostPolicy(needs=1, expires=3599), SPACE),
    ([NEEDS, (STRIP, MISSING)], HostPolicy(needs=1, expires=3598), SPACE),
    # what tells nothing of the deployment
    ([(ROW, SIGNATURE), (SPACE, SIGNATURE)], HostPolicy(), ROW),
    ([(OFF, MISSING), (OFF, FORBIDDEN), (STRIP, FORBIDDEN), (STRIP, MISSING)], HostPolicy(), ROW),
    ([FORBIDS, (STRIP, None), (STRIP, None), (STRIP, None), (OFF, None)], HostPolicy(forbids=1, expires=3595), ROW),
    ([ANSWERED, ANSWERED], HostPolicy(), ROW),
]


@pytest.mark.parametrize(("seen", "contract", "step"), LEARNED)
def test_learned(seen: Sequence[tuple[Remedy, RejectionKind | None]], contract: HostPolicy, step: Remedy) -> None:
    """One rejection sends another placeholder; two strip or switch off; three answers in a row take back."""
    assert (contract, step) == (_after(*seen), _after(*seen).step())


@given(seen=st.lists(evidence, max_size=12), order=st.randoms())
def test_any_order(seen: list[Evidence], order: Any) -> None:
    """Workers read evidence in whatever order a store gives it, and come to the same contract."""
    shuffled = [*seen]
    order.shuffle(shuffled)

    assert policy_of(seen, 20, TTL) == policy_of(shuffled, 20, TTL)


@given(seen=st.lists(evidence, max_size=12), answers=st.integers(0, REFUTED - 1), step=st.sampled_from([ROW, SPACE]))
def test_lucky_answers(seen: list[Evidence], answers: int, step: Remedy) -> None:
    """Fewer than three answers after a rejection that taught something never change what is sent next."""
    rejected = [*seen, Evidence(21, ROW, FORBIDDEN)]
    lucky = [Evidence(22.0 + place, step, None) for place in range(answers)]

    assert policy_of(rejected, 30, TTL).step() is policy_of([*rejected, *lucky], 30, TTL).step()


@given(seen=st.lists(evidence, max_size=12))
def test_nothing_is_sure_at_once(seen: list[Evidence]) -> None:
    """Reasoning is stripped, or thinking switched off, only after two rejections that ask for it."""
    step = policy_of(seen, 20, TTL).step()
    demands = [each for each in seen if each.step is SPACE and each.rejected in (MISSING, OTHER)]
    bans = [each for each in seen if each.step is not OFF and each.rejected is FORBIDDEN]

    assert step is not OFF or len(demands) >= SURE
    assert step is not STRIP or len(bans) >= SURE


@given(seen=st.lists(evidence, max_size=12), later=st.floats(0, 30))
def test_expiry(seen: list[Evidence], later: float) -> None:
    """A contract says when it is forgotten, and is forgotten then; each rejection grows old for itself."""
    contract = policy_of(seen, later, 5)

    assert (contract == HostPolicy()) is (contract.expires is None)
    if contract.expires is not None:
        assert later < contract.expires
        assert HostPolicy() == policy_of(seen, contract.expires, 5)


def test_rejections_grow_old_one_by_one() -> None:
    """A relaxed deployment is tried again with a little more after each."""
    seen = [Evidence(0, ROW, MISSING), Evidence(10, SPACE, MISSING), Evidence(20, SPACE, MISSING)]

    assert [OFF, OFF, SPACE, ROW] == [policy_of(seen, now, 100).step() for now in (20, 109, 110, 120)]


@given(
    seen=st.lists(evidence, max_size=12),
    allowed=st.frozensets(st.sampled_from(Remedy)),
    kind=st.sampled_from(RejectionKind),
    step=st.sampled_from(Remedy),
)
def test_the_operator_decides(
    seen: list[Evidence], allowed: frozenset[Remedy], kind: RejectionKind, step: Remedy
) -> None:
    """What is known, and what is rejected, never overrides an operator."""
    assert policy_of(seen, 20, TTL).step(allowed) in allowed | {ROW}
    assert set(remedies(kind, step, allowed)) <= allowed


@pytest.mark.parametrize(
    ("contract", "allowed", "expected"),
    [
        (HostPolicy(needs=1), ALL_REMEDIES - {SPACE}, ROW),
        (HostPolicy(needs=1, needs_more=2), ALL_REMEDIES - {OFF}, SPACE),
        (HostPolicy(needs=1, needs_more=2), ALL_REMEDIES - {SPACE}, OFF),
        (HostPolicy(forbids=2), ALL_REMEDIES - {STRIP}, ROW),
        (HostPolicy(forbids=2), frozenset(), ROW),
    ],
)
def test_what_is_not_allowed(contract: HostPolicy, allowed: frozenset[Remedy], expected: Remedy) -> None:
    """Where a step is not allowed, the one before it is taken."""
    assert expected is contract.step(allowed)


@pytest.mark.parametrize(
    ("kind", "step", "expected"),
    [
        (MISSING, ROW, [ROW, SPACE, OFF]),
        (MISSING, SPACE, [SPACE, OFF]),
        (MISSING, STRIP, [ROW, SPACE, OFF]),
        (OTHER, ROW, [ROW, SPACE, OFF]),
        (FORBIDDEN, ROW, [STRIP, OFF]),
        (FORBIDDEN, SPACE, [STRIP, OFF]),
        (FORBIDDEN, STRIP, [STRIP, OFF]),
        (SIGNATURE, ROW, [STRIP, OFF]),
        *[(kind, OFF, []) for kind in RejectionKind],
    ],
)
def test_remedies(kind: RejectionKind, step: Remedy, expected: list[Remedy]) -> None:
    """What lacks is first what has been found since, then a space, then thinking off; what is too much is stripped."""
    assert expected == remedies(kind, step)


A_TEXT, A_PLACEHOLDER = {**TOOL_TURN, "reasoning_content": "a"}, {**TOOL_TURN, "reasoning_content": " "}


@pytest.mark.parametrize(
    ("contract", "step", "sent", "expected"),
    [
        (HostPolicy(), ROW, [A_PLACEHOLDER], False),
        (_after(NEEDS), ROW, [A_PLACEHOLDER], True),
        (_after(NEEDS), ROW, [{**TOOL_TURN, "reasoning_content": ""}], True),
        (_after(NEEDS), ROW, [A_TEXT], False),
        (_after(NEEDS), ROW, [TOOL_TURN], False),
        (_after(NEEDS), ROW, [{"role": "user", "content": "x", "reasoning_content": " "}], False),
        (_after(NEEDS), ROW, [], False),
        (_after(NEEDS), SPACE, [A_PLACEHOLDER], False),
        (_after(NEEDS_MORE), SPACE, [A_TEXT, A_PLACEHOLDER], True),
        (_after(NEEDS_MORE), SPACE, [A_TEXT], False),
        (_after(NEEDS_MORE), OFF, [A_PLACEHOLDER], False),
        (_after(FORBIDS), ROW, [A_TEXT], True),
        (_after(FORBIDS), SPACE, [A_PLACEHOLDER], True),
        (_after(FORBIDS), ROW, [TOOL_TURN, PLAIN_TURN], False),
        (_after(FORBIDS), STRIP, [A_TEXT], False),
        (_after(FORBIDS), OFF, [A_TEXT], False),
    ],
)
def test_what_speaks_against(contract: HostPolicy, step: Remedy, sent: list[Any], expected: bool) -> None:
    """An answer counts only where the body put to the test what was rejected before."""
    assert expected is speaks_against(contract, step, sent)


@given(sent=histories, step=st.sampled_from(Remedy), seen=st.lists(evidence, max_size=4))
def test_any_history_may_have_been_sent(sent: list[Any], step: Remedy, seen: list[Evidence]) -> None:
    """Nothing is known against a deployment of which nothing is known; and no history is too strange to be asked."""
    contract = policy_of(seen, 20, TTL)

    assert not speaks_against(contract, step, sent) or contract.expires is not None


@given(seen=evidence)
def test_workers_read_each_other(seen: Evidence) -> None:
    """Evidence comes back from the store as it was put there."""
    assert seen == Evidence.from_bytes(seen.to_bytes())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"null",
        b"{}",
        b'"1234"',
        b'[1, 2.0, "row"]',
        b'[2, 2.0, "row", null]',
        b'[1, 2.0, "jump", null]',
        b'[1, 2.0, ["row"], null]',
        b'[1, 2.0, "row", "bored"]',
        b'[1, 2.0, "row", ""]',
        b'[1, "soon", "row", null]',
        b'[1, null, "row", null]',
        b'[1, NaN, "row", null]',
        b'[1, 1e999, "row", null]',
        b"[1, 1" + b"0" * 400 + b', "row", null]',
        b"[" * 100_000,
        b'[1, {"calls": []}, "secret", [], "x"]',
    ],
)
def test_what_is_no_evidence(payload: bytes) -> None:
    """What somebody else wrote, or a later version, is passed over."""
    assert Evidence.from_bytes(payload) is None


@given(payload=st.binary(max_size=40))
def test_any_bytes(payload: bytes) -> None:
    """Whatever a store gives is read or passed over."""
    assert isinstance(Evidence.from_bytes(payload), Evidence | None)


def test_keys() -> None:
    """Evidence is of a host, a family, a wire, and thinking on or off; not of a model, and not of a step."""
    quirks = _quirks()
    same = [AttemptSettings(quirks, thinking=True, step=step) for step in Remedy]
    same.append(AttemptSettings(_quirks("xiaomi/mimo-v3:free", "https://u:p@LLM.example:443/v2"), thinking=True))
    apart = [
        AttemptSettings(quirks, thinking=False),
        AttemptSettings(quirks.on("messages"), thinking=True),
        AttemptSettings(quirks.on("responses"), thinking=True),
        AttemptSettings(_quirks(url="https://llm.example:8443/v1"), thinking=True),
        AttemptSettings(_quirks(url=None), thinking=True),
        AttemptSettings(_quirks(url=None, host="xiaomi"), thinking=True),
        AttemptSettings(_quirks("deepseek-v4-pro"), thinking=True),
    ]

    assert 1 == len({terms.key for terms in same})
    assert 1 + len(apart) == len({terms.key for terms in [*same, *apart]})
    assert [] == [terms.key for terms in apart if "llm" in terms.key or not set(terms.key) <= set("0123456789abcdef")]


@pytest.mark.parametrize(("host", "thinking"), list(itertools.product(HOST_NAMES, [True, False])))
def test_effective(host: str, thinking: bool) -> None:
    """Each step is other quirks of the same deployment; only the last changes the switch."""
    quirks = _quirks(host=host)
    terms = AttemptSettings(quirks, thinking)
    spaced, stripped = replace(quirks, placeholder=" ", pads_every_turn=True), replace(quirks, forbids=True)

    assert [(quirks, thinking), (spaced, thinking), (stripped, thinking), (stripped, False)] == [
        replace(terms, step=step).effective for step in Remedy
    ]
