"""What models are made of, the core's and this package's; `deferred.parts` loads it with the first model."""

from mimo_quirks.facts.hosts import PLAIN, Dialect
from mimo_quirks.facts.quirks import Quirks
from mimo_quirks.history.content import string_content
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.provenance import OUR_PROVIDER
from mimo_quirks.history.replay import replay
from mimo_quirks.history.turns import Message
from mimo_quirks.log import log_malformed, log_rejection, note
from mimo_quirks.memory import Memory
from mimo_quirks.rejections.evidence import AttemptSettings, HostPolicy, Remedy
from mimo_quirks.rejections.ladder import NoRemedyLeft, Rejection, RequestPlan, choose_plan
from mimo_quirks.request.parameters import dropped_demand, rejected_choices, without_forced_tools
from mimo_quirks.request.thinking import effort_means_thinking, is_thinking, position_of, thinking_parameters
from mimo_quirks.settings import Settings

from .clients import checked_key, checked_url, with_client, without_repeats
from .exchange import EXCHANGE, Exchange, is_last, memory_of, owner_of, says_something, turn_of, turns_of
from .messages import REASONING, choices_of, held, keep_reasoning, merged, on_the_wire
from .profiles import profile_of
from .serialising import KEY, VERSION, shown
from .structured import demanding, with_raw
from .tokens import Tool, count_tokens, token_ids
from .unsupported import reject_unsupported

__all__ = [
    "EXCHANGE",
    "KEY",
    "OUR_PROVIDER",
    "PLAIN",
    "REASONING",
    "VERSION",
    "AttemptSettings",
    "Dialect",
    "Exchange",
    "FoundReasoning",
    "HostPolicy",
    "Memory",
    "Message",
    "NoRemedyLeft",
    "Quirks",
    "Rejection",
    "Remedy",
    "RequestPlan",
    "Settings",
    "Tool",
    "checked_key",
    "checked_url",
    "choices_of",
    "choose_plan",
    "count_tokens",
    "demanding",
    "dropped_demand",
    "effort_means_thinking",
    "held",
    "is_last",
    "is_thinking",
    "keep_reasoning",
    "log_malformed",
    "log_rejection",
    "memory_of",
    "merged",
    "note",
    "on_the_wire",
    "owner_of",
    "position_of",
    "profile_of",
    "reject_unsupported",
    "rejected_choices",
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
