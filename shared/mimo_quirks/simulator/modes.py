"""How the simulated host behaves: a difference between hosts, or readings of the contract, is a field here.

Public reports contradict one another (contract §12), and a client has to live with every reading. So
nothing is decided in code: a mode says which world this is. A new difference is a new field with a default
that changes nothing.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from mimo_quirks.simulator.spellings import SPELLINGS, SpellingName

Accepts: TypeAlias = Literal["present", "non-empty", "non-blank", "exact", "off"]
Ids: TypeAlias = Literal["unique", "repeating"]
Answers: TypeAlias = Literal["unique", "identical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One world to test against.

    Attributes:
        accepts: What passes as reasoning on a replayed turn while thinking is on. `present`: any string
            (contract §4.3, the best supported reading for Xiaomi). `non-empty`: DeepSeek V4 Pro's reading
            (hermes#17341). `non-blank`: not white space only. `exact`: stricter than any known host, it
            demands of every turn this server issued the text it was issued with; the guarantee of this
            project in one word. `off`: never refuses, still judges (contract §4.4: a live 200 on
            2026-06-01; and self-hosted engines, §9).
        spelling: The row of `SPELLINGS` that this host speaks.
        forbid_when_off: A reasoning field is an error while thinking is off (contract §4.6 and F10; the
            gateways of oh-my-pi#1485).
        string_content: The older gateway's demand for string contents (contract §5.3, §7; MiMo-V2-Flash#8,
            MiMo#44).
        data_prefixed_errors: A 400 on a stream request begins with `data:` (contract E2; 9router#1210).
        split_utf8: Events leave in pieces that end inside multi-byte characters, as TCP may always do.
        tool_rounds: Tool turns after each user message before the final answer, when tools are advertised.
        parallel_calls: Calls in one tool turn (contract §6: up to 120 were seen).
        ids: `unique`: every call's id is a token that nobody can guess. `repeating`: it is the call's name and its
            ordinal in the history, `read_file:0`, the same in every conversation (lessons 54; Kimi's form).
        answers: `unique`: the text of a plain turn holds such a token. `identical`: it is always the same, so
            that texts tell nothing.
        conversation: Name of a parameter of the request, as `seed` or `user`, that tells the judge, and nobody
            else, which conversation a request belongs to: turns are then recognised as `alignment` says, within
            that conversation. A request without it is judged as if the mode named none.
        late_reasoning: On streams a part of the reasoning follows each tool call (lessons 35); a turn's reasoning
            is all of it in the order of arrival.
    """

    accepts: Accepts = "present"
    spelling: SpellingName = "reasoning_content"
    forbid_when_off: bool = False
    string_content: bool = False
    data_prefixed_errors: bool = True
    split_utf8: bool = False
    tool_rounds: int = 1
    parallel_calls: int = 1
    ids: Ids = "unique"
    answers: Answers = "unique"
    conversation: str | None = None
    late_reasoning: bool = False

    def __post_init__(self) -> None:
        """Refuse a world that does not exist, naming the field."""
        _one_of("accepts", self.accepts, get_args(Accepts))
        _one_of("spelling", self.spelling, tuple(SPELLINGS))
        _one_of("ids", self.ids, get_args(Ids))
        _one_of("answers", self.answers, get_args(Answers))
        for flag in ("forbid_when_off", "string_content", "data_prefixed_errors", "split_utf8", "late_reasoning"):
            _one_of(flag, getattr(self, flag), (True, False))
        _at_least("tool_rounds", self.tool_rounds, 0)
        _at_least("parallel_calls", self.parallel_calls, 1)
        _name_or_none("conversation", self.conversation)


def _one_of(field: str, value: object, allowed: tuple[object, ...]) -> None:
    if not any(type(value) is type(option) and value == option for option in allowed):
        raise ValueError(f"{field}: {value!r} is none of {', '.join(map(repr, allowed))}")


def _at_least(field: str, value: object, floor: int) -> None:
    if type(value) is not int or value < floor:
        raise ValueError(f"{field}: {value!r} is not a whole number from {floor} up")


def _name_or_none(field: str, value: object) -> None:
    if value is not None and not (isinstance(value, str) and value):
        raise ValueError(f"{field}: {value!r} is not the name of a parameter")
