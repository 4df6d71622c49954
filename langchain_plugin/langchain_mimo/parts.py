"""What models are made of, the core's and this package's; `deferred.parts` loads it with the first model."""

from mimo_quirks.content import string_content
from mimo_quirks.contract import Contract, Step, Terms
from mimo_quirks.hosts import PLAIN, Dialect
from mimo_quirks.journal import note, note_faults, note_refusal
from mimo_quirks.memory import Memory
from mimo_quirks.origin import OUR_PROVIDER
from mimo_quirks.parameters import dropped_demand, refused_choices, without_forced_tools
from mimo_quirks.quirks import Quirks
from mimo_quirks.recall import Recall
from mimo_quirks.repair import Draft, NothingLeft, Refused, next_draft
from mimo_quirks.replay import replay
from mimo_quirks.settings import Settings
from mimo_quirks.thinking import effort_means_thinking, is_thinking, position_of, thinking_parameters
from mimo_quirks.turns import Message

from .clients import checked_key, checked_url, with_client, without_repeats
from .exchange import EXCHANGE, Exchange, is_last, memory_of, owner_of, says_something, turn_of, turns_of
from .messages import REASONING, choices_of, held, keep_reasoning, merged, on_the_wire
from .profiles import profile_of
from .serialising import KEY, VERSION, shown
from .structured import demanding, with_raw
from .tokens import Tool, count_tokens, token_ids
from .unsupported import refuse_unsupported

__all__ = [
    "EXCHANGE",
    "KEY",
    "OUR_PROVIDER",
    "PLAIN",
    "REASONING",
    "VERSION",
    "Contract",
    "Dialect",
    "Draft",
    "Exchange",
    "Memory",
    "Message",
    "NothingLeft",
    "Quirks",
    "Recall",
    "Refused",
    "Settings",
    "Step",
    "Terms",
    "Tool",
    "checked_key",
    "checked_url",
    "choices_of",
    "count_tokens",
    "demanding",
    "dropped_demand",
    "effort_means_thinking",
    "held",
    "is_last",
    "is_thinking",
    "keep_reasoning",
    "memory_of",
    "merged",
    "next_draft",
    "note",
    "note_faults",
    "note_refusal",
    "on_the_wire",
    "owner_of",
    "position_of",
    "profile_of",
    "refuse_unsupported",
    "refused_choices",
    "replay",
    "says_something",
    "shown",
    "string_content",
    "thinking_parameters",
    "token_ids",
    "turn_of",
    "turns_of",
    "with_client",
    "with_raw",
    "without_forced_tools",
    "without_repeats",
]
