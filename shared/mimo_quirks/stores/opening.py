"""A store from a URL, which is how an operator names one.

What a scheme needs beyond the standard library is imported when the scheme is asked for.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mimo_quirks.sealing.strength import check_secrets

from .protocol import ReasoningStore

DEFAULT_TTL_SECONDS: Final = 7 * 24 * 3600.0
DEFAULT_MAX_BYTES: Final = 64 * 2**20

FORMS: Final[Mapping[str, str]] = {
    "memory": "memory://",
    "sqlite": "sqlite:///path",
    "redis": "redis://host:port/db",
    "rediss": "rediss://host:port/db",
    "litellm": "litellm",
    "off": "off",
}
_REDIS_PORT: Final = 6379
_SCHEME: Final = re.compile("[A-Za-z][A-Za-z0-9+-]{0,19}")


def open_store(  # noqa: PLR0913 - each has a name, and a default
    url: str,
    *,
    ttl_seconds: float = DEFAULT_TTL_SECONDS,
    max_bytes: int = DEFAULT_MAX_BYTES,
    timeout_seconds: float = 0.25,
    secrets: Sequence[str] = (),
    litellm_redis: Any = None,
) -> ReasoningStore | None:
    """The store that the URL names, or None where it names none outside this process.

    Files and connections are opened by its first use.

    Args:
        url: `memory://`, `sqlite:///relative/path`, `sqlite:////absolute/path`, `redis://…`, `rediss://…`, `litellm`
            or `off`.
        ttl_seconds: How long an entry is kept after its last use.
        max_bytes: How much is kept at most in a file; a Redis server has its own bound, `maxmemory`.
        timeout_seconds: How long a call may wait for a file or a server.
        secrets: If there are any, what leaves the process is sealed by the first, which has 32 characters or more, and
            opened by each of them.
        litellm_redis: For `litellm`: the client of the Redis of LiteLLM's cache.

    Raises:
        ValueError: The URL or a secret cannot be used, or it is `litellm` and there is no client.
        ImportError: An extra is missing; the message tells how to install it.
    """
    scheme, rest = _parts(url)
    check_secrets(secrets)
    if scheme in ("memory", "off"):
        return None
    if scheme == "litellm" and litellm_redis is None:
        raise ValueError("store `litellm` works only in LiteLLM's callback; use sqlite:/// or redis:// here")
    if scheme == "sqlite":
        from .sqlite import SqliteStore  # noqa: PLC0415 - SQLite is imported by who uses it

        store: ReasoningStore = SqliteStore(
            _path(rest), ttl_seconds=ttl_seconds, max_bytes=max_bytes, timeout_seconds=timeout_seconds
        )
    else:
        store = _redis(litellm_redis or f"{scheme}://{rest}", ttl_seconds, timeout_seconds)
    return _sealed(store, secrets) if secrets else store


def store_address(url: str) -> str:
    """A store's URL without user, password and options; where one cannot be told from the other, its scheme alone."""
    scheme, separator, _ = url.partition("://")
    if scheme.lower() not in ("redis", "rediss"):
        return url
    try:
        parts = urlsplit(url)
        address = f"{parts.hostname}:{parts.port or _REDIS_PORT}{parts.path}"
    except ValueError:
        address = ""
    is_told = address and "@" not in f"{parts.path}{parts.query}{parts.fragment}"
    return f"{scheme}{separator}{address if is_told else '...'}"


def _parts(url: str) -> tuple[str, str]:
    """The scheme and the rest; an error names what is a scheme for sure, because the rest may hold a password."""
    before, separator, rest = url.partition("://")
    scheme = before.lower()
    if scheme in FORMS and bool(separator) is (FORMS[scheme] != scheme):
        return scheme, rest
    is_told = scheme in FORMS or not url or (separator and _SCHEME.fullmatch(before))
    said = f"unknown store scheme {scheme!r}" if is_told else "this is not a store URL"
    beginning = scheme if is_told else scheme.partition(":")[0]
    nearest = difflib.get_close_matches(beginning, FORMS, n=1, cutoff=0)[0]
    raise ValueError(f"{said}; did you mean {FORMS[nearest]!r}? (all: {', '.join(FORMS.values())})")


def _path(rest: str) -> Path:
    host, _, path = rest.partition("/")
    if host or not path:
        raise ValueError("a store in a file is sqlite:///relative/path or sqlite:////absolute/path")
    return Path(path)


def _redis(server: Any, ttl_seconds: float, timeout_seconds: float) -> ReasoningStore:
    """The store in a server, given by its URL or a client."""
    try:
        from .redis import RedisStore  # noqa: PLC0415 - the extra may be missing, and then this is the place to say so
    except ImportError as error:
        raise ImportError('redis:// needs the "redis" extra: pip install "mimo-quirks[redis]"') from error
    if not isinstance(server, str):
        return RedisStore(server, ttl_seconds=ttl_seconds)
    return RedisStore.from_url(server, ttl_seconds=ttl_seconds, timeout_seconds=timeout_seconds)


def _sealed(store: ReasoningStore, secrets: Sequence[str]) -> ReasoningStore:
    from .encrypted import EncryptedStore  # noqa: PLC0415 - it says itself which extra it needs

    return EncryptedStore(store, secrets)
