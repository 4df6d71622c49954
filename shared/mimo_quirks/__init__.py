"""The quirk core: what MiMo's API wants back, and how to put it there.

A pure library over chat wire messages. This is its door: frameworks are served by `litellm_mimo` and `langchain_mimo`,
which import from here alone, as users do.
"""

from .exchange import Conversation, Exchange, Found, Lookup, Outcome, Writes, owner_key
from .explanation import ExplainedMessage, Explanation, explain
from .facts.digests import digest
from .facts.hosts import MESSAGES as MESSAGES_DIALECT
from .facts.hosts import PLAIN as PLAIN_DIALECT
from .facts.hosts import Dialect, host_name
from .facts.models import abilities_of
from .facts.prices import PRICES, Price
from .facts.quirks import Quirks, quirks_for
from .facts.reasoning_fields import BLOCKS, block_texts, is_reasoning_block, unwrap
from .facts.reasoning_fields import KEYS as REASONING_KEYS
from .facts.reasoning_fields import NESTS as REASONING_NESTS
from .history.content import string_content
from .history.provenance import OUR_PROVIDER, is_foreign, is_named_foreign
from .history.replay import ReplayReport, replay
from .history.streaming import TurnReader
from .history.turns import DAMAGED, Message, as_message, has_whole_calls, is_turn, read_reasoning, without_reasoning
from .history.words import printable
from .log import log_frames, log_malformed, log_rejection, set_log_level, use_handlers_of
from .memory import COUNTED, COUNTERS, Labels, ReasoningMemory, counters
from .rejections.errors import error_text
from .rejections.evidence import AttemptSettings, HostPolicy, Remedy
from .rejections.ladder import NoRemedyLeft, Rejection, RequestPlan
from .rejections.recognition import classify_rejection, is_reasoning_rejection
from .rejections.unrecognised import setting_for, unrecognised
from .request.parameters import dropped_demand, rejected_choices, without_forced_tools
from .request.thinking import (
    asked_to_think,
    effort_means_thinking,
    is_thinking,
    position_of,
    switch_of,
    thinking_parameters,
)
from .sealing.sealed_reasoning import ALTERED, PLAIN, SealedReasoning, opened
from .settings import LITELLM, Settings, SettingsError
from .settings import PREFIX as SETTINGS_PREFIX
from .stores import Entry, ReasoningStore, StoreError, open_store, store_address
from .wires import (
    CHAT,
    MESSAGES,
    RESPONSES,
    WIRES,
    View,
    Wire,
    blocks_of,
    content_as_turn,
    items_as_turn,
    reasoning_item,
)

__all__ = [
    "ALTERED",
    "BLOCKS",
    "CHAT",
    "COUNTED",
    "COUNTERS",
    "DAMAGED",
    "LITELLM",
    "MESSAGES",
    "MESSAGES_DIALECT",
    "OUR_PROVIDER",
    "PLAIN",
    "PLAIN_DIALECT",
    "PRICES",
    "REASONING_KEYS",
    "REASONING_NESTS",
    "RESPONSES",
    "SETTINGS_PREFIX",
    "WIRES",
    "AttemptSettings",
    "Conversation",
    "Dialect",
    "Entry",
    "Exchange",
    "ExplainedMessage",
    "Explanation",
    "Found",
    "HostPolicy",
    "Labels",
    "Lookup",
    "Message",
    "NoRemedyLeft",
    "Outcome",
    "Price",
    "Quirks",
    "ReasoningMemory",
    "ReasoningStore",
    "Rejection",
    "Remedy",
    "ReplayReport",
    "RequestPlan",
    "SealedReasoning",
    "Settings",
    "SettingsError",
    "StoreError",
    "TurnReader",
    "View",
    "Wire",
    "Writes",
    "abilities_of",
    "as_message",
    "asked_to_think",
    "block_texts",
    "blocks_of",
    "classify_rejection",
    "content_as_turn",
    "counters",
    "digest",
    "dropped_demand",
    "effort_means_thinking",
    "error_text",
    "explain",
    "has_whole_calls",
    "host_name",
    "is_foreign",
    "is_named_foreign",
    "is_reasoning_block",
    "is_reasoning_rejection",
    "is_thinking",
    "is_turn",
    "items_as_turn",
    "log_frames",
    "log_malformed",
    "log_rejection",
    "open_store",
    "opened",
    "owner_key",
    "position_of",
    "printable",
    "quirks_for",
    "read_reasoning",
    "reasoning_item",
    "rejected_choices",
    "replay",
    "set_log_level",
    "setting_for",
    "store_address",
    "string_content",
    "switch_of",
    "thinking_parameters",
    "unrecognised",
    "unwrap",
    "use_handlers_of",
    "without_forced_tools",
    "without_reasoning",
]
