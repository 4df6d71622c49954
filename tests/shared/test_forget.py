"""What is left of an owner that was forgotten: nothing, near and far; and of every other owner everything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mimo_quirks import AttemptSettings, Found, ReasoningMemory, Settings, open_store, owner_key, quirks_for
from mimo_quirks.stores import Entry, StoreError

from ..dict_store import DictStore
from ..exchanges import begun, look_up, record
from .test_stores_redis import Server, run_server

USER = {"role": "user", "content": "x"}
THOUGHTS = {"ada": " ada's 想\n", "bob": "bob's\r\n"}
"""What MiMo thought for each owner; neither is in any key, marker or digest."""
WANTED = "The reasoning_content in the thinking mode must be passed back to the API."
QUIRKS = quirks_for("mimo-v2.6-pro")
assert QUIRKS is not None
ATTEMPT = AttemptSettings(QUIRKS, thinking=True)


@pytest.fixture(name="redis", scope="module")
def _redis() -> Iterator[Server]:
    yield from run_server()


@pytest.fixture(name="settings", params=["memory", "sqlite", "sqlite sealed", "redis", "redis sealed", "redis by host"])
def _settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    kind, _, how = request.param.partition(" ")
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/store.db"}.get(kind, "")
    if kind == "redis":
        server: Server = request.getfixturevalue("redis")
        server.client.flushall()
        url = server.url
    secret = ("0123456789abcdef0123456789abcdef",) if how == "sealed" else ()
    return Settings.model_validate(
        {
            "store": url,
            "secret": secret,
            "store_timeout_seconds": 20,
            "write_wait_seconds": 20,
            "provenance": "host" if how == "by host" else "family",
        }
    )


class Asked(DictStore):
    """A store of which somebody reads while it deletes."""

    def forget(self, owners: Sequence[str]) -> int:
        self.read_meanwhile()
        return super().forget(owners)

    def read_meanwhile(self) -> None:
        """What the test puts here."""


def test_a_request_while_it_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it reads from the store is not near afterwards."""
    store = Asked()
    turn = {"role": "assistant", "content": "A long enough answer to be found again."}
    record(ReasoningMemory(store), [USER], [{**turn, "reasoning_content": "thought"}], "a")
    memory = ReasoningMemory(store)
    found = list[object]()
    monkeypatch.setattr(store, "read_meanwhile", lambda: found.append(look_up(memory, [USER, turn], "a")))
    monkeypatch.setattr(Settings, "scopes_of", lambda self, owner: [owner])
    memory.forget("a")

    assert [{1: "thought"}] == found
    assert {} == look_up(memory, [USER, turn], "a")


def _opened(settings: Settings) -> ReasoningMemory:
    return ReasoningMemory(settings.open_store(), settings)


def _scope(settings: Settings, owner: str) -> str:
    scope = settings.scope_of(owner, ATTEMPT.quirks, shared=True)
    assert scope is not None
    return scope


def _turn(owner: str, number: int) -> dict[str, str]:
    return {"role": "assistant", "content": f"answer {number}", "reasoning_content": THOUGHTS[owner]}


def _fill(memory: ReasoningMemory, settings: Settings) -> None:
    """Three turns and one rejection of each owner."""
    for owner in THOUGHTS:
        scope = _scope(settings, owner)
        for number in range(3):
            record(memory, [USER], [_turn(owner, number)], scope)
        exchange = begun([USER, {**_turn(owner, 0), "reasoning_content": ""}], scope)
        exchange.plan(Found())
        memory.write(exchange.rejected(WANTED, memory.now()).writes)


def _known(memory: ReasoningMemory, settings: Settings, owner: str) -> tuple[list[str], int]:
    """The reasoning that is found for an owner's turns, and how many of its rejections are known."""
    scope, texts = _scope(settings, owner), list[str]()
    for number in range(3):
        lost = {**_turn(owner, number), "reasoning_content": None}
        texts += look_up(memory, [USER, lost], scope).values()
    return texts, memory.policy(ATTEMPT, owner_key(scope)).needs


def test_one_owner_is_forgotten_and_the_other_is_not(settings: Settings) -> None:
    """Its reasoning and what its rejections taught are gone from this process, and for a process that comes later."""
    memory = _opened(settings)
    _fill(memory, settings)
    forgotten = memory.forget("ada")

    assert (4 if memory.is_shared else 3) == forgotten
    assert ([], 0) == _known(memory, settings, "ada")
    assert ([THOUGHTS["bob"]] * 3, 1) == _known(memory, settings, "bob")
    later = _opened(settings)
    if later.is_shared:
        assert ([], 0) == _known(later, settings, "ada")
        assert ([THOUGHTS["bob"]] * 3, 1) == _known(later, settings, "bob")
    assert 0 == memory.forget("ada")


def test_a_file_has_nothing_left(tmp_path: Path) -> None:
    """The text is neither in the file nor in its log, where deleted rows would stand until they are written over."""
    settings = Settings(store=f"sqlite:///{tmp_path}/store.db", store_timeout_seconds=20, write_wait_seconds=20)
    memory = _opened(settings)
    _fill(memory, settings)
    memory.forget("ada")
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert [False, True] == [thought.encode() in held for thought in THOUGHTS.values()]


class _Held(DictStore):
    """A store that holds up its puts until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.goes_on = threading.Event(), threading.Event()

    def put(self, entries: Sequence[Entry]) -> None:
        self.is_asked.set()
        assert self.goes_on.wait(20)
        super().put(entries)


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_is_being_written_is_forgotten_too() -> None:
    """Neither what a thread is about to put, nor what waits behind it, comes back after the deletion."""
    store = _Held()
    settings = Settings(write_wait_seconds=0)
    memory = ReasoningMemory(store, settings)
    assert memory._far is not None
    record(memory, [USER], [_turn("ada", 0)], _scope(settings, "ada"))
    assert store.is_asked.wait(20)
    for owner in THOUGHTS:
        record(memory, [USER], [_turn(owner, 1)], _scope(settings, owner))
    counted: list[int] = []
    forgetting = threading.Thread(target=lambda: counted.append(memory.forget("ada")))
    forgetting.start()
    _wait_until(lambda: [0, 0, 1] == [len(write.entries) for write in memory._far._waiting])
    store.goes_on.set()
    forgetting.join(20)
    memory.end(20)

    assert [1] == counted
    assert 1 == store.forget([owner_key(_scope(settings, "bob"))])
    assert 0 == store.forget([owner_key(_scope(settings, "ada"))])


def test_a_store_that_cannot_forget(tmp_path: Path) -> None:
    """It says so: what is not deleted must not pass as deleted."""
    (tmp_path / "store.db").mkdir()
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    with pytest.raises(StoreError):
        ReasoningMemory(store).forget("ada")
