"""Three turns of a user with each client: `python -m tests.clients --help`.

Each turn is three rounds of two calls and an answer, and meets a proxy process that has not seen the turn before. The
counts are of the assistant messages that the host behind the proxy got back, in all requests together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mimo_quirks.simulator import Exchange

from ..litellm_plugin.deployments import ROUTED
from .npm import Installed, install
from .rows import CLIENTS, Client
from .seen import answered, rejected, verdicts, visible
from .starting import Home
from .world import SETTINGS, Setting, World

FOLDER: Final = Path(__file__).parents[2] / ".venv-clients"
TURNS: Final = 3
DEPLOYMENTS: Final = ("xiaomi_mimo", "openai", "anthropic")
"""By default: a host of each wire."""
COUNTS: Final = ("exact", "placeholder", "missing", "other", "rejected", "visible thoughts", "finished")
HEAD: Final = ("client", "version", "deployment", "setting", *COUNTS, "note")


@dataclass
class Course:
    """What became of one client at one deployment."""

    client: Client
    installed: Installed
    deployment: str
    setting: Setting
    exchanges: list[Exchange] = field(default_factory=list)
    finished: int = 0
    note: str = ""

    def go_on(self, world: World, url: str, number: int) -> None:
        """One turn of the user."""
        host = world.hosts[self.deployment]
        seen = len(host.exchanges)
        folder = world.home(f"{self.client.name} at {self.deployment}".replace(",", "").replace(" ", "-"))
        home = Home(self.client, folder, self.installed.programs, url, world.key, self.deployment)
        ended = home.ask(f"Turn {number}: run 'echo hello{number}'.", first=number == 0)
        new = host.exchanges[seen:]
        self.exchanges += new
        if ended.code == 0 and answered(new, ended.output):
            self.finished += 1
        elif not self.note:
            how = "was stopped" if ended.code is None else f"ended with {ended.code}"
            self.note = f"turn {number} {how} after {len(new)} requests: {ended.output.strip()[-200:]}"

    @property
    def cells(self) -> tuple[object, ...]:
        """Of its line."""
        found = verdicts(self.exchanges)
        counts = (found["exact"], found["placeholder"], found["missing"], found["altered"] + found["foreign"])
        more = (rejected(self.exchanges), visible(self.exchanges), f"{self.finished} of {TURNS}", self.note)
        return (self.client.name, self.installed.version, self.deployment, self.setting.name, *counts, *more)

    @property
    def is_right(self) -> bool:
        """Whether all is as the pages say; without us anything may be."""
        is_exact = {"exact"} == set(verdicts(self.exchanges)) and not rejected(self.exchanges)
        is_whole = is_exact and not visible(self.exchanges) and self.finished == TURNS
        return is_whole or not self.setting.callback


def run(setting: Setting, clients: Sequence[tuple[Client, Installed]], deployments: Sequence[str]) -> bool:
    """Prints a line for each client at each deployment; whether all is right."""
    courses = [[Course(client, installed, name, setting) for client, installed in clients] for name in deployments]
    with World(setting, deployments) as world:
        for number in range(TURNS):
            url = world.url(number)

            def at_one_deployment(some: Sequence[Course], url: str = url, number: int = number) -> None:
                for course in some:
                    course.go_on(world, url, number)

            with ThreadPoolExecutor(max_workers=2) as pool:
                list(pool.map(at_one_deployment, courses))
    for course in (course for some in courses for course in some):
        _print(course.cells)
    return all(course.is_right for some in courses for course in some)


def main() -> int:
    """Installs the clients, and runs them in each setting."""
    programs = sorted({client.program for client in CLIENTS})
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="client", help=f"some of {', '.join(programs)}; all by default")
    parser.add_argument("--deployments", nargs="+", choices=list(ROUTED), default=DEPLOYMENTS, metavar="deployment")
    names = [setting.name for setting in SETTINGS]
    parser.add_argument("--settings", nargs="+", choices=names, default=names, metavar="setting")
    parser.add_argument("--pin", nargs="+", default=[], metavar="client=version", help="in place of the newest")
    arguments = parser.parse_args()
    pins = dict(pin.split("=", 1) for pin in arguments.pin if "=" in pin)
    if unknown := {*arguments.clients, *pins} - {*programs}:
        parser.error(f"no client is called {', '.join(sorted(unknown))}")
    _print(HEAD)
    _print(["---"] * len(HEAD))
    ready, right = [], True
    for client in CLIENTS:
        if client.program in (arguments.clients or programs):
            try:
                ready.append((client, install(FOLDER, client.package, pins.get(client.program))))
            except RuntimeError as error:
                _print([client.name, *[""] * (len(HEAD) - 2), f"could not be installed: {error}"])
                right = False
    settings = [setting for setting in SETTINGS if setting.name in arguments.settings]
    done = [run(setting, ready, arguments.deployments) for setting in settings]
    return 0 if right and all(done) else 1


def _print(cells: Sequence[object]) -> None:
    print(f"| {' | '.join(' '.join(str(cell).replace('|', '/').split()) for cell in cells)} |", flush=True)


sys.exit(main())
