"""What is asked of Redis, without the asking: commands out, replies in, the same for the blocking and the other client.

    mimo-quirks:1:key:<key>     a list of the identities of at most CANDIDATES entries, newest first
    mimo-quirks:1:entry:<id>    an entry, packed with its keys

A look-up is two round trips, however many the keys: the lists, then the entries they name. One would do if each key
held its payloads itself, but a turn has several keys, and every payload would be kept, and would travel, once per key.
A script would do as well, but managed servers forbid it often enough. A list knows the order of arrival, so the clocks
of two machines are never compared. An entry whose value is gone is skipped, and its name is taken off the list.

An entry is renewed, under all its keys, once it has lived a hundredth of its time, not at each read: so most look-ups
write nothing. Nothing is without an expiry. Times are in milliseconds.

A name that holds something of another type is answered with None: to a look-up there is nothing, and a put replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .packing import identity_of, pack, unpack
from .protocol import CANDIDATES, RENEWED_AFTER, Entry

Command = tuple[str | bytes | int, ...]

PREFIX: Final = "mimo-quirks:1:"


def list_name(key: str) -> str:
    """Where the list of a key is."""
    return f"{PREFIX}key:{key}"


def entry_name(identity: str) -> str:
    """Where an entry is."""
    return f"{PREFIX}entry:{identity}"


def asking_lists(keys: Sequence[str]) -> list[Command]:
    """The first round trip of a look-up."""
    return [("LRANGE", list_name(key), 0, CANDIDATES - 1) for key in keys]


def asking_entries(lists: Sequence[Sequence[bytes] | None]) -> list[Command]:
    """The second, for the lists that the first one brought."""
    names = map(entry_name, _identities(lists))
    return [command for name in names for command in (("GET", name), ("PTTL", name))]


def answer(
    keys: Sequence[str], lists: Sequence[Sequence[bytes] | None], replies: Sequence[Any], ttl: int
) -> tuple[Mapping[str, Sequence[bytes]], list[Command]]:
    """What the look-up found, and the upkeep it showed to be due."""
    asked = list(zip(_identities(lists), replies[::2], replies[1::2], strict=True))
    entries = {identity: unpack(value) for identity, value, _ in asked if value is not None}
    old = [identity for identity, _, left in asked if identity in entries and left <= ttl * (1 - RENEWED_AFTER)]
    upkeep = [command for identity in old for command in _renewing(identity, entries[identity], ttl)]
    found: dict[str, list[bytes]] = {}
    for key, names in dict(zip(keys, lists, strict=True)).items():
        for identity in map(_text, names or ()):
            entry = entries.get(identity)
            if entry is not None and key in entry.keys:
                found.setdefault(key, []).append(entry.payload)
            else:
                upkeep.append(("LREM", list_name(key), 0, identity))
    return found, upkeep


def keeping(entries: Sequence[Entry], ttl: int) -> list[Command]:
    """The commands that keep the entries, to be done all or none."""
    return [command for entry in entries for command in _keeping(entry, ttl)]


def replacing(commands: Sequence[Command], replies: Sequence[Any]) -> list[Command]:
    """The commands once more, after what is in their way; none where nothing is."""
    names = dict.fromkeys(command[1] for command, reply in zip(commands, replies, strict=True) if reply is None)
    return [*(("DEL", name) for name in names), *commands] if names else []


def _identities(lists: Sequence[Sequence[bytes] | None]) -> list[str]:
    return list(dict.fromkeys(_text(name) for names in lists for name in names or ()))


def _text(name: bytes) -> str:
    return name.decode(errors="replace")  # somebody else's would name no entry


def _keeping(entry: Entry, ttl: int) -> list[Command]:
    identity = identity_of(entry)
    commands: list[Command] = [("SET", entry_name(identity), pack(entry), "PX", ttl)]
    for name in map(list_name, entry.keys):
        commands += [
            ("LREM", name, 0, identity),
            ("LPUSH", name, identity),
            ("LTRIM", name, 0, CANDIDATES - 1),
            ("PEXPIRE", name, ttl),
        ]
    return commands


def _renewing(identity: str, entry: Entry, ttl: int) -> list[Command]:
    return [("PEXPIRE", name, ttl) for name in (entry_name(identity), *map(list_name, entry.keys))]
