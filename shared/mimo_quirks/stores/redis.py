"""Memory in Redis: shared by several machines.

redis-py does the talking. Every wait has the timeout, and nothing is tried twice; how long a whole call may take is
for whoever makes it. A connection that broke is opened again by its next use.

What redis-py says about a failure may quote the command, payload included; so a `StoreError` names the kind only, and
keeps no reference to the original.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import compress
from typing import Any, Final
from urllib.parse import urlsplit

from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from .protocol import Entry, StoreError
from .redis_plan import (
    Command,
    answer,
    asking_entries,
    asking_heads,
    asking_lists,
    asking_owned,
    forgetting,
    forgotten,
    keeping,
    replacing,
)

_CONNECTIONS: Final = 32
"""Who finds all of them busy waits for one, up to the timeout."""

_FAILURES: Final = (RedisError, OSError)


class RedisStore:
    """Entries in a Redis server, or in whatever speaks its protocol; not in a cluster, for want of hash tags."""

    def __init__(self, client: Redis, *, ttl_seconds: float) -> None:
        """Uses a client that it is given.

        Args:
            client: Of one server.
            ttl_seconds: How long an entry is kept after its last use.
        """
        self._client = client
        self._ttl = int(ttl_seconds * 1000)

    @classmethod
    def from_url(cls, url: str, *, ttl_seconds: float, timeout_seconds: float) -> RedisStore:
        """Connects when it is first used; what the URL's query says of timeouts goes before `timeout_seconds`.

        Raises:
            ValueError: The URL cannot be read, or has an option that redis-py does not know.
        """
        _check_url(url)
        limits = {
            "max_connections": _CONNECTIONS,
            "timeout": timeout_seconds,
            "socket_timeout": timeout_seconds,
            "socket_connect_timeout": timeout_seconds,
        }
        pool = BlockingConnectionPool.from_url(url, **limits, retry=Retry(NoBackoff(), 0))
        _check_options(pool)
        return cls(Redis.from_pool(pool), ttl_seconds=ttl_seconds)

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """See `ReasoningStore`."""
        lists = self._ask(asking_lists(keys))
        found, upkeep = answer(keys, lists, self._ask(asking_entries(lists)), self._ttl, _now())
        with suppress(StoreError):
            self._ask(upkeep)
        return found

    def put(self, entries: Sequence[Entry]) -> None:
        """See `ReasoningStore`."""
        commands = keeping(entries, self._ttl, _now())
        self._ask(replacing(commands, self._ask(commands, whole=True)), whole=True)

    def forget(self, owners: Sequence[str]) -> int:
        """See `ReasoningStore`."""
        return sum(map(self._forget, dict.fromkeys(owners)))

    def close(self) -> None:
        """See `ReasoningStore`."""
        self._client.close()

    def _forget(self, owner: str) -> int:
        count = 0
        while identities := self._ask(asking_owned(owner))[0]:
            heads = self._ask(asking_heads(identities))
            count += forgotten(self._ask(forgetting(owner, identities, heads), whole=True), identities)
        return count

    def _ask(self, commands: Sequence[Command], *, whole: bool = False) -> list[Any]:
        """Sends the commands in one go; `whole` has the server do all of them or none."""
        try:
            with self._client.pipeline(transaction=whole) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
                return _replies(pipeline.execute(raise_on_error=False))
        except _FAILURES as error:
            kind = type(error).__name__
        raise StoreError(f"redis: {kind}")


def _now() -> int:
    """The time in milliseconds, as Redis counts it."""
    return int(time.time() * 1000)


def _replies(replies: Sequence[Any]) -> list[Any]:
    """The replies, with None where the name of a command holds something of another type."""
    failed = [isinstance(reply, RedisError) for reply in replies]
    for reply in compress(replies, failed):
        if not str(reply).startswith("WRONGTYPE"):
            raise reply
    return [None if has_failed else reply for reply, has_failed in zip(replies, failed, strict=True)]


def _check_url(url: str) -> None:
    """What urllib says about a URL quotes it, and what it takes for the port may be a part of the password."""
    with suppress(ValueError):
        _ = urlsplit(url).port
        return
    raise ValueError("the redis URL cannot be read: percent-encode special characters in its credentials (# as %23)")


def _check_options(pool: BlockingConnectionPool) -> None:
    """redis-py looks at the options of a URL when it connects, which is when an operator no longer looks."""
    if pool.connection_kwargs.get("decode_responses"):
        raise ValueError("remove decode_responses from the redis URL")
    try:
        pool.connection_class(**pool.connection_kwargs)  # made, not opened
    except (TypeError, RedisError) as error:
        raise ValueError(f"an option of the redis URL cannot be used: {error}") from None
