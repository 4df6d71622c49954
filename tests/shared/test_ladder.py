"""A rejected request: another body once, or an error that says what it is about and holds no text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import NOTHING, FoundReasoning
from mimo_quirks.history.replay import replay
from mimo_quirks.rejections.evidence import ALL_REMEDIES, AttemptSettings, HostPolicy, Remedy
from mimo_quirks.rejections.ladder import NoRemedyLeft, Rejection, RequestPlan, choose_plan
from mimo_quirks.rejections.recognition import Demand, RejectionKind, classify_rejection

from ..cases import CALL
from .strategies import histories

MISSING, OTHER, FORBIDDEN, SIGNATURE = RejectionKind
NONE, PAD, STRIP, OFF = Remedy
SECRET = "secret-7f3a"

USER = {"role": "user", "content": SECRET}
TURN = {"role": "assistant", "content": SECRET, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": SECRET}
SAID = {"role": "assistant", "content": SECRET}
HISTORY = [USER, TURN, RESULT, SAID, USER]
WITH_TEXT = [USER, {**TURN, "reasoning_content": SECRET}, RESULT, SAID, USER]


def _plan(
    remedy: Remedy = NONE,
    history: Any = HISTORY,
    recall: FoundReasoning = NOTHING,
    *,
    model: str = "mimo-v2.6-pro",
    url: str | None = "https://llm.example/v1",
    thinking: bool = True,
    field: str = "",
) -> RequestPlan:
    """A request as the exchange makes it: replayed on its terms."""
    quirks = quirks_for(model, url, family="deepseek" if "deepseek" in model else "mimo")
    assert quirks is not None
    attempt = AttemptSettings(quirks, thinking, remedy, field)
    effective, thinks = attempt.effective
    sent, report = replay(history, effective, thinking=thinks, recall=recall)
    return RequestPlan(model, attempt, sent, sent, report)


def _rejection(kind: RejectionKind, plan: RequestPlan, *, first: Rejection | None = None, named: str = "") -> Rejection:
    """A request that was sent as it was planned, and rejected."""
    return Rejection.of(Demand(kind, named), plan, plan, first=first)


def _again(
    kind: RejectionKind, remedy: Remedy, history: Any = HISTORY, *, recall: FoundReasoning = NOTHING, **where: Any
) -> Remedy | None:
    """The remedy with which a request is made again that was rejected with this one; None where it is not."""
    rejected = _rejection(kind, _plan(remedy, history, **where))

    def build(terms: AttemptSettings) -> RequestPlan:
        return _plan(terms.remedy, history, recall, **where)

    try:
        return choose_plan(rejected, rejected.attempt, HostPolicy(), ALL_REMEDIES, build).attempt.remedy
    except NoRemedyLeft:
        return None


@pytest.mark.parametrize(
    ("kind", "remedy", "history", "expected"),
    [
        (MISSING, NONE, HISTORY, PAD),
        (MISSING, NONE, WITH_TEXT, PAD),  # the plain turn
        (MISSING, NONE, WITH_TEXT[:3], OFF),  # nothing lacks
        (MISSING, NONE, [USER], OFF),
        (MISSING, PAD, HISTORY, OFF),
        (MISSING, STRIP, WITH_TEXT, NONE),
        (MISSING, STRIP, HISTORY, NONE),
        (OTHER, NONE, HISTORY, PAD),
        (FORBIDDEN, NONE, WITH_TEXT, STRIP),
        (FORBIDDEN, PAD, HISTORY, STRIP),
        (FORBIDDEN, NONE, [USER], OFF),
        (FORBIDDEN, STRIP, WITH_TEXT, OFF),
        (SIGNATURE, NONE, WITH_TEXT, STRIP),
        (MISSING, OFF, HISTORY, None),
        (FORBIDDEN, OFF, HISTORY, None),
    ],
)
def test_the_next_body(kind: RejectionKind, remedy: Remedy, history: Any, expected: Remedy | None) -> None:
    """The least that changes the body; where nothing does, nothing is sent."""
    assert expected is _again(kind, remedy, history)


@pytest.mark.parametrize("remedy", [NONE, PAD])
def test_what_came_in_since(remedy: Remedy) -> None:
    """Text that was found since comes before any other change."""
    assert remedy is _again(MISSING, remedy, recall=FoundReasoning({1: SECRET}))


def test_a_space_is_another_body_only_once() -> None:
    """Where a space stood already, the same history with spaces is no other request."""
    where = {"model": "deepseek-v4-pro"}

    assert OFF is _again(MISSING, NONE, HISTORY[:3], **where)
    assert PAD is _again(MISSING, NONE, HISTORY, **where)


def test_thinking_is_off_already() -> None:
    """Without thinking there is nothing to switch off, and nothing to pad; reasoning can still be stripped."""
    assert None is _again(MISSING, NONE, thinking=False)
    assert None is _again(FORBIDDEN, STRIP, WITH_TEXT, thinking=False)
    assert STRIP is _again(FORBIDDEN, NONE, WITH_TEXT, thinking=False)


@given(
    history=histories,
    kind=st.sampled_from(RejectionKind),
    remedy=st.sampled_from(Remedy),
    allowed=st.frozensets(st.sampled_from(Remedy)),
    thinking=st.booleans(),
)
def test_never_the_same_body(
    history: list[Any], kind: RejectionKind, remedy: Remedy, allowed: frozenset[Remedy], thinking: bool
) -> None:
    """At most one retry, with another body, and a remedy that the operator allows."""

    def build(terms: AttemptSettings) -> RequestPlan:
        return _plan(terms.remedy, history, thinking=thinking)

    first = _plan(remedy, history, thinking=thinking)
    rejected = _rejection(kind, first)
    try:
        again = choose_plan(rejected, first.attempt, HostPolicy(), allowed, build)
    except NoRemedyLeft:
        others = (replace(first.attempt, remedy=other) for other in rejected.remedies(allowed))
        assert {first.digest} >= {build(other).digest for other in others}
        assert rejected.following(allowed, build).then is None
        return

    assert (first.sent, first.attempt.effective[1]) != (again.sent, again.attempt.effective[1])
    assert again.attempt.remedy in allowed
    assert again.attempt == rejected.following(allowed, build).then
    assert [] == _rejection(kind, again, first=rejected).remedies(allowed)


def test_digests() -> None:
    """Two requests are the same whatever order their members have; not where the switch is another."""
    turned = [dict(reversed(message.items())) for message in HISTORY]

    assert _plan().digest == _plan(history=turned).digest == _plan(model="mimo-v3").digest
    assert 4 == len({_plan(remedy, WITH_TEXT).digest for remedy in Remedy})
    assert _plan(STRIP, WITH_TEXT, thinking=False).digest == _plan(OFF, WITH_TEXT).digest


def test_what_a_framework_made_of_it() -> None:
    """Requests are compared as they were planned; what is told is about the one that was sent."""
    plan, sent = _plan(), _plan(history=[USER, *HISTORY])
    rejected = Rejection.of(Demand(MISSING), plan, sent, first=None)

    assert plan.digest == rejected.sent
    assert (2,) == rejected.turns
    assert (sent.report, plan.attempt) == (rejected.report, rejected.attempt)
    again = choose_plan(rejected, plan.attempt, HostPolicy(), ALL_REMEDIES, lambda _: sent)
    assert again is sent
    with pytest.raises(NoRemedyLeft):
        choose_plan(rejected, plan.attempt, HostPolicy(), ALL_REMEDIES, lambda _: plan)


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize("strange", [{1: "a", "b": 2}, {("a",): 1}, CIRCLE], ids=["mixed", "tuple", "circle"])
def test_a_history_that_is_no_json(strange: Any) -> None:
    """It is rejected like any other, and it is not made again, for no two of it can be told apart."""
    assert None is _again(FORBIDDEN, NONE, [{**USER, "content": strange}, *WITH_TEXT], thinking=False)
    odd = [{**USER, "content": object}, *WITH_TEXT]  # what has no JSON of its own, but a text
    assert STRIP is _again(FORBIDDEN, NONE, odd)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (_plan(OFF), None),
        (_plan(thinking=False), None),
        (_plan(), MISSING),
        (_plan(history=WITH_TEXT), None),
    ],
)
def test_the_request_tells_what_a_bare_error_means(plan: RequestPlan, expected: RejectionKind | None) -> None:
    """An error without words is a rejection only of a request that could have been rejected."""
    assert expected is classify_rejection("Param Incorrect", plan.request)


def _following(rejected: Rejection, history: Any = HISTORY, allowed: frozenset[Remedy] = ALL_REMEDIES) -> Rejection:
    """A rejection that knows how its request goes out next."""

    def build(terms: AttemptSettings) -> RequestPlan:
        return _plan(terms.remedy, history, field=terms.field, url=URL)

    return rejected.following(allowed, build)


URL = "https://llm.example/v1"
STORE = "To keep reasoning when the process ends, set MIMO_QUIRKS_STORE to sqlite:/// or redis://."


def test_what_is_told() -> None:
    """The host, what it wants, the turns, what is wrong besides, and what to do: first to send it again."""
    orphaned = [*[TURN, RESULT] * 7, RESULT]
    begun = (
        "llm.example rejected a request to mimo-v2.6-pro: earlier assistant messages must include their reasoning. "
        "The reasoning of messages 0, 2, 4, 6, 8 and 2 more is lost. "
        "Message 14: tool result without a matching tool call. "
    )
    again = "Send it again: it goes out with a space on every assistant message that has no reasoning."
    ended = "No further change to the request is possible or allowed. Start a new conversation, or switch thinking off."
    plan = _plan(history=orphaned)
    rejected = _following(_rejection(MISSING, plan), orphaned)

    assert f"{begun}{again}" == rejected.explain()
    assert f"{begun}{ended}" == _following(rejected, orphaned, frozenset()).explain()
    assert f"{begun}{ended}" == _rejection(MISSING, plan).explain()
    losing = Rejection.of(Demand(MISSING), plan, plan, first=None, loses=True)
    assert f"{begun}{again} {STORE}" == _following(losing, orphaned).explain()
    assert (0, 2, 4, 6, 8, 10, 12) == rejected.turns
    with pytest.raises(NoRemedyLeft, match="no further change to the request is possible") as caught:
        choose_plan(rejected, rejected.attempt, HostPolicy(), ALL_REMEDIES, lambda _: plan)
    assert rejected is caught.value.rejection


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (HISTORY, "The reasoning of message 1 is lost. "),
        ([*HISTORY, TURN, RESULT], "The reasoning of messages 1, 5 is lost. "),
        ([USER, {**TURN, "reasoning": "tool call"}, RESULT], "The reasoning of message 1 is lost. "),
        (WITH_TEXT, ""),
    ],
)
@pytest.mark.parametrize("url", ["https://llm.example/v1", "https://openrouter.ai/api/v1"])
def test_which_turns(history: Any, expected: str, url: str) -> None:
    """Turns are named as they stand in the request, with a placeholder or without; where none is lost, none is."""
    plan = _plan(history=history, url=url)
    rejected = Rejection.of(Demand(MISSING), plan, plan, first=None, loses=True)

    assert f"must include their reasoning. {expected}No further change" in rejected.explain()
    assert bool(expected) is rejected.explain().endswith(STORE)


NO_CHANGE = "No further change to the request is possible or allowed. "


@pytest.mark.parametrize(
    ("kind", "remedy", "words"),
    [
        (MISSING, NONE, ["(with reasoning that has been found since)", "it goes out with a space on every assistant"]),
        (OTHER, PAD, ["(with a space on every assistant", "Send it again: if rejected once more, it is retried with"]),
        (
            FORBIDDEN,
            NONE,
            ["must not include reasoning", "if rejected once more, it is retried without any reason"],
        ),
        (FORBIDDEN, STRIP, ["(without any reasoning)", "if rejected once more, it is retried with thinking off."]),
        (
            FORBIDDEN,
            OFF,
            [f"{NO_CHANGE}Ask the host's operator what it takes, or set its profile in "],
        ),
        (MISSING, OFF, [f"(with thinking off) was rejected too. {NO_CHANGE}Start a new conversation."]),
        (
            SIGNATURE,
            OFF,
            [
                "carry signatures it did not issue",
                f"{NO_CHANGE}Take thinking blocks of other vendors out of the history.",
            ],
        ),
    ],
)
def test_what_is_told_of_a_retry(kind: RejectionKind, remedy: Remedy, words: list[str]) -> None:
    """It says what had been changed, and what comes next or is left to the caller; never the same as the first time."""
    first = _following(_rejection(kind, _plan(NONE, WITH_TEXT)), WITH_TEXT)
    second = _following(_rejection(kind, _plan(remedy, WITH_TEXT), first=first), WITH_TEXT)
    told = second.explain()

    assert [] == [
        word for word in [*words, "llm.example rejected a request", "A changed request ("] if word not in told
    ]
    assert "Send it again: " in first.explain() != told


def test_a_host_without_an_address() -> None:
    """It goes by its row."""
    assert _rejection(MISSING, _plan(url=None)).explain().startswith("relay rejected a request to mimo-v2.6-pro: ")


def test_a_field_that_the_host_names() -> None:
    """It comes after the row's placeholder and before a space, and everything that follows goes out in it."""
    history = WITH_TEXT
    plan = _plan(NONE, history, field="reasoning")
    first = _following(_rejection(MISSING, plan, named="reasoning_content"), history)
    made = choose_plan(
        first, plan.attempt, HostPolicy(), ALL_REMEDIES, lambda terms: _plan(NONE, history, field=terms.field)
    )
    second = _following(_rejection(MISSING, made, first=first, named="reasoning_content"), history)

    assert ["reasoning_content", "reasoning_content", ""] == [first.field, made.attempt.field, second.field]
    assert (NONE, PAD) == (made.attempt.remedy, second.then and second.then.remedy)
    assert SECRET == made.sent[1]["reasoning_content"]
    assert "reasoning" not in made.sent[1]
    assert "Send it again: it goes out with the reasoning in the field `reasoning_content`." in first.explain()
    assert (
        "A changed request (with the reasoning in the field `reasoning_content`) was rejected too. " in second.explain()
    )
    assert (
        "it goes out with the reasoning in the field `reasoning_content`, and with a space on every" in second.explain()
    )


@pytest.mark.parametrize(("url", "expected"), [(URL, "reasoning"), ("https://other.example/v1", "reasoning_content")])
def test_a_field_is_one_host_s(url: str, expected: str) -> None:
    """What one host has named is not sent to another, which is asked in the field that it is known to want."""
    rejected = _rejection(MISSING, _plan(NONE, WITH_TEXT), named="reasoning")
    attempt = _plan(url=url).attempt
    policy = HostPolicy(field="reasoning_content", expires=1)
    made = choose_plan(
        rejected, attempt, policy, ALL_REMEDIES, lambda terms: _plan(PAD, WITH_TEXT, url=url, field=terms.field)
    )

    assert expected == made.attempt.field


@given(
    history=histories,
    kind=st.sampled_from(RejectionKind),
    remedies=st.lists(st.sampled_from(Remedy), min_size=2, max_size=2),
)
def test_no_text(history: list[Any], kind: RejectionKind, remedies: list[Remedy]) -> None:
    """Neither what is told nor any repr holds a text of a message."""
    call = {"id": SECRET, "function": {"name": SECRET, "arguments": SECRET}}
    spiked = [{**message, "reasoning_content": SECRET, "content": SECRET, "tool_calls": [call]} for message in history]
    plans = [_plan(remedy, [*spiked, {**RESULT, "tool_call_id": SECRET * 2}, USER]) for remedy in remedies]
    first = _following(_rejection(kind, plans[0]), spiked)
    second = _following(_rejection(kind, plans[1], first=first), spiked)
    told = [rejected.explain() for rejected in (first, second)]

    assert [] == [text for text in [*told, repr(plans), repr(second), repr(NoRemedyLeft(second))] if SECRET in text]


@pytest.mark.parametrize(
    ("policy", "history", "expected"),
    [
        (HostPolicy(), HISTORY, NONE),
        (HostPolicy(needs=1), HISTORY, PAD),
        (HostPolicy(forbids=2), WITH_TEXT, STRIP),
        (HostPolicy(needs=1, needs_more=2), HISTORY, OFF),
        (HostPolicy(needs=1, needs_more=2), WITH_TEXT[:3], PAD),  # has lost nothing
        (HostPolicy(needs=1, needs_more=2), [USER], PAD),
    ],
)
def test_first(policy: HostPolicy, history: Any, expected: Remedy) -> None:
    """What was learned is where a request begins; but thinking stays on for a history that has lost nothing."""
    plan = choose_plan(None, _plan().attempt, policy, ALL_REMEDIES, lambda terms: _plan(terms.remedy, history))

    assert expected is plan.attempt.remedy


def test_first_with_an_operator_s_placeholder() -> None:
    """Where the operator has fixed the placeholder, what is left is to switch thinking off; or nothing."""
    without_pad = ALL_REMEDIES - {PAD}

    def first(policy: HostPolicy, allowed: frozenset[Remedy]) -> Remedy:
        return choose_plan(None, _plan().attempt, policy, allowed, lambda terms: _plan(terms.remedy)).attempt.remedy

    assert OFF is first(HostPolicy(needs=2), without_pad)
    assert NONE is first(HostPolicy(needs=1), without_pad)
    assert NONE is first(HostPolicy(needs=2), without_pad - {OFF})


@pytest.mark.parametrize(
    ("url", "policy", "expected"),
    [
        ("https://llm.example/v1", HostPolicy(needs=1), STRIP),
        ("https://other.example/v1", HostPolicy(needs=1), PAD),
        ("https://other.example/v1", HostPolicy(), STRIP),  # its own remedy would be the request that was rejected
    ],
)
def test_next_plan(url: str, policy: HostPolicy, expected: Remedy) -> None:
    """Another deployment is asked as it is known to want it, before what helps against the first one's rejection."""

    def build(terms: AttemptSettings) -> RequestPlan:
        return _plan(terms.remedy, WITH_TEXT, url=url)

    rejected = _rejection(FORBIDDEN, _plan(NONE, WITH_TEXT))
    plan = choose_plan(rejected, _plan(NONE, WITH_TEXT, url=url).attempt, policy, ALL_REMEDIES, build)

    assert expected is plan.attempt.remedy
    assert policy.remedy() is choose_plan(None, plan.attempt, policy, ALL_REMEDIES, build).attempt.remedy
    with pytest.raises(NoRemedyLeft):
        choose_plan(_rejection(MISSING, plan, first=rejected), plan.attempt, policy, ALL_REMEDIES, build)
