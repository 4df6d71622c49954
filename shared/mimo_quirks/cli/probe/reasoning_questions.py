"""Questions about reasoning: where it comes, where it is wanted, what stands in for it, and whether it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from .asking import Answer, Ask, Call, Finding, Said, Talk
from .known import (
    LOOK_UP,
    TOOLS,
    Known,
    after_tools,
    after_words,
    field_of,
    is_no_verdict,
    issued_plain_turn,
    issued_tool_turn,
    made_call,
    off_switch,
    outcome,
    plain_turn,
    tool_turn,
)
from .speech import FORGED, ISSUED, JOINED, MISSING, Given, Results, Step, Turn, User

_OTHER_TEXT: Final = "I look it up."
_STAND_INS: Final = {"missing": MISSING, "null": None, '""': "", '" "': " ", "another text": _OTHER_TEXT}


EMISSIONS: Final = ("a question", "the same, streamed", "with a tool", "with a tool, streamed")
"""Four answers, each of which has reasoning where nothing loses it."""


def emitted(known: Known) -> Talk[list[Finding]]:
    """Where answers have reasoning, in which order, and in what form."""
    plain = yield from plain_turn(known)
    streamed = yield from plain_turn(known, stream=True)
    called = yield from tool_turn(known)
    called_in_stream = yield from tool_turn(known, stream=True)
    answers = (plain, streamed, called, called_in_stream)
    found = [_emission(known, sent, answer) for sent, answer in zip(EMISSIONS, answers, strict=True)]
    turn, live = called.said, called_in_stream.said
    if live is not None:
        order = " → ".join(live.order)
        found.append(known.finding("emitted", "order in a stream with calls", order or "nothing", order))
        found.append(
            known.finding(
                "emitted", "the stream's end", "there" if live.ended else "missing", live.ended, expected=True
            )
        )
    if turn is not None and turn.thoughts:
        found.append(known.finding("emitted", "blocks of reasoning", str(turn.blocks), turn.blocks))
        if known.speech.name == "messages":
            found.append(known.finding("emitted", "signatures of blocks", turn.signature, turn.signature))
    if turn is not None and live is not None and turn.calls and live.calls:
        ids = "sequential" if {call.id for call in turn.calls} & {call.id for call in live.calls} else "random"
        found.append(known.finding("emitted", "ids of calls, twice", ids, ids))
    return found


def _emission(known: Known, sent: str, answer: Answer) -> Finding:
    if answer.said is None:
        return known.finding("emitted", sent, f"status {answer.status}", None)
    names = ", ".join(answer.said.thoughts)
    counted = answer.said.usage.thought
    came = names or (f"none, though {counted} tokens of it were counted" if counted else "none")
    expected = None if known.quirks is None else names or known.fields[0]
    return known.finding("emitted", sent, came, names or "none", expected)


def tool_turns(known: Known) -> Talk[list[Finding]]:
    """What may stand on a tool turn while thinking is on."""
    said = yield from issued_tool_turn(known)
    field = yield from field_of(known)
    found = yield from _stood_in(known, "tool-turns", said, field)
    for sent, given in _forms(said):
        asked = known.ask(*after_tools(said, given), tools=TOOLS)
        found.append(known.passes("tool-turns", sent, asked, (yield asked)))
    return found


def _forms(said: Said) -> Iterator[tuple[str, Given]]:
    if said.blocks > 1:
        yield "its blocks joined to one", JOINED
    if said.signature == "present":
        yield "with another signature", FORGED


def plain_turns(known: Known) -> Talk[list[Finding]]:
    """What may stand on a plain turn while thinking is on."""
    said = yield from issued_plain_turn(known)
    field = yield from field_of(known)
    return (yield from _stood_in(known, "plain-turns", said, field))


def _stood_in(known: Known, question: str, said: Said, field: str) -> Talk[list[Finding]]:
    given = {"as it came": ISSUED} if said.thoughts else {}
    for sent, text in _STAND_INS.items():
        if sent != "null" or known.speech.name == "chat":  # elsewhere null is no text, by the wire's own schema
            given[sent] = text if isinstance(text, Given) else Given("text", {field: text})
    found = []
    for sent, one in given.items():
        asked = _replayed(known, said, one)
        found.append(known.passes(question, sent, asked, (yield asked), _expected(known, question, sent)))
    return found


def _replayed(known: Known, said: Said, given: Given, again: int = 0) -> Ask:
    if said.calls:
        return known.ask(*after_tools(said, given), tools=TOOLS, again=again)
    return known.ask(*after_words(said, given), again=again)


def _expected(known: Known, question: str, sent: str) -> bool | None:
    """Whether our row promises an answer to it: to real reasoning, and to what we put where it is lost."""
    quirks = known.quirks
    if quirks is None:
        return None
    if sent == "as it came":
        return not quirks.forbids
    is_padded = question == "tool-turns" or quirks.pads_every_turn
    lost = quirks.placeholder if is_padded else None
    return True if sent == ("missing" if lost is None else f'"{lost}"') else None


def thinking_off(known: Known) -> Talk[list[Finding]]:
    """Whether a history may have its reasoning, and may lack it, while thinking is off."""
    switch = yield from off_switch(known)
    if switch is None:
        return [known.finding("thinking-off", "all known switches", "no known switch turns thinking off", None)]
    quirks, found = known.quirks, []
    may_keep = None if quirks is None else not (quirks.forbids or quirks.forbids_when_off)
    for name, turn in (("tool turn", issued_tool_turn), ("plain turn", issued_plain_turn)):
        said = yield from turn(known)
        for sent, given, expected in (("with", ISSUED, may_keep), ("without", MISSING, None)):
            steps = after_tools(said, given) if said.calls else after_words(said, given)
            asked = known.ask(*steps, tools=TOOLS if said.calls else (), more=known.off(switch))
            answer = yield asked
            found.append(known.passes("thinking-off", f"{name} {sent} its reasoning", asked, answer, expected))
    return found


_ASKED: Final = User(
    "How warm is it in Beijing now? Use the tool once. Then answer with one word: which code word did you choose?"
)
_ASKED_LATER: Final = User("Which code word did you choose before? Answer with that word alone. If none, say none?")


def _thought(word: str) -> str:
    return f"I choose a code word for later: the code word is {word}. Now I answer."


def read_fields(known: Known) -> Talk[list[Finding]]:
    """Which of several places is read, and which of two wins: a word that only the reasoning held tells."""
    said, found = known.speech.made("", made_call()), []
    first, second = known.words
    for name in known.speech.places:
        asked, answer = yield from _word(known, said, {name: _thought(first)})
        expected = "used" if known.fields == (name,) else None
        found.append(_use(known, "fields", name, asked, answer, expected))
    if [finding.value for finding in found].count("used") > 1:
        names = [finding.sent for finding in found if finding.value == "used"][:2]
        texts: dict[str, str | None] = dict(zip(names, map(_thought, (first, second)), strict=True))
        asked, answer = yield from _word(known, said, texts)
        heard = answer.said.text if answer.said else ""
        winner = next((name for name, word in zip(names, known.words, strict=True) if word in heard), "neither")
        found.append(known.finding("fields", f"{names[0]} and {names[1]} differ", winner, winner))
    return found


def _word(known: Known, said: Said, texts: dict[str, str | None]) -> Talk[tuple[Ask, Answer]]:
    asked = known.ask(_ASKED, Turn(said, Given("text", texts)), Results(said.calls), tools=TOOLS)
    return asked, (yield asked)


def _use(  # noqa: PLR0913, PLR0917 - the columns of the report
    known: Known, question: str, sent: str, asked: Ask, answer: Answer, expected: str | None
) -> Finding:
    if answer.said is None:
        value = None if is_no_verdict(asked, answer) else "rejected"
        return known.finding(question, sent, outcome(asked, answer), value, expected, asked, answer)
    if known.words[0] in answer.said.text:
        return known.finding(question, sent, "the answer has the word", "used", expected)
    if answer.said.calls:
        return known.finding(question, sent, "it called the tool again", None, expected)
    return known.finding(question, sent, "the answer does not have the word", "not used", expected)


def used(known: Known) -> Talk[list[Finding]]:
    """Whether the model reads what we send: a word that only the reasoning held."""
    called, spoken = known.speech.made("", made_call()), known.speech.made("Yellow.", ())
    given = Given("text", dict.fromkeys(known.fields, _thought(known.words[0])))
    now: tuple[Step, ...] = (_ASKED, Turn(called, given), Results(called.calls))
    before: tuple[Step, ...] = (LOOK_UP, Turn(called, given), Results(called.calls))
    plain: tuple[Step, ...] = (User("What colour is a ripe lemon?"), Turn(spoken, given), _ASKED_LATER)
    expected = None if known.quirks is None or known.quirks.forbids else "used"
    found = []
    for sent, steps, wanted in (
        ("a tool turn of this round", now, expected),
        ("a tool turn of an earlier round", (*before, Turn(known.speech.made("Warm.", ())), _ASKED_LATER), None),
        ("a plain turn", plain, None),
    ):
        asked = known.ask(*steps, tools=TOOLS if steps is not plain else ())
        answer = yield asked
        found.append(_use(known, "used", sent, asked, answer, wanted))
        if steps is now and answer.said is not None and found[-1].value == "not used":
            found.append((yield from _counted(known, given, answer.said.usage.prompt)))
    return found


_LONGER: Final = " It is a long way to Beijing, and the weather there changes from one hour to the next." * 25
_LONGER_TOKENS: Final = 100
"""What the longer text has more of in any tokenizer."""


def _counted(known: Known, given: Given, prompt: int) -> Talk[Finding]:
    """Whether a longer thought makes a longer prompt: what is not counted was dropped before the model."""
    said = known.speech.made("", made_call())
    longer = Given("text", {name: f"{text}{_LONGER}" for name, text in given.texts.items()})
    answer = yield known.ask(_ASKED, Turn(said, longer), Results(said.calls), tools=TOOLS)
    usage = answer.said.usage.prompt if answer.said else 0
    if not prompt or not usage:
        return known.finding("used", "a much longer thought", "the host reports no token counts", None)
    is_counted = usage - prompt >= _LONGER_TOKENS
    came = f"{usage - prompt} more tokens in the prompt: {'it arrives' if is_counted else 'it does not arrive'}"
    return known.finding("used", "a much longer thought", came, "counted" if is_counted else "not counted")


def rewritten_ids(known: Known) -> Talk[list[Finding]]:
    """Whether calls may come back under other ids, with their reasoning and without."""
    said = yield from issued_tool_turn(known)
    others = tuple(Call(f"call_{place}", call.name, call.arguments) for place, call in enumerate(said.calls))
    found = []
    for sent, given in (("with reasoning", ISSUED), ("without reasoning", MISSING)):
        asked = known.ask(*after_tools(replace(said, calls=others), given), tools=TOOLS)
        found.append(known.passes("ids", f"other ids, {sent}", asked, (yield asked)))
    return found


def steady(known: Known) -> Talk[list[Finding]]:
    """Whether the same request is always answered in the same way."""
    said = yield from issued_tool_turn(known)
    found = []
    for sent, given, expected in (("as it came", ISSUED, "3 of 3"), ("missing", MISSING, None)):
        answered = 0
        for again in range(3):
            answer = yield _replayed(known, said, given, again)
            answered += answer.said is not None
        told = f"{answered} of 3"
        wanted = expected if known.quirks and not known.quirks.forbids and said.thoughts else None
        found.append(known.finding("steady", f"three times {sent}", f"{told} answered", told, wanted))
    return found
