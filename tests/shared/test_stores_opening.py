"""What an operator writes, and what is opened."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from redis import Redis

from mimo_quirks.stores import Entry, open_store, store_address
from mimo_quirks.stores.encrypted import EncryptedStore
from mimo_quirks.stores.redis import RedisStore
from mimo_quirks.stores.sqlite import SqliteStore

SECRET = "secret" * 6


@pytest.mark.parametrize(
    ("url", "secrets", "expected"),
    [
        ("off", (), type(None)),
        ("memory://", (), type(None)),
        ("memory://", (SECRET,), type(None)),
        ("sqlite:///store.db", (), SqliteStore),
        ("sqlite:///store.db", (SECRET,), EncryptedStore),
        ("redis://localhost:6379/0", (), RedisStore),
        ("REDISS://user:password@localhost", (), RedisStore),
        ("redis://localhost?socket_timeout=3", (SECRET, "old"), EncryptedStore),
    ],
)
def test_kinds(url: str, secrets: tuple[str, ...], expected: type) -> None:
    """The scheme chooses the store; secrets seal what leaves the process."""
    assert expected is type(open_store(url, secrets=secrets))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlit:///x", ["'sqlit'", "did you mean 'sqlite:///path'", "memory://", "redis://", "off"]),
        ("postgres://user:password@host/db", ["'postgres'", "all: "]),
        ("memory", ["'memory'", "'memory://'"]),
        ("redis:password@host", ["not a store URL", "did you mean 'redis://host:port/db'"]),
        ("rediss:/user:password@host", ["not a store URL", "'rediss://host:port/db'"]),
        ("redis//:password@host", ["not a store URL", "'redis://host:port/db'"]),
        ("user:password@redis://host", ["not a store URL"]),
        ("password@host", ["not a store URL"]),
        ("password", ["not a store URL"]),
        ("off://", ["'off'"]),
        ("litellm", ["only in LiteLLM's callback"]),
        ("", ["''"]),
        ("sqlite://store.db", ["sqlite:///relative/path", "sqlite:////absolute/path"]),
        ("sqlite:///", ["sqlite:///relative/path"]),
        ("redis://localhost?socket_timeout=soon", ["socket_timeout"]),
        ("redis://localhost?sockt_timeout=3", ["option", "sockt_timeout"]),
        ("redis://localhost?decode_responses=true", ["decode_responses"]),
        ("rediss://localhost?ssl_cert_reqs=maybe", ["option", "maybe"]),
        ("redis://user:password/1@localhost", ["cannot be read", "%23"]),
        ("redis://user:password℀@localhost", ["cannot be read"]),
        ("redis://[::1", ["cannot be read"]),
    ],
)
def test_bad_urls(url: str, words: list[str]) -> None:
    """A URL that cannot be used is rejected at once; the error names the reason, and never the password."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        open_store(url)

    assert [] == [word for word in words if word not in str(caught.value)]
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(("secrets", "kind"), [((), RedisStore), ((SECRET,), EncryptedStore)])
def test_the_redis_of_litellm(secrets: tuple[str, ...], kind: type) -> None:
    """Whoever has LiteLLM's own client opens `litellm` with it."""
    assert kind is type(open_store("litellm", secrets=secrets, litellm_redis=Redis()))


@pytest.mark.parametrize("url", ["sqlite:///store.db", "memory://", "off"])
def test_a_secret_that_can_be_guessed(url: str) -> None:
    """The secret that seals has 32 characters or more, and the error shows how to make one."""
    with pytest.raises(
        ValueError, match=r"at least 32 characters.*python -c \".*secrets\.token_urlsafe\(32\)"
    ) as caught:
        open_store(url, secrets=["gue55ed", SECRET])

    assert "gue55ed" not in str(caught.value)


def test_an_empty_secret() -> None:
    """An empty secret would seal nothing, so it is rejected."""
    with pytest.raises(ValueError, match="must not be empty"):
        open_store("sqlite:///store.db", secrets=[SECRET, ""])


@pytest.mark.parametrize(
    "form", ["sqlite:///deep/store.db", "sqlite:///{folder}/deep/store.db", "sqlite:///~/deep/store.db"]
)
def test_where_a_file_is(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes and a relative path, four and an absolute one; the working directory may change afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    store = open_store(form.format(folder=tmp_path))
    monkeypatch.chdir("/")

    assert store is not None
    assert not (tmp_path / "deep").exists()
    store.put([Entry(("aa",), b"one")])
    assert (tmp_path / "deep" / "store.db").exists()
    store.close()


@pytest.mark.parametrize(
    ("missing", "module", "url", "words"),
    [
        ("redis", "redis", "redis://localhost", 'redis:// needs the "redis" extra: pip install "mimo-quirks[redis]"'),
        (
            "cryptography.exceptions",
            "encrypted",
            "sqlite:///store.db",
            'MIMO_QUIRKS_SECRET needs the "encryption" extra: pip install "mimo-quirks[encryption]"',
        ),
    ],
)
def test_a_missing_extra(missing: str, module: str, url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a scheme needs is imported only when it is asked for, and its absence is said in words."""
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, f"mimo_quirks.stores.{module}")
    monkeypatch.delitem(sys.modules, "mimo_quirks.sealing.ciphers", raising=False)
    assert open_store("memory://") is None

    with pytest.raises(ImportError) as caught:
        open_store(url, secrets=[SECRET])
    assert words == str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("memory://", "memory://"),
        ("litellm", "litellm"),
        ("sqlite:////var/lib/reasoning.db", "sqlite:////var/lib/reasoning.db"),
        ("redis://localhost", "redis://localhost:6379"),
        ("rediss://user:s3cret@redis.example:7000/2?password=s3cret", "rediss://redis.example:7000/2"),
        ("redis://:s3/cret@redis.example", "redis://..."),
        ("redis://user:12/s3cret@redis.example", "redis://..."),
        ("redis://[::1", "redis://..."),
    ],
)
def test_an_address_for_the_log(url: str, expected: str) -> None:
    """No password, however it is written."""
    assert expected == store_address(url)
