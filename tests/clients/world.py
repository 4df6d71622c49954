"""What the clients talk to: two proxies with one SQLite file, and a host behind each deployment."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from typing_extensions import Self

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from ..litellm_plugin.deployments import ROUTED, deployment

WORKERS: Final = 2


@dataclass(frozen=True)
class Setting:
    """How the proxy is set up.

    Attributes:
        name: As the table calls it.
        callback: Whether it has ours.
        secret: Whether what clients carry is sealed.
        accepts: What the hosts behind it take: without us the mildest rule that was reported, with us the strictest.
    """

    name: str
    callback: bool
    secret: bool
    accepts: Any


SETTINGS: Final = (
    Setting("without us", callback=False, secret=False, accepts="present"),
    Setting("with us", callback=True, secret=False, accepts="exact"),
    Setting("with a secret", callback=True, secret=True, accepts="exact"),
)


class World:
    """Hosts, and two proxies before them that share a store: no turn of a user meets the process of the turn before."""

    def __init__(self, setting: Setting, deployments: Sequence[str]) -> None:
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mimo-quirks-clients-")))
        self._proxies: dict[int, LiteLLMProxy] = {}
        self._setting = setting
        self._secret = secrets.token_urlsafe(32) if setting.secret else None
        self.key: Final = f"sk-{secrets.token_hex(16)}"
        modes = {
            name: Mode(accepts=setting.accepts, tool_rounds=3, parallel_calls=2, spelling=ROUTED[name][1])  # type: ignore[arg-type]
            for name in deployments
        }
        self.hosts: Final = {name: Simulator(mode) for name, mode in modes.items()}

    def __enter__(self) -> Self:
        with ExitStack() as undo, ThreadPoolExecutor() as pool:
            undo.push(self)
            for host in self.hosts.values():
                self._stack.enter_context(host)
            list(pool.map(self._start, range(WORKERS)))
            undo.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        for proxy in self._proxies.values():
            proxy.__exit__(None, None, None)
        self._stack.close()

    def url(self, turn: int) -> str:
        """Of the proxy that this turn of a user meets; one that has met a turn is started again before it."""
        place = turn % WORKERS
        if turn >= WORKERS:
            self._proxies.pop(place).__exit__(None, None, None)
            self._start(place)
        return self._proxies[place].base_url

    def home(self, name: str) -> Path:
        """An empty folder, the same for the same name."""
        return self._folder / name

    def _start(self, place: int) -> None:
        callbacks = ["litellm_mimo.mimo_callback"] if self._setting.callback else []
        config = {
            "model_list": [deployment(name, host) for name, host in self.hosts.items()],
            "litellm_settings": {"callbacks": callbacks, "drop_params": True},
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        }
        environment = {
            "LITELLM_MASTER_KEY": self.key,
            "MIMO_QUIRKS_STORE": f"sqlite:///{self._folder / 'reasoning.db'}",
            "MIMO_QUIRKS_SECRET": self._secret,
        }
        proxy = LiteLLMProxy(json.dumps(config), environment)
        proxy.__enter__()
        self._proxies[place] = proxy
