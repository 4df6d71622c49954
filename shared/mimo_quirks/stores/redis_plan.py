"""What is asked of Redis, without the asking: commands out, replies in, the same for the blocking and the other client.

    mimo-quirks:2:key:<key>     a list of the identities of at most CANDIDATES entries, newest first
    mimo-quirks:2:entry:<id>    an entry, packed with its owner and its keys
    mimo-quirks:2:owner:<owner> the identities of an owner's entries, each with the time when it expires

A look-up is two round trips, however many the keys: the lists, then the entries they name. One would do if each key
held its payloads itself, but a turn has several keys, and every payload would be kept, and would travel, once per key.
A script would do as well, but managed servers forbid it often enough. A list knows the order of arrival, so the clocks
of two machines are never compared. An entry whose value is gone is skipped, and its name is taken off the list.

An entry is renewed, under all its keys, once it has lived a hundredth of its time, not at each read: so most look-ups
write nothing. Nothing is without an expiry. Times are in milliseconds.

What an owner has is found by its index, so forgetting it reads nothing else. An identity leaves the index a day after
its entry expired, when the owner's next entry is put: the only place where the clocks of machines are compared. The
index lives a month longer than the entries, in case another process keeps entries longer than this one.

A name that holds something of another type is answered with None: to a look-up there is nothing, and a put replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .packing import MOST_HEAD, identity_of, pack, unpack
from .protocol import CANDIDATES, RENEWED_AFTER, Entry

Command = tuple[str | bytes | int, ...]

PREFIX: Final = "mimo-quirks:2:"

FORGOTTEN_AT_ONCE: Final = 64
"""Of how many entries the owner and the keys are held while they are deleted."""
_DAY: Final = 24 * 3600 * 1000


def list_name(key: str) -> str:
    """Where the list of a key is."""
    return f"{PREFIX}key:{key}"


def entry_name(identity: str) -> str:
    """Where an entry is."""
    return f"{PREFIX}entry:{identity}"


def index_name(owner: str) -> str:
    """Where the index of an owner is."""
    return f"{PREFIX}owner:{owner}"


def asking_lists(keys: Sequence[str]) -> list[Command]:
    """The first round trip of a look-up."""
    return [("LRANGE", list_name(key), 0, CANDIDATES - 1) for key in keys]


def asking_entries(lists: Sequence[Sequence[bytes] | None]) -> list[Command]:
    """The second, for the lists that the first one brought."""
    names = map(entry_name, _identities(lists))
    return [command for name in names for command in (("GET", name), ("PTTL", name))]


def answer(
    keys: Sequence[str], lists: Sequence[Sequence[bytes] | None], replies: Sequence[Any], ttl: int, now: int
) -> tuple[Mapping[str, Sequence[bytes]], list[Command]]:
    """What the look-up found, and the upkeep it showed to be due."""
    asked = list(zip(_identities(lists), replies[::2], replies[1::2], strict=True))
    entries = {identity: unpack(value) for identity, value, _ in asked if value is not None}
    old = [identity for identity, _, left in asked if identity in entries and left <= ttl * (1 - RENEWED_AFTER)]
    upkeep = [command for identity in old for command in _renewing(identity, entries[identity], ttl, now)]
    found: dict[str, list[bytes]] = {}
    for key, names in dict(zip(keys, lists, strict=True)).items():
        for identity in map(_text, names or ()):
            entry = entries.get(identity)
            if entry is not None and key in entry.keys:
                found.setdefault(key, []).append(entry.payload)
            else:
                upkeep.append(("LREM", list_name(key), 0, identity))
    return found, upkeep


def keeping(entries: Sequence[Entry], ttl: int, now: int) -> list[Command]:
    """The commands that keep the entries, to be done all or none."""
    kept = [command for entry in entries for command in _keeping(entry, ttl, now)]
    owners = dict.fromkeys(entry.owner for entry in entries if entry.owner)
    return kept + [("ZREMRANGEBYSCORE", index_name(owner), "-inf", now - _DAY) for owner in owners]


def replacing(commands: Sequence[Command], replies: Sequence[Any]) -> list[Command]:
    """The commands once more, after what is in their way; none where nothing is."""
    names = dict.fromkeys(command[1] for command, reply in zip(commands, replies, strict=True) if reply is None)
    return [*(("DEL", name) for name in names), *commands] if names else []


def asking_owned(owner: str) -> list[Command]:
    """A few of an owner's entries."""
    return [("ZRANGE", index_name(owner), 0, FORGOTTEN_AT_ONCE - 1)]


def asking_heads(identities: Sequence[bytes]) -> list[Command]:
    """The owner and the keys of these entries, without their payloads."""
    return [("GETRANGE", entry_name(_text(identity)), 0, MOST_HEAD - 1) for identity in identities]


def forgetting(owner: str, identities: Sequence[bytes], heads: Sequence[bytes | None]) -> list[Command]:
    """The commands that delete these entries; the index is last, so that what breaks off can be gone on with."""
    names = list(map(_text, identities))
    lists = [
        ("LREM", list_name(key), 0, identity)
        for identity, head in zip(names, heads, strict=True)
        for key in unpack(head or b"").keys
    ]
    return [*lists, *(("DEL", entry_name(identity)) for identity in names), ("ZREM", index_name(owner), *identities)]


def forgotten(replies: Sequence[Any], identities: Sequence[bytes]) -> int:
    """How many entries the commands have deleted: those that had not expired."""
    return sum(replies[-1 - len(identities) : -1])


def _identities(lists: Sequence[Sequence[bytes] | None]) -> list[str]:
    return list(dict.fromkeys(_text(name) for names in lists for name in names or ()))


def _text(name: bytes) -> str:
    return name.decode(errors="replace")  # of another application's bytes there is no entry


def _keeping(entry: Entry, ttl: int, now: int) -> list[Command]:
    identity = identity_of(entry)
    commands: list[Command] = [("SET", entry_name(identity), pack(entry), "PX", ttl)]
    for name in map(list_name, entry.keys):
        commands += [
            ("LREM", name, 0, identity),
            ("LPUSH", name, identity),
            ("LTRIM", name, 0, CANDIDATES - 1),
            ("PEXPIRE", name, ttl),
        ]
    return [*commands, *_indexing(identity, entry.owner, ttl, now)]


def _renewing(identity: str, entry: Entry, ttl: int, now: int) -> list[Command]:
    names = (entry_name(identity), *map(list_name, entry.keys))
    return [*(("PEXPIRE", name, ttl) for name in names), *_indexing(identity, entry.owner, ttl, now)]


def _indexing(identity: str, owner: str, ttl: int, now: int) -> list[Command]:
    if not owner:
        return []
    name = index_name(owner)
    return [("ZADD", name, now + ttl, identity), ("PEXPIRE", name, ttl + 30 * _DAY)]
