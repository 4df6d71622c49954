"""SealedReasoning: what we gave a client opens for that client alone, and nothing that it may send breaks a request."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.sealing.sealed_reasoning import PLAIN, PREFIX, VERSION, SealedReasoning, holds_carrier, opened
from mimo_quirks.settings import Settings

from ..cases import NASTY
from .strategies import assistants, histories, json_values

NOW = 1_800_000_000.0
TTL = 3600.0
SCOPE = "3f"


def _carriers(*secrets: str, now: float = NOW, max_bytes: int = 2**16) -> SealedReasoning:
    return SealedReasoning(secrets or ("secret",), max_bytes=max_bytes, ttl_seconds=TTL, clock=lambda: now)


def _sealed(text: str = NASTY, *secrets: str, now: float = NOW) -> str:
    carrier = _carriers(*secrets, now=now).seal(text, SCOPE)
    assert carrier is not None
    return carrier


def _rejected(carrier: str, *secrets: str, now: float = NOW, scope: str | None = SCOPE) -> bool:
    carriers = _carriers(*secrets, now=now)
    return carriers.open(carrier, scope) is None and carriers.counts == Counter(rejected=1)


@given(text=st.text(st.characters(exclude_categories=[]), min_size=1), before=st.text())
def test_what_is_sealed_is_opened(text: str, before: str) -> None:
    """To the byte, lone surrogates too, and whatever LiteLLM writes before it."""
    carriers = _carriers()
    carrier = carriers.seal(text, SCOPE)

    assert carrier is not None
    assert holds_carrier(before + carrier)
    assert text == carriers.open(before + carrier, SCOPE)
    assert Counter(issued=1, opened=1) == carriers.counts


def test_nothing_can_be_read_in_it() -> None:
    """A carrier is printable, says whose it is and in which form, and nothing of the text."""
    carrier = _sealed("let me think about the weather")
    sealed = base64.urlsafe_b64decode(carrier.removeprefix(VERSION))

    assert re.fullmatch(r"mimo-quirks\.1\.[A-Za-z0-9_=-]+", carrier)
    assert b"weather" not in sealed
    assert "weather" not in repr(_carriers()) + repr(vars(_carriers()))


def test_its_length() -> None:
    """The documented cost: a third more than the text as UTF-8, and some 60 bytes."""
    for text in ("x", "x" * 100, "思考" * 5_000):
        size = len(text.encode())
        assert size * 4 / 3 < len(_sealed(text)) <= size * 4 / 3 + 64


def test_the_same_second_gives_the_same_carrier() -> None:
    """A stream and its last event are given the same; later ones, other texts, scopes and secrets another."""
    first = _sealed()

    assert first == _sealed(now=NOW + 0.9)
    others = [_sealed(now=NOW + 1), _sealed("other"), _sealed(NASTY, "new"), _carriers().seal(NASTY, "4a")]
    assert 5 == len({first, *others})


def test_truncated() -> None:
    """Cut at any place it is worth nothing."""
    carrier = _sealed()

    assert [] == [end for end in range(len(carrier)) if not _rejected(carrier[:end])]


def test_flipped() -> None:
    """One bit of any character, or any character after it, and it is worth nothing."""
    carrier = _sealed()
    flipped = [
        carrier[:place] + chr(ord(carrier[place]) ^ 1 << bit) + carrier[place + 1 :]
        for place in range(len(carrier))
        for bit in range(7)
    ]
    longer = [carrier + more for more in ("=", "A", "\n", " ", "é", "====")]

    assert [] == [forged for forged in [*flipped, *longer] if not _rejected(forged)]


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_unused_bits(padding: int) -> None:
    """Base64 has bits that mean nothing, and they must be as they were written too."""
    carrier = next(c for c in map(_sealed, ("x", "xx", "xxx")) if padding == c.count("="))
    body = carrier.rstrip("=")
    others = [body[:-1] + chr(code) + "=" * padding for code in range(33, 127) if chr(code) != body[-1]]

    assert [] == [forged for forged in others if not _rejected(forged)]


def test_forged() -> None:
    """Made without the secret, or of another form under our name, it is worth nothing."""
    payload = json.dumps([int(NOW), "forged"]).encode()
    bodies = [payload, b"", b"\0" * 16, b"\0" * 64, base64.urlsafe_b64encode(payload)]
    forged = [VERSION + base64.urlsafe_b64encode(body).decode() for body in bodies]

    assert [] == [carrier for carrier in forged if not _rejected(carrier)]


def test_old_version() -> None:
    """Another version of the form is not read as this one."""
    body = _sealed().removeprefix(VERSION)

    assert [] == [version for version in ("0", "2", "11", "") if not _rejected(f"{PREFIX}{version}.{body}")]


def test_other_scopes() -> None:
    """It opens in the scope that it was made for, which names owner and family, and nowhere else."""
    settings = Settings(families=("mimo", "deepseek"))
    ours, theirs = settings.quirks_for("mimo-v2.6-pro"), settings.quirks_for("deepseek-v4-pro")
    assert ours is not None
    assert theirs is not None
    mine = settings.scope_of("key:a", ours, shared=True)
    other_owner = settings.scope_of("key:b", ours, shared=True)
    other_family = settings.scope_of("key:a", theirs, shared=True)
    carrier = _carriers().seal(NASTY, mine)

    assert carrier is not None
    assert NASTY == _carriers().open(carrier, mine)
    assert [True] * 3 == [_rejected(carrier, scope=scope) for scope in (other_owner, other_family, None)]


def test_expired() -> None:
    """It is believed as long as the setting says, and not a second longer."""
    carrier = _sealed()

    assert NASTY == _carriers(now=NOW + TTL).open(carrier, SCOPE)
    assert _rejected(carrier, now=NOW + TTL + 1)


def test_rotation() -> None:
    """The first secret seals, each opens, until it is dropped."""
    old = _sealed(NASTY, "old")
    new = _sealed(NASTY, "new", "old")

    assert [NASTY] * 2 == [_carriers("new", "old").open(carrier, SCOPE) for carrier in (old, new)]
    assert (True, False) == (_rejected(old, "new"), _rejected(new, "new"))


@pytest.mark.parametrize(
    ("text", "fits"), [("x" * 12, True), ("x" * 13, False), ("思考思考", True), ("思考思考x", False)]
)
def test_too_large(text: str, fits: bool) -> None:
    """The limit is in bytes of UTF-8; what is longer is left to the store, and counted."""
    carriers = _carriers(max_bytes=12)

    assert fits is (carriers.seal(text, SCOPE) is not None)
    assert Counter(issued=1) if fits else Counter({"too large": 1}) == carriers.counts


def test_nothing_to_seal() -> None:
    """Nothing is given for no text, to nobody, without a secret, and where the limit is 0."""
    without = SealedReasoning((), max_bytes=2**16, ttl_seconds=TTL)
    off = _carriers(max_bytes=0)

    assert (True, False, False) == (_carriers().issues, without.issues, off.issues)
    assert [None] * 4 == [
        _carriers().seal("", SCOPE),
        _carriers().seal(NASTY, None),
        without.seal(NASTY, SCOPE),
        off.seal(NASTY, SCOPE),
    ]
    assert 0 == off.counts.total() + without.counts.total()
    assert (None, NASTY) == (without.open(_sealed(), SCOPE), off.open(_sealed(), SCOPE))


@given(garbage=st.text(st.characters(exclude_categories=[])), prefix=st.sampled_from(["", PREFIX, VERSION, PLAIN]))
def test_garbage(garbage: str, prefix: str) -> None:
    """Any string is rejected and counted, never raised about."""
    assert _rejected(garbage + prefix)
    assert _rejected(prefix + garbage)


def test_the_clock_is_the_time() -> None:
    """Without a clock given, it is now."""
    carriers = SealedReasoning(("secret",), max_bytes=99, ttl_seconds=60)
    carrier = carriers.seal("a", SCOPE)

    assert carrier is not None
    assert "a" == carriers.open(carrier, SCOPE)


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret without the extra is told the pip command; no secret needs no extra."""
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    monkeypatch.delitem(sys.modules, "mimo_quirks.sealing.ciphers", raising=False)
    SealedReasoning((), max_bytes=1, ttl_seconds=1)

    with pytest.raises(ImportError, match=r'MIMO_QUIRKS_SECRET needs .* pip install "mimo-quirks\[encryption\]"'):
        SealedReasoning(("secret",), max_bytes=1, ttl_seconds=1)


def test_an_empty_secret() -> None:
    """Nothing is sealed with nothing; any other text will do."""
    with pytest.raises(ValueError, match="the secret must not be empty"):
        _carriers("secret", "")
    assert not _rejected(_sealed(NASTY, "\udcff"), "\udcff")


def _open(carrier: str) -> str | None:
    return _carriers().open(carrier, SCOPE)


def _block(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, **more}


GOOD, BAD = _sealed(" whole\n"), VERSION + "AAAA"
FOREIGN = _block("theirs", signature="EsYCC")


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([_block("who", signature=GOOD)], [_block(" whole\n")]),
        ([_block("", signature=f"litellm:{GOOD}")], [_block(" whole\n")]),
        ([{"type": "redacted_thinking", "data": GOOD}], [_block(" whole\n")]),
        ([{"type": "redacted_thinking", "data": GOOD, "signature": "EsYCC"}], [_block(" whole\n")]),
        ([{"type": "redacted_thinking", "data": GOOD, "signature": 3}], [_block(" whole\n")]),
        ([_block("a", signature=PLAIN), _block("b", signature=f"x{PLAIN}")], [_block("a"), _block("b")]),
        ([_block("a", signature=GOOD), _block("b", signature=BAD)], [_block(" whole\n")]),
        ([FOREIGN, _block("a", signature=GOOD), "junk"], [FOREIGN, _block(" whole\n"), "junk"]),
        ([_block("a", signature=BAD)], None),
        ([{"type": "redacted_thinking", "data": PLAIN}], None),
    ],
)
def test_opened(blocks: list[Any], expected: list[Any] | None) -> None:
    """Each carrier becomes its text; one that says nothing is gone with its block, others stay as they are."""
    message = {"role": "assistant", "content": "hi", "thinking_blocks": blocks, "reasoning_content": "bridged"}
    rest = {"role": "assistant", "content": "hi"}

    assert [{**rest, "thinking_blocks": expected} if expected else rest] == opened([message], _open)
    in_content = {"role": "assistant", "content": blocks}
    assert [{"role": "assistant", "content": expected or []}] == opened([in_content], _open)
    assert blocks is message["thinking_blocks"]


@given(history=histories, value=json_values, message=assistants)
def test_any_history(history: list[Any], value: Any, message: dict[str, Any]) -> None:
    """Without carriers it is the same object, and with one no other message is touched."""
    odd = {"role": "assistant", "content": value, "thinking_blocks": value}
    carrying = {**message, "thinking_blocks": [{"x": value}, _block("a", signature=GOOD)]}
    plain = [*history, odd, {"role": "user", "thinking_blocks": [_block("a", signature=GOOD)]}]
    new = opened([*plain, carrying], _open)

    assert opened(plain, _open) is plain
    assert all(one is other for one, other in zip(new[:-1], plain, strict=True))
    assert [{"x": value}, _block(" whole\n")] == new[-1]["thinking_blocks"]
