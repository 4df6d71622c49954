"""How the simulated host behaves: a difference between hosts, or readings of the contract, is a field here.

Public reports contradict one another (contract §12), and a client has to live with every reading. So
nothing is decided in code: a mode says which world this is. A new difference is a new field with a default
that changes nothing.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from mimo_quirks.simulator.spellings import SPELLINGS, SpellingName

Accepts: TypeAlias = Literal["present", "non-empty", "non-blank", "exact", "off"]


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
    """

    accepts: Accepts = "present"
    spelling: SpellingName = "reasoning_content"
    forbid_when_off: bool = False
    string_content: bool = False
    data_prefixed_errors: bool = True
    split_utf8: bool = False
    tool_rounds: int = 1
    parallel_calls: int = 1

    def __post_init__(self) -> None:
        """Refuse a world that does not exist, naming the field."""
        _one_of("accepts", self.accepts, get_args(Accepts))
        _one_of("spelling", self.spelling, tuple(SPELLINGS))
        for flag in ("forbid_when_off", "string_content", "data_prefixed_errors", "split_utf8"):
            _one_of(flag, getattr(self, flag), (True, False))
        _at_least("tool_rounds", self.tool_rounds, 0)
        _at_least("parallel_calls", self.parallel_calls, 1)


def _one_of(field: str, value: object, allowed: tuple[object, ...]) -> None:
    if not any(type(value) is type(option) and value == option for option in allowed):
        raise ValueError(f"{field}: {value!r} is none of {', '.join(map(repr, allowed))}")


def _at_least(field: str, value: object, floor: int) -> None:
    if type(value) is not int or value < floor:
        raise ValueError(f"{field}: {value!r} is not a whole number from {floor} up")
