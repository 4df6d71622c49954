"""Markers: what signs a thinking block that is not sealed, and what becomes of it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.exchange import Conversation
from mimo_quirks.history.turns import DAMAGED
from mimo_quirks.sealing.markers import is_marker, marker_of
from mimo_quirks.sealing.sealed_reasoning import ALTERED, PLAIN, SealedReasoning, holds_carrier, opened
from mimo_quirks.wires import MESSAGES

from ..cases import NASTY

TEXTS = st.text(st.characters(exclude_categories=[]))


def _block(text: str, signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": signature}


def _turn(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "thinking_blocks": list(blocks)}


@given(text=TEXTS, other=TEXTS, before=st.text())
def test_a_marker_is_of_its_text(text: str, other: str, before: str) -> None:
    """64 letters of base64, the same for the same text alone, and no carrier; whatever LiteLLM writes before it."""
    marker = marker_of(text)

    assert (64, 48) == (len(marker), len(base64.b64decode(marker, validate=True)))
    assert (text == other) is (marker == marker_of(other))
    assert is_marker(before + marker)
    assert not holds_carrier(marker)


@pytest.mark.parametrize(
    "signature", [None, "", 7, "EsYCC", "mimo-quirks.1.AAAA", marker_of("x")[16:], [marker_of("x")]]
)
def test_other_signatures_are_no_markers(signature: object) -> None:
    """Another vendor's signature, a carrier, and what is no text are no markers."""
    assert not is_marker(signature)


@pytest.mark.parametrize(
    ("secrets", "scope", "signs", "kind"),
    [
        ((), "3f", True, "marker"),
        (("secret",), "3f", True, "carrier"),
        (("secret",), None, True, "marker"),
        (("secret",), "3f", False, "carrier"),
        ((), "3f", False, None),
    ],
)
def test_sign(secrets: tuple[str, ...], scope: str | None, signs: bool, kind: str | None) -> None:
    """A block is sealed where there is a secret and somebody whose it is, else marked, unless that is off."""
    signed = SealedReasoning(secrets, max_bytes=2**16, ttl_seconds=9, signs=signs).sign(NASTY, scope)

    assert kind == ("marker" if is_marker(signed) else "carrier" if holds_carrier(signed) else signed)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (_block(NASTY, marker_of(NASTY)), {}),
        (_block(NASTY, "litellm_encrypted_reasoning:" + marker_of(NASTY)), {}),
        (_block(NASTY, PLAIN), {}),
        (_block(NASTY, marker_of(NASTY + "x")), {DAMAGED: True}),
        (_block(NASTY, ALTERED), {DAMAGED: True}),
    ],
)
def test_what_is_marked_stays_without_its_marker(block: dict[str, Any], told: dict[str, bool]) -> None:
    """A text that is not its marker's is still carried, and the turn says that it is damaged."""
    plain = {"type": "thinking", "thinking": NASTY}

    assert [{**_turn(plain), **told}] == opened([_turn(block)], lambda _: None)
    assert [{"role": "assistant", "content": [plain], **told}] == opened(
        [{"role": "assistant", "content": [block]}], lambda _: None
    )


def test_nothing_marked_goes_to_another_family() -> None:
    """The whole block goes; a block that another vendor signed stays."""
    theirs = _block("t", "EsYCC")
    history = [_turn(_block(NASTY, marker_of(NASTY)), theirs), _turn(_block("x", marker_of(NASTY)))]

    assert [_turn(theirs), {"role": "assistant", "content": ""}] == opened(history, lambda _: None, keeps_marked=False)


def test_damage_is_told_beside_what_is_sent() -> None:
    """What tells of damage is known of the conversation, and no part of what goes out."""
    body = [{"role": "assistant", "content": [_block("cut", marker_of("cut short"))]}]
    conversation = Conversation.of({"messages": body}, MESSAGES, "m").opened(lambda _: None)

    assert [True] == [message.get(DAMAGED) for message in conversation.known]
    assert [_turn({"type": "thinking", "thinking": "cut"})] == conversation.messages
