"""A rejected request: another body once, or an error that says what it is about and holds no text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.found import NOTHING, FoundReasoning
from mimo_quirks.history.replay import replay
from mimo_quirks.rejections.evidence import ALL_REMEDIES, AttemptSettings, HostPolicy, Remedy
from mimo_quirks.rejections.ladder import NoRemedyLeft, Rejection, RequestPlan, changed, choose_plan, first
from mimo_quirks.rejections.recognition import RejectionKind, classify_rejection

from ..cases import CALL
from .strategies import histories

MISSING, OTHER, FORBIDDEN, SIGNATURE = RejectionKind
ROW, SPACE, STRIP, OFF = Remedy
SECRET = "secret-7f3a"

USER = {"role": "user", "content": SECRET}
TURN = {"role": "assistant", "content": SECRET, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": SECRET}
SAID = {"role": "assistant", "content": SECRET}
HISTORY = [USER, TURN, RESULT, SAID, USER]
WITH_TEXT = [USER, {**TURN, "reasoning_content": SECRET}, RESULT, SAID, USER]


def _draft(
    step: Remedy = ROW,
    history: Any = HISTORY,
    recall: FoundReasoning = NOTHING,
    *,
    model: str = "mimo-v2.6-pro",
    url: str | None = "https://llm.example/v1",
    thinking: bool = True,
) -> RequestPlan:
    """A request as both adapters make it: replayed on its terms."""
    quirks = quirks_for(model, url, family="deepseek" if "deepseek" in model else "mimo")
    assert quirks is not None
    terms = AttemptSettings(quirks, thinking, step)
    effective, thinks = terms.effective
    sent, report = replay(history, effective, thinking=thinks, recall=recall)
    return RequestPlan(model, terms, sent, sent, report)


def _again(
    kind: RejectionKind, step: Remedy, history: Any = HISTORY, *, recall: FoundReasoning = NOTHING, **where: Any
) -> Remedy | None:
    """The step in which a request is made again that was rejected in this one; None where it is not."""
    rejected = Rejection.of(kind, _draft(step, history, **where))
    drafts = (_draft(each, history, recall, **where) for each in rejected.steps(ALL_REMEDIES))
    try:
        return changed(rejected, drafts).terms.step
    except NoRemedyLeft:
        return None


@pytest.mark.parametrize(
    ("kind", "step", "history", "expected"),
    [
        (MISSING, ROW, HISTORY, SPACE),
        (MISSING, ROW, WITH_TEXT, SPACE),  # the plain turn
        (MISSING, ROW, WITH_TEXT[:3], OFF),  # nothing lacks
        (MISSING, ROW, [USER], OFF),
        (MISSING, SPACE, HISTORY, OFF),
        (MISSING, STRIP, WITH_TEXT, ROW),
        (MISSING, STRIP, HISTORY, ROW),
        (OTHER, ROW, HISTORY, SPACE),
        (FORBIDDEN, ROW, WITH_TEXT, STRIP),
        (FORBIDDEN, SPACE, HISTORY, STRIP),
        (FORBIDDEN, ROW, [USER], OFF),
        (FORBIDDEN, STRIP, WITH_TEXT, OFF),
        (SIGNATURE, ROW, WITH_TEXT, STRIP),
        (MISSING, OFF, HISTORY, None),
        (FORBIDDEN, OFF, HISTORY, None),
    ],
)
def test_the_next_body(kind: RejectionKind, step: Remedy, history: Any, expected: Remedy | None) -> None:
    """The least that changes the body; where nothing does, nothing is sent."""
    assert expected is _again(kind, step, history)


@pytest.mark.parametrize("step", [ROW, SPACE])
def test_what_came_in_since(step: Remedy) -> None:
    """Text that was found since comes before any other change."""
    assert step is _again(MISSING, step, recall=FoundReasoning({1: SECRET}))


def test_a_space_is_another_body_only_once() -> None:
    """Where a space stood already, the same history with spaces is no other request."""
    where = {"model": "deepseek-v4-pro"}

    assert OFF is _again(MISSING, ROW, HISTORY[:3], **where)
    assert SPACE is _again(MISSING, ROW, HISTORY, **where)


def test_thinking_is_off_already() -> None:
    """Without thinking there is nothing to switch off, and nothing to pad; reasoning can still be stripped."""
    assert None is _again(MISSING, ROW, thinking=False)
    assert None is _again(FORBIDDEN, STRIP, WITH_TEXT, thinking=False)
    assert STRIP is _again(FORBIDDEN, ROW, WITH_TEXT, thinking=False)


@given(
    history=histories,
    kind=st.sampled_from(RejectionKind),
    step=st.sampled_from(Remedy),
    allowed=st.frozensets(st.sampled_from(Remedy)),
    thinking=st.booleans(),
)
def test_never_the_same_body(
    history: list[Any], kind: RejectionKind, step: Remedy, allowed: frozenset[Remedy], thinking: bool
) -> None:
    """At most one retry, with another body, in a step that the operator allows."""
    first = _draft(step, history, thinking=thinking)
    rejected = Rejection.of(kind, first)
    drafts = [_draft(each, history, thinking=thinking) for each in rejected.steps(allowed)]
    try:
        again = changed(rejected, drafts)
    except NoRemedyLeft:
        assert {first.fingerprint} >= {draft.fingerprint for draft in drafts}
        return

    assert (first.sent, first.terms.effective[1]) != (again.sent, again.terms.effective[1])
    assert again.terms.step in allowed
    assert [] == Rejection.of(kind, again, first=rejected).steps(allowed)


def test_fingerprints() -> None:
    """Two requests are the same whatever order their members have; not where the switch is another."""
    turned = [dict(reversed(message.items())) for message in HISTORY]

    assert _draft().fingerprint == _draft(history=turned).fingerprint == _draft(model="mimo-v3").fingerprint
    assert 4 == len({_draft(step, WITH_TEXT).fingerprint for step in Remedy})
    assert _draft(STRIP, WITH_TEXT, thinking=False).fingerprint == _draft(OFF, WITH_TEXT).fingerprint
    rejected = Rejection.of(MISSING, _draft(), "one that it had before")
    assert "one that it had before" == rejected.sent
    assert ROW is changed(rejected, [_draft()]).terms.step


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize("strange", [{1: "a", "b": 2}, {("a",): 1}, CIRCLE], ids=["mixed", "tuple", "circle"])
def test_a_history_that_is_no_json(strange: Any) -> None:
    """It is rejected like any other, and it is not made again, for no two of it can be told apart."""
    assert None is _again(FORBIDDEN, ROW, [{**USER, "content": strange}, *WITH_TEXT], thinking=False)
    odd = [{**USER, "content": object}, *WITH_TEXT]  # what has no JSON of its own, but a text
    assert STRIP is _again(FORBIDDEN, ROW, odd)


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (_draft(OFF), None),
        (_draft(thinking=False), None),
        (_draft(), MISSING),
        (_draft(history=WITH_TEXT), None),
    ],
)
def test_the_request_tells_what_a_bare_error_means(draft: RequestPlan, expected: RejectionKind | None) -> None:
    """An error without words is a rejection only of a request that could have been rejected."""
    assert expected is classify_rejection("Param Incorrect", draft.request)


def test_what_is_told() -> None:
    """The host, what it wants, the turns, what is wrong besides, what follows, and what to do."""
    lost = [TURN, RESULT] * 7
    orphaned = [*lost, RESULT]
    begun = "A request to mimo-v2.6-pro was rejected by llm.example: it wants the reasoning of earlier turns back. "
    turns = "Lost: the reasoning of messages 0, 2, 4, 6, 8 and 2 more. "
    ended = (
        "This is not transient: begin a new conversation, or go on with thinking off; a store that outlives the "
        "process (MIMO_QUIRKS_STORE) keeps reasoning from being lost."
    )
    fault = "Message 14 is the result of no call before it. "
    rejected = Rejection.of(MISSING, _draft(history=orphaned))

    assert f"{begun}{turns}{fault}The next request is changed. {ended}" == rejected.announce(ALL_REMEDIES)
    assert f"{begun}{turns}{fault}The settings allow no change. {ended}" == rejected.announce(frozenset())
    assert f"{begun}{turns}{fault}Nothing is left that may be changed. {ended}" == rejected.explain()
    assert (0, 2, 4, 6, 8, 10, 12) == rejected.turns
    with pytest.raises(NoRemedyLeft, match="nothing is left that may be changed") as caught:
        changed(rejected, [_draft(history=orphaned)])
    assert rejected is caught.value.rejected


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (HISTORY, "Lost: the reasoning of message 1. "),
        ([*HISTORY, TURN, RESULT], "Lost: the reasoning of messages 1, 5. "),
        ([USER, {**TURN, "reasoning": "tool call"}, RESULT], "Lost: the reasoning of message 1. "),
        (WITH_TEXT, ""),
    ],
)
@pytest.mark.parametrize("url", ["https://llm.example/v1", "https://openrouter.ai/api/v1"])
def test_which_turns(history: Any, expected: str, url: str) -> None:
    """Turns are named as they stand in the request, with a placeholder or without; where none is lost, none is."""
    told = Rejection.of(MISSING, _draft(history=history, url=url)).explain()

    assert f"earlier turns back. {expected}Nothing is left" in told


@pytest.mark.parametrize(
    ("kind", "step", "words"),
    [
        (MISSING, ROW, ["A changed request (with reasoning that had been found since) was rejected too", "a store"]),
        (OTHER, SPACE, ["(with a space on every turn)", "begin a new conversation"]),
        (FORBIDDEN, STRIP, ["(without any reasoning)", "takes no reasoning", "MIMO_QUIRKS_HOSTS"]),
        (SIGNATURE, OFF, ["(with thinking switched off)", "did not sign", "thinking blocks of other vendors"]),
    ],
)
def test_what_is_told_of_a_retry(kind: RejectionKind, step: Remedy, words: list[str]) -> None:
    """It says what had been changed, and what is left to the caller; a host without an address goes by its row."""
    first = Rejection.of(kind, _draft(url=None))
    told = Rejection.of(kind, _draft(step, url=None), first=first).explain()

    assert [] == [word for word in [*words, "rejected by relay: ", "This is not transient: "] if word not in told]


@given(
    history=histories,
    kind=st.sampled_from(RejectionKind),
    steps=st.lists(st.sampled_from(Remedy), min_size=2, max_size=2),
)
def test_no_text(history: list[Any], kind: RejectionKind, steps: list[Remedy]) -> None:
    """Neither what is told nor any repr holds a text of a message."""
    call = {"id": SECRET, "function": {"name": SECRET, "arguments": SECRET}}
    spiked = [{**message, "reasoning_content": SECRET, "content": SECRET, "tool_calls": [call]} for message in history]
    drafts = [_draft(step, [*spiked, {**RESULT, "tool_call_id": SECRET * 2}, USER]) for step in steps]
    first = Rejection.of(kind, drafts[0])
    second = Rejection.of(kind, drafts[1], first=first)
    told = [text for rejected in (first, second) for text in (rejected.announce(ALL_REMEDIES), rejected.explain())]

    assert [] == [text for text in [*told, repr(drafts), repr(second), repr(NoRemedyLeft(second))] if SECRET in text]


@pytest.mark.parametrize(
    ("contract", "history", "expected"),
    [
        (HostPolicy(), HISTORY, ROW),
        (HostPolicy(needs=1), HISTORY, SPACE),
        (HostPolicy(forbids=2), WITH_TEXT, STRIP),
        (HostPolicy(needs=1, needs_more=2), HISTORY, OFF),
        (HostPolicy(needs=1, needs_more=2), WITH_TEXT[:3], SPACE),  # has lost nothing
        (HostPolicy(needs=1, needs_more=2), [USER], SPACE),
    ],
)
def test_first(contract: HostPolicy, history: Any, expected: Remedy) -> None:
    """What was learned is where a request begins; but thinking stays on for a history that has lost nothing."""
    draft = first(contract, ALL_REMEDIES, lambda step: _draft(step, history))

    assert expected is draft.terms.step


def test_first_with_an_operator_s_placeholder() -> None:
    """Where the operator has fixed the placeholder, what is left is to switch thinking off; or nothing."""
    without_space = ALL_REMEDIES - {SPACE}

    assert OFF is first(HostPolicy(needs=2), without_space, _draft).terms.step
    assert ROW is first(HostPolicy(needs=1), without_space, _draft).terms.step
    assert ROW is first(HostPolicy(needs=2), without_space - {OFF}, _draft).terms.step


@pytest.mark.parametrize(
    ("url", "contract", "expected"),
    [
        ("https://llm.example/v1", HostPolicy(needs=1), STRIP),
        ("https://other.example/v1", HostPolicy(needs=1), SPACE),
        ("https://other.example/v1", HostPolicy(), STRIP),  # its own step would be the request that was rejected
    ],
)
def test_next_draft(url: str, contract: HostPolicy, expected: Remedy) -> None:
    """Another deployment is asked as it is known to want it, before what helps against the first one's rejection."""

    def build(step: Remedy) -> RequestPlan:
        return _draft(step, WITH_TEXT, url=url)

    rejected = Rejection.of(FORBIDDEN, _draft(ROW, WITH_TEXT))
    draft = choose_plan(rejected, build(ROW).terms, contract, ALL_REMEDIES, build)

    assert expected is draft.terms.step
    assert contract.step() is choose_plan(None, draft.terms, contract, ALL_REMEDIES, build).terms.step
    with pytest.raises(NoRemedyLeft):
        choose_plan(Rejection.of(MISSING, draft, first=rejected), draft.terms, contract, ALL_REMEDIES, build)
