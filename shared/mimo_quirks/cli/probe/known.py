"""What every question knows: whom it asks, what our row says, and the requests that several questions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mimo_quirks import Settings, thinking_parameters
from mimo_quirks.facts.families import FAMILY_NAMES, family_of
from mimo_quirks.facts.hosts import HOSTS, RELAY, Host, Switch, authority, host_name
from mimo_quirks.facts.quirks import Quirks

from .asking import Answer, Ask, Call, Finding, Said, Talk, Value, words_of
from .speech import ISSUED, Given, Results, Speech, Step, Turn, User

PLAIN: Final = User("What colour is a ripe lemon? Answer in one word.")
LOOK_UP: Final = User("How warm is it in Beijing now? Use the tool.")
FOLLOW_UP: Final = User("And a ripe lime? Answer in one word.")
TOOLS: Final = ("weather",)
_MADE_CALL: Final = Call("call_3f9c1a7be2d04856", "weather", '{"city": "Beijing"}')
_EFFORT: Final = Switch(("reasoning_effort",), on="high", off="none")
_KINDS: Final = {
    "missing": "it wants reasoning",
    "other family": "it wants reasoning, in the words of another vendor",
    "forbidden": "it forbids reasoning",
    "foreign signature": "it checks signatures",
}


@dataclass(frozen=True, slots=True)
class Known:
    """One deployment on one wire.

    Attributes:
        speech: The wire.
        model: The model's id.
        quirks: What our rows say; None where the operator said that the host is none of ours.
        row: The host's row, as it is known or as the operator wrote it.
        words: Two words that nobody can guess.
    """

    speech: Speech
    model: str
    quirks: Quirks | None
    row: Host
    words: tuple[str, str]

    @property
    def fields(self) -> tuple[str, ...]:
        """Where our row puts reasoning."""
        if self.speech.name == "chat" and self.quirks is not None:
            return self.quirks.dialect.fields
        return self.speech.places[:1]

    @property
    def switches(self) -> tuple[Switch, ...]:
        """Every spelling of the thinking switch that one host or another has on this wire, our row's first."""
        ours = self.quirks.dialect.switches if self.quirks else ()
        others = (switch for host in HOSTS for switch in host.dialect.switches) if self.speech.name == "chat" else ()
        effort = (_EFFORT,) if self.speech.name == "chat" else ()
        return tuple(dict.fromkeys((*ours, *others, *effort)))

    def ask(
        self,
        *steps: Step,
        tools: Sequence[str] = (),
        stream: bool = False,
        again: int = 0,
        key_header: str = "authorization",
        more: Mapping[str, Any] | None = None,
    ) -> Ask:
        """A request with thinking on, unless `more` says otherwise."""
        on: Mapping[str, Any] = {}
        if self.quirks is not None and not self.quirks.thinks_by_default:
            on = thinking_parameters(True, self.quirks.dialect)  # noqa: FBT003 - the switch itself
        body = {**self.speech.body(self.model, steps, tools, stream), **on, **(more or {})}
        return Ask(self.speech.name, body, again, key_header)

    def off(self, switch: Switch) -> dict[str, Any]:
        """The parameters that switch thinking off in this spelling."""
        return thinking_parameters(False, replace(self.row.dialect, switches=(switch,)))  # noqa: FBT003 - as above

    def finding(  # noqa: PLR0913, PLR0917 - the columns of the report
        self,
        question: str,
        sent: str,
        came: str,
        value: Value,
        expected: Value = None,
        asked: Ask | None = None,
        answer: Answer | None = None,
    ) -> Finding:
        """A row of the report; with the error of the answer, if it is one."""
        if asked is None or answer is None or answer.said is not None:
            return Finding(self.speech.name, question, sent, came, value, expected)
        kind, says = asked.kind_of(answer), words_of(answer, asked.body)
        return Finding(self.speech.name, question, sent, came, value, expected, kind, says)

    def passes(self, question: str, sent: str, asked: Ask, answer: Answer, expected: Value = None) -> Finding:
        """Whether a request was answered; what fails in the server tells nothing."""
        value = answer.said is not None
        told = None if not value and is_no_verdict(asked, answer) else value
        return self.finding(question, sent, outcome(asked, answer), told, expected, asked, answer)


def known_at(settings: Settings, speech: Speech, model: str, base_url: str, words: tuple[str, str]) -> Known:
    """What our rows and the settings say of a deployment; an id that tells nothing is taken for MiMo's."""
    family = family_of(model) or FAMILY_NAMES[0]
    of_all = settings.model_copy(update={"families": FAMILY_NAMES})
    quirks = of_all.quirks_for(model, base_url, family=family, wire=speech.name)
    written = [settings.hosts.get(str(name)) for name in (authority(base_url), host_name(base_url))]
    own = next((row for row in written if isinstance(row, Host)), None)
    named = (row for row in HOSTS if quirks is not None and row.name == quirks.host)
    return Known(speech, model, quirks, own or next(named, RELAY), words)


def outcome(asked: Ask, answer: Answer) -> str:
    """What came of a request, in words."""
    if answer.said is not None:
        return "answered"
    status = str(answer.status) if answer.place in ("status", "data: and status") else f"an error as {answer.place}"
    kind = asked.kind_of(answer)
    return f"{status}: {_KINDS[kind]}" if kind else f"{status}, not about reasoning"


_SERVER_ERRORS: Final = 500


def is_no_verdict(asked: Ask, answer: Answer) -> bool:
    """Whether an error says nothing about the request."""
    return answer.status >= _SERVER_ERRORS and asked.kind_of(answer) is None


def plain_turn(known: Known, *, stream: bool = False) -> Talk[Answer]:
    """The first request of all: a question without tools."""
    return (yield known.ask(PLAIN, stream=stream))


def tool_turn(known: Known, *, stream: bool = False) -> Talk[Answer]:
    """A question that wants a tool."""
    return (yield known.ask(LOOK_UP, tools=TOOLS, stream=stream))


def issued_tool_turn(known: Known) -> Talk[Said]:
    """A tool turn of this host, or where it called nothing, one that nobody issued."""
    answer = yield from tool_turn(known)
    said = answer.said
    return said if said is not None and said.calls else known.speech.made("", (_MADE_CALL,))


def issued_plain_turn(known: Known) -> Talk[Said]:
    """A plain turn of this host, or where it said nothing, one that nobody issued."""
    said = (yield from plain_turn(known)).said
    return said if said is not None and said.text else known.speech.made("Yellow.", ())


def field_of(known: Known) -> Talk[str]:
    """Where this host has its reasoning as plain text; what our row says where it has none."""
    said = (yield from plain_turn(known)).said
    names = [name for name in known.speech.places if name in (said.thoughts if said else ()) and name != "summary"]
    return next((name for name in names if name != "reasoning_details"), known.fields[0])


def off_switch(known: Known) -> Talk[Switch | None]:
    """The first spelling that switches thinking off here, if one does."""
    for switch in known.switches:
        answer = yield known.ask(PLAIN, more=known.off(switch))
        if answer.said is not None and not answer.said.is_thought:
            return switch
    return None


def after_tools(said: Said, given: Given = ISSUED, content: Any = "") -> tuple[Step, ...]:
    """A history that ends with what the tools gave."""
    return (LOOK_UP, Turn(said, given, content), Results(said.calls))


def after_words(said: Said, given: Given = ISSUED) -> tuple[Step, ...]:
    """A history with a plain turn, and a second question."""
    return (PLAIN, Turn(said, given), FOLLOW_UP)


def made_call() -> tuple[Call, ...]:
    """A call whose id no host made."""
    return (_MADE_CALL,)
