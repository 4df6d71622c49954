"""What would be done to a request, and why: the answer to "does it work?" and to "it still fails".

The same exchange that the adapters drive plans the request; here it is only told. Nothing is sent, and nothing is
recorded; of a store that is asked, what is found lives on as after any other read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final, Literal

from .exchange import Conversation, Exchange
from .facts.hosts import HOSTS
from .facts.quirks import Quirks
from .facts.reasoning_fields import KEYS, NESTS, block_texts, is_reasoning_block, texts_of
from .history import words
from .history.found import Proof
from .history.pairing import unpaired_calls
from .history.provenance import is_foreign
from .history.replay import TurnReport
from .history.turns import Message, is_placeholder, is_turn, lift
from .history.words import Sent, printable
from .memory import ReasoningMemory
from .rejections.evidence import AttemptSettings, Remedy
from .rejections.ladder import LOST, RequestPlan
from .rejections.unrecognised import setting_for
from .request.thinking import asked_to_think, is_thinking
from .sealing.sealed_reasoning import SealedReasoning
from .settings import Settings
from .wires import CHAT, MESSAGES, RESPONSES, WIRES, Wire

StoreAnswer = Literal["asked", "off", "none", "unscoped", "failed", "not needed"]
"""Whether the store was asked, and where it was not, why."""


@dataclass(frozen=True, slots=True)
class ExplainedMessage:
    """One assistant message. Its repr leaves the reasoning out.

    Attributes:
        index: Its index in the history; of several items of the responses wire, the first.
        last: The index of the last of them.
        there: What was found there, in words.
        sent: What would be sent.
        proof: What shows that found reasoning is this message's.
        why: The reason, in words.
        is_lost: Whether it would go out without its reasoning.
        reasoning: The text that would be sent; None where there is none.
    """

    index: int
    last: int
    there: str
    sent: Sent
    proof: Proof | None
    why: str
    is_lost: bool
    reasoning: str | None = field(repr=False)

    @property
    def place(self) -> str:
        """Its index, or those of its items, as people read it."""
        return str(self.index) if self.index == self.last else f"{self.index}-{self.last}"

    @property
    def done(self) -> str:
        """What would be sent, and for found reasoning how it was found."""
        return words.done(self.sent, self.proof)

    def reasoning_lines(self) -> list[str]:
        """The reasoning that would be sent, as lines for people."""
        return [f"     | {printable(line)}" for line in (self.reasoning or "").splitlines()]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would be done to a request; it holds no text but `ExplainedMessage.reasoning`.

    Attributes:
        model: The model's id.
        family: The family that it was recognised as; None where it is not ours, and then nothing is done.
        wire: `chat`, `messages` or `responses`.
        thinking: Whether the model is asked to think.
        address: The host that the request goes to; empty where that is not known.
        host: The name of the host's row.
        source: Where the row comes from.
        rules: What the row says, a sentence each.
        store: Whether the store was asked.
        messages: The assistant messages, in order.
        faults: What is wrong with the structure of the history, a sentence each.
        notes: What else is to be known, a sentence each.
        unreadable: Why the history cannot be read, and would be sent unchanged; None where it can.
    """

    model: str
    family: str | None
    wire: str
    thinking: bool
    address: str = ""
    host: str = ""
    source: str = ""
    rules: tuple[str, ...] = ()
    store: StoreAnswer = "not needed"
    messages: tuple[ExplainedMessage, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unreadable: str | None = None

    @property
    def lost(self) -> tuple[int, ...]:
        """Indices of the messages that would go out without their reasoning."""
        return tuple(message.index for message in self.messages if message.is_lost)

    @property
    def is_well(self) -> bool:
        """Whether no reasoning is lost, and the history can be read."""
        return not self.lost and self.unreadable is None

    def head(self) -> list[str]:
        """The lines before the messages."""
        thinks = "on" if self.thinking else "off"
        if self.family is None:
            return [f"model  {printable(self.model)}: not recognised, {self.wire} wire"]
        return [
            f"model  {printable(self.model)}: family {self.family}, {self.wire} wire, thinking {thinks}",
            f"host   {printable(self.address or 'not given')}: row {self.host}, source: {self.source}",
            *(f"       {rule}" for rule in self.rules),
            f"store  {_STORE[self.store]}",
        ]

    def tail(self) -> list[str]:
        """The lines after the messages: the sum, what is wrong, and what else is to be known."""
        unreadable = [f"the history cannot be read: {self.unreadable}; it would be sent unchanged"]
        faults = [f"malformed history: {fault}" for fault in self.faults]
        notes = [f"note: {note}" for note in self.notes]
        return [*(unreadable if self.unreadable else [self._sum()]), *faults, *notes]

    def lines(self, *, show_reasoning: bool = False) -> list[str]:
        """The whole as lines of text, one for each assistant message.

        Args:
            show_reasoning: Has the reasoning that would be sent follow each line.
        """
        widths = [
            max([len(cell) for cell in column], default=0) for column in zip(*map(_cells, self.messages), strict=True)
        ]
        told = []
        for message in self.messages:
            *cells, why = _cells(message)
            told.append("  ".join([*map(str.ljust, cells, widths), why]))
            told += message.reasoning_lines() if show_reasoning else []
        return [*self.head(), "", *told, *([""] if told else []), *self.tail()]

    def to_dict(self, *, show_reasoning: bool = False) -> dict[str, Any]:
        """The whole as JSON has it.

        Args:
            show_reasoning: Adds the reasoning that would be sent.
        """
        told = asdict(self)
        for message in told["messages"]:
            if not show_reasoning:
                del message["reasoning"]
        return {**told, "lost": list(self.lost)}

    def _sum(self) -> str:
        counts: dict[str, int] = {}
        for message in self.messages:
            counts[message.done] = counts.get(message.done, 0) + 1
        number = len(self.messages)
        told = ", ".join(f"{count} {done}" for done, count in counts.items()) or "nothing to do"
        lost = f"; {len(self.lost)} lost {'its' if len(self.lost) == 1 else 'their'} reasoning" if self.lost else ""
        return f"{number} assistant message{'' if number == 1 else 's'}: {told}{lost}"


def explain(  # noqa: PLR0913 - a deployment takes several words to name
    request: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    model: str | None = None,
    base_url: str | None = None,
    provider: str | None = None,
    wire: str | None = None,
    scope: str | None = None,
    settings: Settings | None = None,
    memory: ReasoningMemory | None = None,
) -> Explanation:
    """Tells what would be done to each assistant message of a request, and why.

    Args:
        request: A request's body, or its list of messages or items. The whole body finds more: the system prompt and
            the tools tell two agents with the same beginning apart.
        model: The model's id; the request's own by default.
        base_url: Where the request goes.
        provider: LiteLLM's provider prefix, such as `hosted_vllm`.
        wire: `chat`, `messages` or `responses`; told by the request's form by default.
        scope: Whose memory it is, as the adapter says it; the settings' by default. ChatMiMo and `MIMO_QUIRKS_SCOPE`
            take the scope itself; LiteLLM's SDK has `application:NAME` for `metadata.mimo_scope`; its proxy has
            `key:HASH`, `key:litellm_proxy_master_key`, `user:ID`, `team:ID`, or
            `proxy` where its clients share one scope.
        settings: The operator's settings; read from the environment by default.
        memory: Where to look; by default the store of the settings, which is opened and closed.

    Raises:
        ValueError: It is no request, or something must be given besides; the message says what.
        SettingsError: A setting cannot be used.
        ImportError: The store or a secret needs an extra; the message tells how to install it.
    """
    settings = settings or Settings.from_env()
    chosen, body = _read(request, wire, base_url)
    model = model or body.get("model")
    if not isinstance(model, str) or not model:
        raise ValueError("the request names no model: give its id (--model, or model=...)")
    quirks = settings.quirks_for(model, base_url, provider, wire=chosen.name)
    conversation = Conversation.of(body, chosen, model)
    if quirks is None:
        return _not_ours(conversation)
    asked = asked_to_think(body) if "thinking" in settings.fix else None
    attempt = AttemptSettings(quirks, is_thinking(body, quirks) if asked is None else asked)
    store = settings.open_store() if memory is None else None
    known = ReasoningMemory(store, settings) if memory is None else memory
    try:
        planned = _planned(conversation, attempt, _Asked(scope, settings, known, memory is not None))
    finally:
        if store is not None:
            store.close()
    return _told(conversation, planned, is_list=body is not request)


@dataclass(frozen=True, slots=True)
class _Planned:
    """The request as it would be sent, and the history with sealed reasoning decrypted."""

    plan: RequestPlan
    messages: Sequence[Message]
    store: StoreAnswer


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose memory is asked for, and where."""

    owner: str | None
    settings: Settings
    memory: ReasoningMemory
    is_given: bool


def _planned(conversation: Conversation, attempt: AttemptSettings, asked: _Asked) -> _Planned:
    settings, memory = asked.settings, asked.memory
    sealed = SealedReasoning(
        settings.secret, max_bytes=settings.sealed_max_bytes, ttl_seconds=settings.sealed_ttl_seconds
    )
    carried = settings.scope_of(asked.owner, attempt.quirks, shared=True)
    conversation = conversation.opened(partial(sealed.open, scope=carried))
    scope = settings.scope_of(asked.owner, attempt.quirks, shared=memory.is_shared)
    exchange = Exchange(settings.allowed_remedies)
    exchange.begin(conversation, attempt, scope, end_user=_end_user(conversation.request))
    lookup, failed = exchange.lookup(), memory.counts["read_failed"]
    found = memory.read(lookup)
    answer: StoreAnswer = "asked"
    if memory.is_off:
        answer = "off"
    elif not (memory.is_shared or asked.is_given):
        answer = "none"
    elif scope is None:
        answer = "unscoped"
    elif memory.counts["read_failed"] > failed:
        answer = "failed"
    elif lookup.turns is None:
        answer = "not needed"
    return _Planned(exchange.plan(found), conversation.messages, answer)


def _told(conversation: Conversation, planned: _Planned, *, is_list: bool) -> Explanation:
    plan, attempt = planned.plan, planned.plan.attempt
    quirks, thinking = attempt.effective
    row = next(host for host in HOSTS if host.name == quirks.host)
    places = _places(conversation)
    turns = tuple(_message(turn, places[turn.index], conversation, planned, quirks) for turn in plan.report.turns)
    return Explanation(
        conversation.model,
        quirks.family,
        conversation.wire.name,
        thinking,
        address=quirks.address,
        host=row.name,
        source=f"{row.source} ({row.date})",
        rules=tuple(_rules(quirks)),
        store=planned.store,
        messages=turns,
        faults=unpaired_calls(plan.sent, [place[0] for place in places]),
        notes=tuple(_notes(attempt, planned.store, is_list=is_list, loses=any(turn.is_lost for turn in turns))),
        unreadable=plan.report.unreadable,
    )


def _message(
    turn: TurnReport, place: tuple[int, ...], conversation: Conversation, planned: _Planned, quirks: Quirks
) -> ExplainedMessage:
    given, known, sent = (
        messages[turn.index] for messages in (conversation.messages, planned.messages, planned.plan.sent)
    )
    return ExplainedMessage(
        place[0],
        place[-1],
        _there(known, conversation.wire, quirks.family, is_signed=known is not given),
        words.sent(turn),
        turn.proof,
        words.why(turn, quirks, _LOST_BECAUSE[planned.store]),
        turn.action in LOST,
        lift(sent)[0],
    )


def _not_ours(conversation: Conversation) -> Explanation:
    """The explanation of a request that nothing is done to."""
    places, messages = _places(conversation), conversation.messages
    why = "the model is not recognised"
    turns = tuple(
        ExplainedMessage(
            index=places[at][0],
            last=places[at][-1],
            there=_there(message, conversation.wire, None),
            sent="left",
            proof=None,
            why=why,
            is_lost=False,
            reasoning=lift(message)[0],
        )
        for at, message in enumerate(messages)
        if is_turn(message)
    )
    name = printable(conversation.model)
    notes = (
        f"{name} is left alone: neither its name nor the host tells that it is MiMo's",
        f"if it is, set {setting_for(name)}",
    )
    faults = unpaired_calls(messages, [place[0] for place in places])
    return Explanation(
        conversation.model,
        family=None,
        wire=conversation.wire.name,
        thinking=False,
        messages=turns,
        faults=faults,
        notes=notes,
    )


def _read(request: Any, wire: str | None, base_url: str | None) -> tuple[Wire, Mapping[str, Any]]:
    """The wire of a request, and its body; of a list of messages one that has nothing else."""
    if wire is not None and wire not in WIRES:
        raise ValueError(f"{wire!r} is not a wire; known: {', '.join(WIRES)}")
    if isinstance(request, list | tuple):
        chosen = WIRES[wire] if wire else RESPONSES if any(map(_is_item, request)) else _wire_of(request, base_url)
        return chosen, {chosen.history: request}
    if not isinstance(request, Mapping):
        raise ValueError(f"a request body or a list of messages is needed, not {_KINDS.get(type(request), 'this')}")  # noqa: TRY004 - it is a value that somebody wrote down
    if wire:
        chosen = WIRES[wire]
    elif "messages" not in request and "input" in request:
        chosen = RESPONSES
    else:
        chosen = MESSAGES if "system" in request else _wire_of(request.get("messages"), base_url)
    if chosen.history not in request:
        raise ValueError(f"the request has no {chosen.history!r}: give the body of a request, or its list of messages")
    return chosen, request


_KINDS: Final[Mapping[type, str]] = {
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}
_ITEMS: Final = frozenset(
    {"reasoning", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"}
)
_BLOCKS: Final = frozenset({"tool_use", "tool_result", "thinking", "redacted_thinking"})


def _wire_of(history: Any, base_url: str | None) -> Wire:
    """The wire of messages: the chat wire's have calls and results of their own, the other's have blocks of them."""
    messages = [one for one in history if isinstance(one, Mapping)] if isinstance(history, list | tuple) else []
    if any(message.get("role") == "tool" or "tool_calls" in message for message in messages):
        return CHAT
    path = (base_url or "").rstrip("/")
    return MESSAGES if path.endswith(("/anthropic", "/messages")) or any(map(_has_blocks, messages)) else CHAT


def _is_item(item: Any) -> bool:
    return isinstance(item, Mapping) and "role" not in item and item.get("type") in _ITEMS


def _has_blocks(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    blocks = content if isinstance(content, list | tuple) else ()
    return any(isinstance(block, Mapping) and block.get("type") in _BLOCKS for block in blocks)


def _places(conversation: Conversation) -> list[tuple[int, ...]]:
    """For each message of the view, where it stands in the wire's own history."""
    return [place or (0,) for place in conversation.view.places] if conversation.view else []


def _end_user(request: Mapping[str, Any]) -> str | None:
    """Whom a request names as its end user."""
    metadata = request.get("metadata")
    named = (request.get("user"), metadata.get("user_id") if isinstance(metadata, Mapping) else None)
    return next((name for name in named if isinstance(name, str) and name), None)


def _there(message: Message, wire: Wire, family: str | None, *, is_signed: bool = False) -> str:
    """What a message carries, in words and without its text."""
    text = lift(message)[0]
    other = " of another vendor" if family is not None and is_foreign(message, family) else ""
    signed = " signed by mimo-quirks" if is_signed else ""
    if text is None:
        return (
            f"encrypted reasoning{other}"
            if other
            else f"reasoning{signed} that cannot be decrypted (other secret or scope, or too old)"
            if signed
            else "nothing"
        )
    name = next((name for name, spelled in _spellings(message, wire) if spelled == text), "<think> in the content")
    if is_placeholder(text):
        return f"{name}: {'a placeholder' if text.strip() else 'blank'}"
    return f"{name}{signed}{other}, {len(text)} character{'' if len(text) == 1 else 's'}"


def _spellings(message: Message, wire: Wire) -> Iterator[tuple[str, str]]:
    """Each name that a message has its reasoning under, and the text under it."""
    for nest in ("", *NESTS):
        holder: Any = message.get(nest) if nest else message
        for key in KEYS if isinstance(holder, Mapping) else ():
            texts = texts_of(holder.get(key))
            if texts:
                yield words.OWN_NAMES.get(wire.name) or (f"{nest}.{key}" if nest else key), "".join(texts)
    content = message.get("content")
    blocks = [block for block in content if is_reasoning_block(block)] if isinstance(content, list | tuple) else []
    yield "thinking block", "".join([text for block in blocks for text in block_texts(block)])


_LOST_BECAUSE: Final[Mapping[StoreAnswer, str]] = {
    "asked": "lost: no entry is proven to be this message's reasoning",
    "off": "lost: the store is off",
    "none": "lost: memory:// is per process; pass --store",
    "unscoped": "lost: the store was not asked; pass --scope",
    "failed": "lost: the store could not be read",
    "not needed": "lost",
}
_STORE: Final[Mapping[StoreAnswer, str]] = {
    "asked": "asked",
    "off": "off",
    "none": "none: memory:// is per process; pass --store",
    "unscoped": "not asked: no scope; pass --scope or set MIMO_QUIRKS_SCOPE",
    "failed": "could not be read",
    "not needed": "not asked: no message needs it",
}


def _rules(quirks: Quirks) -> Iterator[str]:
    """What a row says, a sentence each."""
    if quirks.forbids:
        yield "reasoning is taken off every assistant message"
    else:
        yield f"wants reasoning back as {words.fields(quirks)}"
        where = "on every assistant message" if quirks.pads_every_turn else "on messages with tool calls"
        placeholder = "none" if quirks.placeholder is None else f'"{quirks.placeholder}" ({where})'
        yield f"placeholder for lost reasoning: {placeholder}"
    told = (
        (quirks.forbids_when_off, "rejects reasoning while thinking is off"),
        (not quirks.thinks_by_default, "thinks only where the request asks for it"),
        (not quirks.forces_tools, "ignores every tool_choice but auto"),
        (not quirks.takes_n, "gives one choice for each request"),
    )
    yield from (rule for applies, rule in told if applies)


def _notes(attempt: AttemptSettings, store: StoreAnswer, *, is_list: bool, loses: bool) -> Iterator[str]:
    if attempt.remedy is not Remedy.NONE or attempt.field:
        yield "this differs from the host's row, because the host rejected requests lately"
    if is_list and loses and store == "asked":
        yield "a list of messages has no tools, and no system prompt of its own: the whole request body may find more"


def _cells(message: ExplainedMessage) -> tuple[str, str, str, str]:
    return message.place.rjust(3), message.there, message.done, message.why
