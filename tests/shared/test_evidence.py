"""What rejections teach: evidence in, policy out, and which remedy comes next."""

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
    remedies_for,
    speaks_against,
)
from mimo_quirks.rejections.recognition import RejectionKind

from ..cases import CALL
from .strategies import histories

MISSING, OTHER, FORBIDDEN, SIGNATURE = RejectionKind
NONE, PAD, STRIP, OFF = Remedy
TTL = 3600.0
TOOL_TURN = {"role": "assistant", "content": "", "tool_calls": [CALL]}
PLAIN_TURN = {"role": "assistant", "content": "hi"}

evidence = st.builds(
    Evidence,
    st.integers(0, 20).map(float),
    st.sampled_from(Remedy),
    st.none() | st.sampled_from(RejectionKind),
    st.sampled_from(["", "one owner", "another"]),
)


def _quirks(model: str = "mimo-v2.6-pro", url: str | None = "https://llm.example/v1", **kwargs: Any) -> Quirks:
    quirks = quirks_for(model, url, **kwargs)
    assert quirks is not None
    return quirks


def _after(*seen: tuple[Remedy, RejectionKind | None], now: float = 0.0) -> HostPolicy:
    """The policy after these events, a second apart, the last of them a second ago."""
    dated = [Evidence(now - len(seen) + place, remedy, kind) for place, (remedy, kind) in enumerate(seen)]
    return policy_of(dated, now, TTL)


ANSWERED = (NONE, None)
NEEDS, NEEDS_MORE, FORBIDS = (NONE, MISSING), (PAD, MISSING), (NONE, FORBIDDEN)
LEARNED: list[tuple[Sequence[tuple[Remedy, RejectionKind | None]], HostPolicy, Remedy]] = [
    ([], HostPolicy(), NONE),
    ([NEEDS], HostPolicy(needs=1, expires=3599), PAD),
    ([(NONE, OTHER)], HostPolicy(needs=1, expires=3599), PAD),
    ([NEEDS, NEEDS], HostPolicy(needs=2, expires=3599), PAD),
    ([NEEDS_MORE], HostPolicy(needs=1, needs_more=1, expires=3599), PAD),
    ([NEEDS, NEEDS, NEEDS_MORE], HostPolicy(needs=2, needs_more=1, expires=3599), PAD),
    ([NEEDS_MORE, NEEDS_MORE], HostPolicy(needs=1, needs_more=2, expires=3599), OFF),
    ([FORBIDS], HostPolicy(forbids=1, expires=3599), NONE),
    ([FORBIDS, FORBIDS], HostPolicy(forbids=2, expires=3599), STRIP),
    ([FORBIDS, (PAD, FORBIDDEN)], HostPolicy(forbids=2, expires=3599), STRIP),
    # a lucky answer, or two, and then three in a row
    ([NEEDS, ANSWERED, ANSWERED], HostPolicy(needs=1, answered=2, expires=3597), PAD),
    ([NEEDS, ANSWERED, ANSWERED, ANSWERED], HostPolicy(), NONE),
    ([NEEDS, ANSWERED, ANSWERED, NEEDS, ANSWERED], HostPolicy(needs=2, answered=1, expires=3598), PAD),
    ([NEEDS, NEEDS, ANSWERED, ANSWERED, ANSWERED], HostPolicy(), NONE),
    ([FORBIDS, ANSWERED, ANSWERED], HostPolicy(forbids=1, answered=2, expires=3597), NONE),
    ([FORBIDS, ANSWERED, (PAD, None), ANSWERED], HostPolicy(), NONE),
    ([FORBIDS, FORBIDS, (PAD, None), (PAD, None), (PAD, None)], HostPolicy(), NONE),
    # an answer to a space on every turn says nothing of a request without them
    (
        [NEEDS, NEEDS_MORE, NEEDS_MORE, (PAD, None), (PAD, None)],
        HostPolicy(needs=1, needs_more=2, answered_more=2, expires=3597),
        OFF,
    ),
    ([NEEDS_MORE, NEEDS_MORE, *[(PAD, None)] * 3], HostPolicy(needs=1, expires=3596), PAD),
    (
        [NEEDS_MORE, (PAD, None), (PAD, None), ANSWERED],
        HostPolicy(needs=1, needs_more=1, answered=1, answered_more=2, expires=3596),
        PAD,
    ),
    ([NEEDS_MORE, ANSWERED, ANSWERED, ANSWERED], HostPolicy(), NONE),
    # the rule turns round
    ([NEEDS, NEEDS, FORBIDS], HostPolicy(forbids=1, expires=3599), NONE),
    ([FORBIDS, FORBIDS, NEEDS], HostPolicy(needs=1, expires=3599), PAD),
    ([FORBIDS, FORBIDS, (STRIP, MISSING)], HostPolicy(), NONE),
    ([NEEDS, FORBIDS, FORBIDS, (STRIP, MISSING), NEEDS], HostPolicy(needs=1, expires=3599), PAD),
    ([NEEDS, (STRIP, MISSING)], HostPolicy(needs=1, expires=3598), PAD),
    # what tells nothing of the deployment
    ([(NONE, SIGNATURE), (PAD, SIGNATURE)], HostPolicy(), NONE),
    ([(OFF, MISSING), (OFF, FORBIDDEN), (STRIP, FORBIDDEN), (STRIP, MISSING)], HostPolicy(), NONE),
    ([FORBIDS, (STRIP, None), (STRIP, None), (STRIP, None), (OFF, None)], HostPolicy(forbids=1, expires=3595), NONE),
    ([ANSWERED, ANSWERED], HostPolicy(), NONE),
]


@pytest.mark.parametrize(("seen", "policy", "remedy"), LEARNED)
def test_learned(seen: Sequence[tuple[Remedy, RejectionKind | None]], policy: HostPolicy, remedy: Remedy) -> None:
    """One rejection sends another placeholder; two strip or switch off; three answers in a row take back."""
    assert (policy, remedy) == (_after(*seen), _after(*seen).remedy())


@given(seen=st.lists(evidence, max_size=12), order=st.randoms())
def test_any_order(seen: list[Evidence], order: Any) -> None:
    """Workers read evidence in whatever order a store gives it, and come to the same policy."""
    shuffled = [*seen]
    order.shuffle(shuffled)

    assert policy_of(seen, 20, TTL) == policy_of(shuffled, 20, TTL)


@given(seen=st.lists(evidence, max_size=12), answers=st.integers(0, REFUTED - 1), remedy=st.sampled_from([NONE, PAD]))
def test_lucky_answers(seen: list[Evidence], answers: int, remedy: Remedy) -> None:
    """Fewer than three answers after a rejection that taught something never change what is sent next."""
    rejected = [*seen, Evidence(21, NONE, FORBIDDEN)]
    lucky = [Evidence(22.0 + place, remedy, None) for place in range(answers)]

    assert policy_of(rejected, 30, TTL).remedy() is policy_of([*rejected, *lucky], 30, TTL).remedy()


@given(seen=st.lists(evidence, max_size=12))
def test_nothing_is_sure_at_once(seen: list[Evidence]) -> None:
    """Reasoning is stripped, or thinking switched off, only after two rejections that ask for it."""
    remedy = policy_of(seen, 20, TTL).remedy()
    demands = [each for each in seen if each.remedy is PAD and each.rejected in (MISSING, OTHER)]
    bans = [each for each in seen if each.remedy is not OFF and each.rejected is FORBIDDEN]

    assert remedy is not OFF or len(demands) >= SURE
    assert remedy is not STRIP or len(bans) >= SURE


@given(seen=st.lists(evidence, max_size=12), later=st.floats(0, 30))
def test_expiry(seen: list[Evidence], later: float) -> None:
    """A policy says when it is forgotten, and is forgotten then; each rejection grows old for itself."""
    policy = policy_of(seen, later, 5)

    assert (policy == HostPolicy()) is (policy.expires is None)
    if policy.expires is not None:
        assert later < policy.expires
        assert HostPolicy() == policy_of(seen, policy.expires, 5)


def test_rejections_grow_old_one_by_one() -> None:
    """A relaxed deployment is tried again with a little more after each."""
    seen = [Evidence(0, NONE, MISSING), Evidence(10, PAD, MISSING), Evidence(20, PAD, MISSING)]

    assert [OFF, OFF, PAD, NONE] == [policy_of(seen, now, 100).remedy() for now in (20, 109, 110, 120)]


@given(
    seen=st.lists(evidence, max_size=12),
    allowed=st.frozensets(st.sampled_from(Remedy)),
    kind=st.sampled_from(RejectionKind),
    remedy=st.sampled_from(Remedy),
)
def test_the_operator_decides(
    seen: list[Evidence], allowed: frozenset[Remedy], kind: RejectionKind, remedy: Remedy
) -> None:
    """What is known, and what is rejected, never overrides an operator."""
    assert policy_of(seen, 20, TTL).remedy(allowed) in allowed | {NONE}
    assert set(remedies_for(kind, remedy, allowed)) <= allowed


@pytest.mark.parametrize(
    ("policy", "allowed", "expected"),
    [
        (HostPolicy(needs=1), ALL_REMEDIES - {PAD}, NONE),
        (HostPolicy(needs=1, needs_more=2), ALL_REMEDIES - {OFF}, PAD),
        (HostPolicy(needs=1, needs_more=2), ALL_REMEDIES - {PAD}, OFF),
        (HostPolicy(forbids=2), ALL_REMEDIES - {STRIP}, NONE),
        (HostPolicy(forbids=2), frozenset(), NONE),
    ],
)
def test_what_is_not_allowed(policy: HostPolicy, allowed: frozenset[Remedy], expected: Remedy) -> None:
    """Where a remedy is not allowed, the one before it is taken."""
    assert expected is policy.remedy(allowed)


@pytest.mark.parametrize(
    ("kind", "remedy", "expected"),
    [
        (MISSING, NONE, [NONE, PAD, OFF]),
        (MISSING, PAD, [PAD, OFF]),
        (MISSING, STRIP, [NONE, PAD, OFF]),
        (OTHER, NONE, [NONE, PAD, OFF]),
        (FORBIDDEN, NONE, [STRIP, OFF]),
        (FORBIDDEN, PAD, [STRIP, OFF]),
        (FORBIDDEN, STRIP, [STRIP, OFF]),
        (SIGNATURE, NONE, [STRIP, OFF]),
        *[(kind, OFF, []) for kind in RejectionKind],
    ],
)
def test_remedies(kind: RejectionKind, remedy: Remedy, expected: list[Remedy]) -> None:
    """What lacks is first what has been found since, then a space, then thinking off; what is too much is stripped."""
    assert expected == remedies_for(kind, remedy)


A_TEXT, A_PLACEHOLDER = {**TOOL_TURN, "reasoning_content": "a"}, {**TOOL_TURN, "reasoning_content": " "}


@pytest.mark.parametrize(
    ("policy", "remedy", "sent", "expected"),
    [
        (HostPolicy(), NONE, [A_PLACEHOLDER], False),
        (_after(NEEDS), NONE, [A_PLACEHOLDER], True),
        (_after(NEEDS), NONE, [{**TOOL_TURN, "reasoning_content": ""}], True),
        (_after(NEEDS), NONE, [A_TEXT], False),
        (_after(NEEDS), NONE, [TOOL_TURN], False),
        (_after(NEEDS), NONE, [{"role": "user", "content": "x", "reasoning_content": " "}], False),
        (_after(NEEDS), NONE, [], False),
        (_after(NEEDS), PAD, [A_PLACEHOLDER], False),
        (_after(NEEDS_MORE), PAD, [A_TEXT, A_PLACEHOLDER], True),
        (_after(NEEDS_MORE), PAD, [A_TEXT], False),
        (_after(NEEDS_MORE), OFF, [A_PLACEHOLDER], False),
        (_after(FORBIDS), NONE, [A_TEXT], True),
        (_after(FORBIDS), PAD, [A_PLACEHOLDER], True),
        (_after(FORBIDS), NONE, [TOOL_TURN, PLAIN_TURN], False),
        (_after(FORBIDS), STRIP, [A_TEXT], False),
        (_after(FORBIDS), OFF, [A_TEXT], False),
    ],
)
def test_what_speaks_against(policy: HostPolicy, remedy: Remedy, sent: list[Any], expected: bool) -> None:
    """An answer counts only where the body put to the test what was rejected before."""
    assert expected is speaks_against(policy, remedy, sent)


@given(sent=histories, remedy=st.sampled_from(Remedy), seen=st.lists(evidence, max_size=4))
def test_any_history_may_have_been_sent(sent: list[Any], remedy: Remedy, seen: list[Evidence]) -> None:
    """Nothing is known against a deployment of which nothing is known; and no history is too strange to be asked."""
    policy = policy_of(seen, 20, TTL)

    assert not speaks_against(policy, remedy, sent) or policy.expires is not None


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
        b'[2, 2.0, "none", null]',
        b'[1, 2.0, "none", null]',
        b'[1, 2.0, "none", null, "o"]',
        b'[3, 2.0, "none", null, "o"]',
        b'[2, 2.0, "jump", null, "o"]',
        b'[2, 2.0, ["none"], null, "o"]',
        b'[2, 2.0, "none", "bored", "o"]',
        b'[2, 2.0, "none", "", "o"]',
        b'[2, "soon", "none", null, "o"]',
        b'[2, null, "none", null, "o"]',
        b'[2, NaN, "none", null, "o"]',
        b'[2, 1e999, "none", null, "o"]',
        b"[2, 1" + b"0" * 400 + b', "none", null, "o"]',
        b"[" * 100_000,
        b'[1, {"calls": []}, "secret", [], "x"]',
    ],
)
def test_what_is_no_evidence(payload: bytes) -> None:
    """What somebody else wrote, or another version, is passed over."""
    assert Evidence.from_bytes(b'[2, 2.0, "none", null, "o"]') == Evidence(2.0, NONE, None, "o")
    assert Evidence.from_bytes(payload) is None


@given(payload=st.binary(max_size=40))
def test_any_bytes(payload: bytes) -> None:
    """Whatever a store gives is read or passed over."""
    assert isinstance(Evidence.from_bytes(payload), Evidence | None)


def test_keys() -> None:
    """Evidence is of a host, a family, a wire, and thinking on or off; not of a model, and not of a remedy."""
    quirks = _quirks()
    same = [AttemptSettings(quirks, thinking=True, remedy=remedy) for remedy in Remedy]
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

    assert 1 == len({attempt.key for attempt in same})
    assert 1 + len(apart) == len({attempt.key for attempt in [*same, *apart]})
    assert [] == [
        attempt.key for attempt in apart if "llm" in attempt.key or not set(attempt.key) <= set("0123456789abcdef")
    ]


@pytest.mark.parametrize(("host", "thinking"), list(itertools.product(HOST_NAMES, [True, False])))
def test_effective(host: str, thinking: bool) -> None:
    """Each remedy is other quirks of the same deployment; only the last changes the switch."""
    quirks = _quirks(host=host)
    attempt = AttemptSettings(quirks, thinking)
    spaced, stripped = replace(quirks, placeholder=" ", pads_every_turn=True), replace(quirks, forbids=True)

    assert [(quirks, thinking), (spaced, thinking), (stripped, thinking), (stripped, False)] == [
        replace(attempt, remedy=remedy).effective for remedy in Remedy
    ]
