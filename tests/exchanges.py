"""Exchanges of chat messages for tests about what a memory knows: one that is answered, and one that looks up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mimo_quirks import (
    CHAT,
    AttemptSettings,
    Conversation,
    Exchange,
    Found,
    ReasoningMemory,
    Remedy,
    quirks_for,
)

Messages = Sequence[dict[str, Any]]


def begun(history: Messages, scope: str | None, *, end_user: str | None = None) -> Exchange:
    """The exchange of a history on its way to Xiaomi."""
    quirks = quirks_for("mimo-v2.6-pro")
    assert quirks is not None
    exchange = Exchange(frozenset(Remedy))
    conversation = Conversation.of({"messages": history}, CHAT, "mimo-v2.6-pro")
    exchange.begin(conversation, AttemptSettings(quirks, thinking=True), scope, end_user=end_user)
    return exchange


def record(memory: ReasoningMemory, history: Messages, turns: Messages, scope: str | None) -> None:
    """Has a memory record the turns that answered a history."""
    exchange = begun(history, scope)
    exchange.plan(Found())
    memory.write(exchange.answered(turns, memory.now()))


def look_up(memory: ReasoningMemory, history: Messages, scope: str | None) -> dict[int, str]:
    """What a memory finds for the turns of a history that lack their reasoning, by the index of the turn."""
    return dict(memory.read(begun(history, scope).lookup()).reasoning.texts)
