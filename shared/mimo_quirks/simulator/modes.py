"""How the simulated host behaves: a difference between hosts, or readings of the contract, is a field here.

Public reports contradict one another (EVIDENCE §14), and a client has to live with every reading. So
nothing is decided in code: a mode says which world this is. A new difference is a new field with a default
that changes nothing.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from mimo_quirks.simulator.records import WireName
from mimo_quirks.simulator.spellings import SPELLINGS, SpellingName
from mimo_quirks.simulator.wordings import WORDINGS

Accepts: TypeAlias = Literal["present", "non-empty", "non-blank", "exact", "off"]
Forbids: TypeAlias = Literal["never", "when-off", "always"]
Ids: TypeAlias = Literal["unique", "repeating"]
Answers: TypeAlias = Literal["unique", "identical"]
Signatures: TypeAlias = Literal["absent", "empty", "issued", "checked"]
Reads: TypeAlias = Literal["untold", "used", "round", "dropped"]

_FLAGS = (
    "every_turn",
    "string_content",
    "data_prefixed_errors",
    "first_frame_errors",
    "second_frame_errors",
    "split_utf8",
    "late_reasoning",
    "keeps_order",
    "x_api_key",
    "strict_elsewhere",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One world to test against.

    Attributes:
        accepts: What passes as reasoning on a replayed turn while thinking is on. `present`: any string
            (EVIDENCE §4.3, the best supported reading for Xiaomi). `non-empty`: DeepSeek V4 Pro's reading
            (hermes#17341). `non-blank`: not white space only. `exact`: stricter than any known host, it
            demands of every turn this server issued the text it was issued with; the guarantee of this
            project in one word. `off`: never rejects, still judges (EVIDENCE §4.4: a 200 on
            2026-06-01; and self-hosted engines, §3.5).
        spelling: The row of `SPELLINGS` that this host speaks on the chat wire.
        wires: The wires that this host serves; the others are answered with 404, as an upstream that has no such
            endpoint does.
        forbids: When reasoning is an error wherever the wire has it, and then none is asked for. `never`. `when-off`:
            while thinking is off (EVIDENCE §3.7; the gateways of oh-my-pi#1485). `always`: strict hosts (§5.2, F10).
        every_turn: The rule asks plain turns for their reasoning too (EVIDENCE §4.2; OmniRoute#4639,
            openclaw#82387).
        enforces_every: Of the requests that break the rule, only each so-many-th is rejected; the others are lucky
            (EVIDENCE §4.4).
        rejects_every: Of the requests that keep the rule, each so-many-th is rejected all the same, so that the same
            body may pass when it is sent again (EVIDENCE §4.4; qwen-code#4223); 0 is none. One without a turn that
            the rule asks about is not counted here, as nothing could be missing from it.
        then: After how many requests this host is another, and which: the rule changed (EVIDENCE §4.4).
            Requests count that the rule was asked about: those with a key that the wire could read.
        rejection: The row of `WORDINGS` that a request is rejected with that lacks reasoning; rows of EVIDENCE §5.3 are
            there to be answered to it and not to be taken for a rejection.
        rejection_status: The status of such a rejection in place of the row's own, as relays reword it to 500 and 502
            (EVIDENCE §5.4).
        string_content: The older gateway's demand for string contents (EVIDENCE §5.3, §9; MiMo-V2-Flash#8,
            XiaomiMiMo/MiMo#44).
        data_prefixed_errors: A 400 on a stream request begins with `data:` (EVIDENCE §5.1, E2; 9router#1210).
        first_frame_errors: Any error on a stream request is the first event of a 200, in the wire's own form
            (EVIDENCE §7.1).
        second_frame_errors: It is the second, after the one that opens a stream and says nothing.
        cut_after: The connection is closed after so many events of a stream that has more, without the end of its
            body (EVIDENCE §7.1).
        split_utf8: Events leave in pieces that end inside multi-byte characters, as TCP may always do.
        tool_rounds: Tool turns after each user message before the final answer, when tools are advertised.
        parallel_calls: Calls in one tool turn (EVIDENCE §7.3: up to 120 were seen).
        ids: `unique`: every call's id is a token that nobody can guess. `repeating`: it is the call's name and its
            ordinal in the history, `read_file:0`, the same in every conversation (EVIDENCE §12.2; Kimi's form).
        answers: `unique`: the text of a plain turn holds such a token. `identical`: it is always the same, so
            that texts tell nothing.
        conversation: Name of a parameter of the request, as `seed` or `user`, that tells the judge, and nobody
            else, which conversation a request belongs to; dots go deeper, as in `metadata.user_id`. Turns are then
            recognised as `alignment` says, within that conversation. A request without it is judged
            as if the mode named none.
        late_reasoning: A part of the reasoning follows each tool call (EVIDENCE §7.1), on the chat wire on streams
            only; a turn's reasoning is all of it in the order of arrival.
        thinking_blocks: In how many blocks or items a turn's reasoning comes, at least, on the messages and the
            responses wire: dealt out before what is said and before each call (EVIDENCE §12.1).
        keeps_order: Rejects a turn that has all its reasoning, though in other blocks than it was issued in or at
            another place among its texts and calls (EVIDENCE §12.1); stricter than any known host. See
            `Exchange.kept`.
        signatures: What a thinking block of the messages wire has as its signature (EVIDENCE §4.7). `absent`: no
            such key. `empty`: the empty string. `issued`: a token. `checked`: a token, and a block that comes back
            with another is rejected as Claude's host does (EVIDENCE §5.2, F9); absence and emptiness pass.
        x_api_key: The messages wire opens to `x-api-key` too, as Anthropic's SDK sends it; some hosts take
            only the documented headers (EVIDENCE §3.10).
        strict_elsewhere: The chat wire takes reasoning on assistant messages, and rejects the field on any other
            message and among the members of a request, in the words of F10.
        quotes: The chat wire answers a request with an error of its own, which quotes the last user message, if that
            message holds this text: validators and filters repeat what a client wrote.
        reasoning: What the model makes of the reasoning that came back; it shows where the last user message asks for a
            secret word or a code word: see `recollection`. `untold`: its answers do not tell. `used`: it knows the
            word that the reasoning held. `round`: of the turns behind the last user message it does, as templates do
            that leave older thoughts out. `dropped`: it knows of no word, as all reasoning was thrown away without an
            error (EVIDENCE §3.5), which is not billed then.
    """

    accepts: Accepts = "present"
    spelling: SpellingName = "reasoning_content"
    forbids: Forbids = "never"
    every_turn: bool = False
    enforces_every: int = 1
    rejects_every: int = 0
    then: "tuple[int, Mode] | None" = None
    rejection: str = "E1"
    rejection_status: int | None = None
    string_content: bool = False
    data_prefixed_errors: bool = True
    first_frame_errors: bool = False
    second_frame_errors: bool = False
    cut_after: int | None = None
    split_utf8: bool = False
    tool_rounds: int = 1
    parallel_calls: int = 1
    ids: Ids = "unique"
    answers: Answers = "unique"
    conversation: str | None = None
    late_reasoning: bool = False
    wires: tuple[WireName, ...] = get_args(WireName)
    thinking_blocks: int = 1
    keeps_order: bool = False
    signatures: Signatures = "absent"
    x_api_key: bool = True
    strict_elsewhere: bool = False
    quotes: str | None = None
    reasoning: Reads = "untold"

    def __post_init__(self) -> None:
        """Reject a world that does not exist, naming the field."""
        _one_of("accepts", self.accepts, get_args(Accepts))
        _one_of("spelling", self.spelling, tuple(SPELLINGS))
        _one_of("forbids", self.forbids, get_args(Forbids))
        _one_of("rejection", self.rejection, tuple(WORDINGS))
        _one_of("ids", self.ids, get_args(Ids))
        _one_of("answers", self.answers, get_args(Answers))
        _one_of("signatures", self.signatures, get_args(Signatures))
        _one_of("reasoning", self.reasoning, get_args(Reads))
        for flag in _FLAGS:
            _one_of(flag, getattr(self, flag), (True, False))
        _some_of("wires", self.wires, get_args(WireName))
        _follows("then", self.then)
        _at_least("enforces_every", self.enforces_every, 1)
        _at_least("rejects_every", self.rejects_every, 0)
        if self.rejection_status is not None and self.rejection_status not in range(400, 600):
            raise ValueError(f"rejection_status: {self.rejection_status!r} must be from 400 to 599")
        if self.cut_after is not None:
            _at_least("cut_after", self.cut_after, 0)
        _at_least("thinking_blocks", self.thinking_blocks, 1)
        _at_least("tool_rounds", self.tool_rounds, 0)
        _at_least("parallel_calls", self.parallel_calls, 1)
        _name_or_none("conversation", self.conversation)
        _name_or_none("quotes", self.quotes)


def _one_of(field: str, value: object, allowed: tuple[object, ...]) -> None:
    if not any(type(value) is type(option) and value == option for option in allowed):
        raise ValueError(f"{field}: {_shown(value)} must be one of {', '.join(map(_shown, allowed))}")


def _shown(value: object) -> str:
    """A value as it is written on the command line."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _some_of(field: str, values: object, allowed: tuple[object, ...]) -> None:
    if not isinstance(values, tuple) or not values:
        raise ValueError(f"{field}: {values!r} must be a non-empty tuple of: {', '.join(map(repr, allowed))}")
    for value in values:
        _one_of(field, value, allowed)


def _at_least(field: str, value: object, floor: int) -> None:
    if type(value) is not int or value < floor:
        raise ValueError(f"{field}: {value!r} must be a whole number of at least {floor}")


def _follows(field: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[1], Mode):  # noqa: PLR2004 - a pair
        raise ValueError(f"{field}: must be a number of requests and a Mode; as a command write then=N FIELD=VALUE ...")
    _at_least(field, value[0], 1)


def _name_or_none(field: str, value: object) -> None:
    if value is not None and not (isinstance(value, str) and value):
        raise ValueError(f"{field}: {value!r} must be the name of a parameter")
