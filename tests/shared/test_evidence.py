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
    FIELDS,
    REFUTED,
    SURE,
    AttemptSettings,
    Evidence,
    HostPolicy,
    Remedy,
    has_misplaced,
    is_our_doing,
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
    st.sampled_from(["", *FIELDS]),
)
owners = st.sampled_from(["", "one owner", "another", "a third", None])


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


@given(seen=st.lists(evidence, max_size=12), order=st.randoms(), owner=owners)
def test_any_order(seen: list[Evidence], order: Any, owner: str | None) -> None:
    """Workers read evidence in whatever order a store gives it, and come to the same policy."""
    shuffled = [*seen]
    order.shuffle(shuffled)

    assert policy_of(seen, 20, TTL, owner) == policy_of(shuffled, 20, TTL, owner)


@given(seen=st.lists(evidence, max_size=12), answers=st.integers(0, REFUTED - 1), remedy=st.sampled_from([NONE, PAD]))
def test_few_answers_take_nothing_back(seen: list[Evidence], answers: int, remedy: Remedy) -> None:
    """Fewer than three answers after a rejection that taught something never change what is sent next."""
    rejected = [*seen, Evidence(21, NONE, FORBIDDEN)]
    lucky = [Evidence(22.0 + place, remedy, None) for place in range(answers)]

    assert policy_of(rejected, 30, TTL).remedy() is policy_of([*rejected, *lucky], 30, TTL).remedy()


@given(seen=st.lists(evidence, max_size=12))
def test_nothing_is_sure_at_once(seen: list[Evidence]) -> None:
    """Reasoning is stripped, or thinking switched off, only after two rejections of one owner that ask for it."""
    remedy = policy_of(seen, 20, TTL).remedy()
    demands = [each for each in seen if each.remedy is PAD and each.rejected in (MISSING, OTHER)]
    bans = [each for each in seen if each.remedy is not OFF and each.rejected is FORBIDDEN]

    assert remedy is not OFF or len(demands) >= SURE
    assert remedy is not STRIP or len(bans) >= SURE


@given(seen=st.lists(evidence, max_size=12), later=st.floats(0, 30), owner=owners)
def test_expiry(seen: list[Evidence], later: float, owner: str | None) -> None:
    """A policy says when it is forgotten, and is forgotten then; each rejection grows old for itself."""
    policy = policy_of(seen, later, 5, owner)

    assert (policy == HostPolicy()) is (policy.expires is None)
    if policy.expires is not None:
        assert later < policy.expires
        assert HostPolicy() == policy_of(seen, policy.expires, 5, owner)


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
        b'"123456"',
        b'[3, 2.0, "none", null]',
        b'[3, 2.0, "none", null, "o"]',
        b'[2, 2.0, "none", null, "o", ""]',
        b'[4, 2.0, "none", null, "o", ""]',
        b'[3, 2.0, "jump", null, "o", ""]',
        b'[3, 2.0, ["none"], null, "o", ""]',
        b'[3, 2.0, "none", "bored", "o", ""]',
        b'[3, 2.0, "none", "", "o", ""]',
        b'[3, "soon", "none", null, "o", ""]',
        b'[3, null, "none", null, "o", ""]',
        b'[3, NaN, "none", null, "o", ""]',
        b'[3, 1e999, "none", null, "o", ""]',
        b'[3, 2.0, "none", null, "o", "content"]',
        b'[3, 2.0, "none", null, "o", null]',
        b"[3, 1" + b"0" * 400 + b', "none", null, "o", ""]',
        b"[" * 100_000,
        b'[1, {"calls": []}, "secret", [], "x"]',
    ],
)
def test_what_is_no_evidence(payload: bytes) -> None:
    """What another application or another version wrote is skipped."""
    assert Evidence.from_bytes(b'[3, 2.0, "none", null, "o", ""]') == Evidence(2.0, NONE, None, "o")
    assert Evidence.from_bytes(payload) is None


@given(payload=st.binary(max_size=40))
def test_any_bytes(payload: bytes) -> None:
    """Whatever a store gives is read or passed over."""
    assert isinstance(Evidence.from_bytes(payload), Evidence | None)


def _by(*owned: tuple[str, Remedy, RejectionKind | None]) -> list[Evidence]:
    """Evidence of several owners, a second apart."""
    return [Evidence(float(place), remedy, kind, owner) for place, (owner, remedy, kind) in enumerate(owned)]


NEEDED, BANNED = HostPolicy(needs=1), HostPolicy(forbids=2)
TAUGHT: dict[str, tuple[list[tuple[str, Remedy, RejectionKind | None]], dict[str, HostPolicy]]] = {
    "one owner": ([("a", NONE, MISSING)] * 3, {"a": HostPolicy(needs=3), "b": HostPolicy(), "": HostPolicy()}),
    "two owners": ([("a", NONE, MISSING)] * 2 + [("b", NONE, OTHER)], {"a": HostPolicy(needs=2), "c": NEEDED}),
    "each of two is sure": ([*[("a", NONE, FORBIDDEN)] * 2, *[("b", NONE, FORBIDDEN)] * 2], {"b": BANNED, "c": BANNED}),
    "one of two is sure": (
        [*[("a", NONE, FORBIDDEN)] * 2, ("b", NONE, FORBIDDEN)],
        {"a": BANNED, "b": HostPolicy(forbids=1), "c": HostPolicy(forbids=1)},
    ),
    "nobody is sure": (
        [(owner, NONE, FORBIDDEN) for owner in "abcdef"],
        {"a": HostPolicy(forbids=1), "g": HostPolicy(forbids=1)},
    ),
    "no owner is one": ([("", NONE, MISSING), ("a", NONE, MISSING)], {"": NEEDED, "a": NEEDED, "b": NEEDED}),
    "answers are their own owner's": (
        [*[(owner, NONE, MISSING) for owner in "ab"], *[("b", NONE, None)] * 3, *[("c", NONE, None)] * 3],
        {"a": NEEDED, "b": HostPolicy(), "c": HostPolicy(), "d": NEEDED},
    ),
    "answers before it": (
        [*[("c", NONE, None)] * 3, *[(owner, NONE, MISSING) for owner in "ab"], *[("c", NONE, None)] * 2],
        {"c": HostPolicy(needs=1, answered=2)},
    ),
    "the later of opposites": (
        [*[(owner, NONE, MISSING) for owner in "ab"], *[("c", NONE, FORBIDDEN)] * 2, *[("d", NONE, FORBIDDEN)] * 2],
        {"a": BANNED, "e": BANNED},
    ),
    "it goes on from there": (
        [*[("a", NONE, FORBIDDEN)] * 2, *[("b", NONE, FORBIDDEN)] * 2, ("c", STRIP, MISSING), ("c", NONE, MISSING)],
        {"c": NEEDED, "d": BANNED},
    ),
    "more than one knew": (
        [("c", PAD, MISSING), *[(owner, NONE, MISSING) for owner in "aabb"]],
        {"c": HostPolicy(needs=2, needs_more=1), "d": HostPolicy(needs=2)},
    ),
}
"""Who was rejected and answered as what, in order, and what is known for whom then."""


@pytest.mark.parametrize("case", TAUGHT)
def test_owners(case: str) -> None:
    """Own evidence counts at once; what two owners' rejections teach alike counts for the others too."""
    owned, expected = TAUGHT[case]
    known = {owner: replace(policy_of(_by(*owned), 20, TTL, owner), expires=None) for owner in expected}

    assert expected == known


@given(seen=st.lists(evidence, max_size=12), more=st.lists(evidence, max_size=6))
def test_one_owner_changes_no_other_owners_requests(seen: list[Evidence], more: list[Evidence]) -> None:
    """Whatever one owner does, the requests of another go out as before: rejections, answers, and named fields."""
    of_one = [replace(each, owner="one owner") for each in [*seen, *more]]

    assert HostPolicy() == policy_of(of_one, 20, TTL, "another") == policy_of(of_one, 20, TTL, None)


@given(seen=st.lists(evidence, max_size=12), answers=st.lists(evidence, max_size=6))
def test_answers_take_nothing_from_others(seen: list[Evidence], answers: list[Evidence]) -> None:
    """An owner's answers change nothing of what others know."""
    more = [replace(each, owner="another", rejected=None) for each in answers]

    assert policy_of(seen, 30, TTL, "one owner") == policy_of([*seen, *more], 30, TTL, "one owner")


NAMED = ("reasoning_content", "reasoning")


def test_a_field_is_learned() -> None:
    """At once by its owner, by others from two; answers do not take it back, and another one that is named does."""
    seen = [Evidence(place, NONE, MISSING, owner, NAMED[0]) for place, owner in enumerate("aab")]
    answers = [Evidence(10.0 + place, NONE, None, "a") for place in range(3)]
    needs = Evidence(9, NONE, MISSING, "a")
    other = [Evidence(20, NONE, MISSING, owner, NAMED[1]) for owner in "ab"]

    assert HostPolicy(field=NAMED[0], expires=TTL) == policy_of(seen[:1], 5, TTL, "a")
    assert HostPolicy() == policy_of(seen[:2], 5, TTL, "c")
    assert HostPolicy(field=NAMED[0], expires=TTL + 1) == policy_of(seen, 5, TTL, "c")
    assert HostPolicy(needs=1, field=NAMED[0], expires=TTL + 9) == policy_of([*seen, needs], 30, TTL, "a")
    assert HostPolicy(field=NAMED[0], expires=TTL + 9) == policy_of([*seen, needs, *answers], 30, TTL, "a")
    assert [NAMED[1]] * 2 == [policy_of([*seen, *other], 30, TTL, owner).field for owner in "ac"]


def test_a_field_beats_the_dialect() -> None:
    """All that goes out goes out in it, and in nothing that the dialect has besides."""
    attempt = AttemptSettings(_quirks(provider="openrouter"), thinking=True, field="reasoning_content")
    dialects = [replace(attempt, remedy=remedy).effective[0].dialect for remedy in Remedy]

    assert {(("reasoning_content",), ())} == {(dialect.fields, dialect.alternatives) for dialect in dialects}
    assert ["", "reasoning"] == [attempt.misses(named) for named in ("reasoning_content", "reasoning")]
    assert ["", "reasoning_content"] == [
        replace(attempt, field="").misses(named) for named in ("", "reasoning_content")
    ]


TURN_WITH = {**TOOL_TURN, "reasoning_content": "a"}


@pytest.mark.parametrize(
    ("kind", "field", "sent", "misplaced", "expected"),
    [
        (MISSING, "", [TOOL_TURN], False, True),
        (MISSING, "", [TURN_WITH, PLAIN_TURN], False, True),
        (MISSING, "", [{**TOOL_TURN, "reasoning_content": " "}], False, True),
        (MISSING, "", [TURN_WITH], False, False),
        (OTHER, "", [TURN_WITH], False, False),
        (MISSING, "", [], False, False),
        (MISSING, "reasoning", [TURN_WITH], False, True),
        (FORBIDDEN, "", [TURN_WITH], False, True),
        (FORBIDDEN, "", [TURN_WITH], True, False),
        (MISSING, "reasoning", [TOOL_TURN], True, False),
    ],
)
def test_what_is_our_doing(kind: RejectionKind, field: str, sent: list[Any], misplaced: bool, expected: bool) -> None:
    """A demand for what was sent in full is none of ours, nor is what a client put where none belongs."""
    assert expected is is_our_doing(kind, field, sent, misplaced=misplaced)
    evidence = Evidence(1, NONE, kind, field=field, is_ours=expected)
    assert expected is evidence.tells


@pytest.mark.parametrize(
    ("request_", "history", "expected"),
    [
        ({}, None, False),
        ({}, "x", False),
        ({}, [TURN_WITH, {"role": "user", "content": "x"}, 7], False),
        ({}, [{"role": "user", "content": "x", "reasoning_content": "a"}], True),
        ({}, [{"role": "tool", "content": "x", "reasoning": ""}], True),
        ({}, [{"role": "user", "content": [{"type": "thinking", "thinking": "a"}]}], True),
        ({}, [{"type": "reasoning", "content": []}], False),
        ({"reasoning_content": "a"}, [], True),
        ({"reasoning": {"effort": "none"}, "extra_body": {"reasoning": {"enabled": True}}}, [], False),
        ({"reasoning_content": None, "extra_body": None}, [], False),
        ({"extra_body": {"reasoning_content": ""}}, [], True),
    ],
)
def test_what_is_misplaced(request_: dict[str, Any], history: Any, expected: bool) -> None:
    """Reasoning on a message that is no turn, or among the request's members, where a mapping is the switch."""
    assert expected is has_misplaced(request_, history)


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
