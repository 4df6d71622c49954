"""Reasoning that a client carries for us, sealed, in a field that it hands back without reading it.

A thinking block has a `signature`, a reasoning item `encrypted_content`: clients that drop or tidy the text keep these
to the byte, because their vendors demand it. So what the API issued travels in them, and no store is needed. AES-SIV
seals it (authenticated, and the same text gives the same carrier, so that a replayed prefix does not change), bound to
the scope, which names owner and family: it opens only for the owner that it was given to. A carrier that cannot be
opened is worth nothing, and neither is the block that held it.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from mimo_quirks.facts.reasoning_fields import BLOCKS
from mimo_quirks.history.turns import DAMAGED, Message, is_turn

from .markers import is_marker, marker_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PREFIX: Final = "mimo-quirks."
VERSION: Final = f"{PREFIX}1."
PLAIN: Final = f"{PREFIX}plain"
"""The signature of a block whose text is what it is: it keeps LiteLLM from taking an unsigned block away."""

ALTERED: Final = f"{PREFIX}altered"
"""The same for a text that is not what the API issued: a marker told so."""

_PURPOSE: Final = b"mimo-quirks carrier 1"


def holds_carrier(signature: object) -> bool:
    """Whether an opaque field holds something of ours; LiteLLM puts words of its own before it."""
    return isinstance(signature, str) and PREFIX in signature


class SealedReasoning:
    """Seals reasoning for clients, and opens what they hand back.

    Args:
        secrets: The first seals, each opens. Without any nothing is sealed, and nothing can be opened.
        max_bytes: Longer texts, as UTF-8, are left to the store.
        ttl_seconds: How long a carrier is believed.
        signs: Whether blocks that are not sealed are signed with a marker.
        clock: The time in seconds since 1970.

    Attributes:
        counts: How many were `issued`, how many texts `too large`, how many were `opened` and how many `rejected`.

    Raises:
        ImportError: There are secrets, and the extra is missing.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        max_bytes: int,
        ttl_seconds: float,
        signs: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ciphers = _ciphers(secrets)
        self._max_bytes = max_bytes
        self._ttl = ttl_seconds
        self._signs = signs
        self._clock = clock
        self.counts: Counter[str] = Counter()

    @property
    def issues(self) -> bool:
        """Whether it seals anything at all."""
        return self.has_secret and self._max_bytes > 0

    @property
    def has_secret(self) -> bool:
        """Whether it can open anything, for somebody."""
        return bool(self._ciphers)

    def sign(self, text: str, scope: str | None) -> str | None:
        """The signature of a thinking block: a carrier of its text where there can be one, else a marker.

        Args:
            text: As for `seal`, and so is `scope`.
            scope: See there.
        """
        return self.seal(text, scope) or (marker_of(text) if self._signs else None)

    def seal(self, text: str, scope: str | None) -> str | None:
        """A carrier of the text, or None where it is left to the store.

        It is a third longer than the text as UTF-8, and some 60 bytes; a line end or a quote counts twice.

        Args:
            text: Reasoning, as the API issued it.
            scope: Whose it is, family included; see `Settings.scope_of`. None without an owner.
        """
        if not self.issues or scope is None or not text:
            return None
        raw = text.encode("utf-8", "surrogatepass")
        if len(raw) > self._max_bytes:
            self.counts["too large"] += 1
            return None
        self.counts["issued"] += 1
        payload = json.dumps([int(self._clock()), text], ensure_ascii=False).encode("utf-8", "surrogatepass")
        return _written(self._ciphers[0].encrypt(payload, [scope.encode()]))

    def open(self, signature: str, scope: str | None) -> str | None:
        """The text in a carrier; None where it is forged, damaged, too old, or another owner's."""
        text = self._opened(_ours(signature), scope)
        self.counts["rejected" if text is None else "opened"] += 1
        return text

    def _opened(self, carrier: str, scope: str | None) -> str | None:
        if scope is None or not carrier.startswith(VERSION):
            return None
        for cipher in self._ciphers:
            with suppress(Exception):  # whatever a client may send, the request goes on
                issued, text = json.loads(cipher.decrypt(_unwritten(carrier), [scope.encode()]))
                return text if issued + self._ttl >= self._clock() else None
        return None


def _written(sealed: bytes) -> str:
    return VERSION + base64.urlsafe_b64encode(sealed).decode()


def _unwritten(carrier: str) -> bytes:
    sealed = base64.urlsafe_b64decode(carrier.removeprefix(VERSION))
    if _written(sealed) != carrier:
        raise ValueError("base64 is lenient: this is not what was written")
    return sealed


def _ours(field: str) -> str:
    """What an opaque field holds of ours; the field where it holds nothing."""
    _, prefix, rest = field.rpartition(PREFIX)
    return prefix + rest


def _ciphers(secrets: Sequence[str]) -> Sequence[AESSIV]:
    if not secrets:
        return ()
    from .ciphers import cipher  # noqa: PLC0415 - it says itself which extra it needs

    return [cipher(secret, _PURPOSE) for secret in secrets]


def opened(
    history: Sequence[Message], open_: Callable[[str], str | None], *, keeps_marked: bool = True
) -> Sequence[Message]:
    """The history with every carrier in its blocks opened; the same object where there is none.

    A block whose carrier says nothing is taken away, with its text: whoever forged one may have forged both. A block
    with a marker is left without it; where it is of another text, the turn says so by the member `DAMAGED`.

    Args:
        history: Messages of the chat wire; blocks are looked for in their content too.
        open_: Gives the text of a carrier, or None; see `SealedReasoning.open`.
        keeps_marked: Whether blocks with a marker stay; to another family none of them goes.
    """
    sealed = [place for place, message in enumerate(history) if is_turn(message) and _holders(message)]
    if not sealed:
        return history
    new = list(history)
    for place in sealed:
        new[place] = _opened_turn(history[place], open_, keeps_marked=keeps_marked)
    return new


def _opened_turn(message: Message, open_: Callable[[str], str | None], *, keeps_marked: bool) -> Message:
    opened_ = {
        key: [_opened_block(block, open_, keeps_marked=keeps_marked) for block in message[key]]
        for key in _holders(message)
    }
    new = {**message, **{key: [block for block in blocks if block is not None] for key, blocks in opened_.items()}}
    # LiteLLM's bridges write the text of the blocks a second time
    gone = {"reasoning_content", *(() if new.get(BLOCKS) else (BLOCKS,))}
    kept = {key: value for key, value in new.items() if key not in gone}
    is_damaged = keeps_marked and any(map(_is_damaged, chain.from_iterable(map(message.__getitem__, opened_))))
    return {**kept, DAMAGED: True} if is_damaged else kept


def _holders(message: Message) -> Sequence[str]:
    """The members of a turn in whose blocks there is anything of ours."""
    if BLOCKS not in message and type(message.get("content")) is str:  # as nearly all are
        return ()
    return [key for key in (BLOCKS, "content") if _holds_ours(message.get(key))]


def _holds_ours(blocks: Any) -> bool:
    return isinstance(blocks, list | tuple) and any(_carrier(block) or _is_marked(block) for block in blocks)


def _is_marked(block: Any) -> bool:
    return isinstance(block, Mapping) and is_marker(block.get("signature"))


def _is_damaged(block: Any) -> bool:
    if _is_marked(block):
        return not block["signature"].endswith(marker_of(str(block.get("thinking") or "")))
    return _carrier(block) == ALTERED


def _carrier(block: Any) -> str | None:
    fields: list[Any] = [block.get(name) for name in ("signature", "data")] if isinstance(block, Mapping) else []
    return next((_ours(field) for field in fields if holds_carrier(field)), None)


def _opened_block(block: Any, open_: Callable[[str], str | None], *, keeps_marked: bool) -> Any:
    if _is_marked(block):
        text = block.get("thinking") if keeps_marked else None
    elif (carrier := _carrier(block)) is not None:
        text = block.get("thinking") if carrier in (PLAIN, ALTERED) else open_(carrier)
    else:
        return block
    return {"type": "thinking", "thinking": text} if isinstance(text, str) else None
