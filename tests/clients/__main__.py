"""Three turns of a user with each client, and a restart of the proxy between them: `python -m tests.clients --help`."""

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
from . import npm
from .rows import CLIENTS, Client
from .seen import answered, rejected, verdicts, visible
from .starting import Home
from .world import SETTINGS, Setting, World

FOLDER: Final = Path(__file__).parents[2] / ".venv-clients"
TURNS: Final = 3
DEPLOYMENTS: Final = ("xiaomi_mimo", "openai", "hosted_vllm-bridged", "openrouter-bridged", "anthropic")
HEAD: Final = (
    "client",
    "version",
    "deployment",
    "setting",
    "exact",
    "placeholder",
    "missing",
    "other",
    "rejected",
    "visible",
    "finished",
)


@dataclass
class Course:
    """What became of one client at one deployment."""

    client: Client
    deployment: str
    setting: Setting
    exchanges: list[Exchange] = field(default_factory=list)
    finished: int = 0
    failed: str = ""

    def go_on(self, world: World, url: str, programs: tuple[Path, ...], number: int) -> None:
        """One turn of the user."""
        host, seen = world.hosts[self.deployment], len(world.hosts[self.deployment].exchanges)
        folder = world.home(f"{self.client.name} at {self.deployment}".replace(" ", "-").replace(",", ""))
        home = Home(self.client, folder, programs, url, world.key, self.deployment)
        ended = home.ask(f"Turn {number}: run 'echo hello{number}'.", first=number == 0)
        new = host.exchanges[seen:]
        self.exchanges += new
        if ended.code == 0 and answered(new, ended.output):
            self.finished += 1
        elif not self.failed:
            how = "was stopped" if ended.code is None else f"ended with {ended.code}"
            self.failed = f"turn {number} {how} after {len(new)} requests: {ended.output.strip()[-400:]}"

    @property
    def row(self) -> tuple[str, ...]:
        """The cells of its line."""
        found = verdicts(self.exchanges)
        other = found["altered"] + found["foreign"]
        counts = (found["exact"], found["placeholder"], found["missing"], other)
        more = (rejected(self.exchanges), visible(self.exchanges), f"{self.finished} of {TURNS}")
        version = npm.version(FOLDER, self.client.package)
        return (self.client.name, version, self.deployment, self.setting.name, *map(str, (*counts, *more)))

    @property
    def is_right(self) -> bool:
        """Whether all is as the pages say; without us anything may be."""
        found = verdicts(self.exchanges)
        is_exact = set(found) == {"exact"} and not rejected(self.exchanges) and self.finished == TURNS
        return not self.setting.callback or (is_exact and not visible(self.exchanges))


def run(setting: Setting, clients: Sequence[Client], deployments: Sequence[str], programs: tuple[Path, ...]) -> bool:
    """Prints a line for each client at each deployment; whether all is right."""
    courses = [[Course(client, name, setting) for client in clients] for name in deployments]
    with World(setting, deployments) as world:
        for number in range(TURNS):
            url = world.url(number)

            def at_one_deployment(some: Sequence[Course], url: str = url, number: int = number) -> None:
                for course in some:
                    course.go_on(world, url, programs, number)

            with ThreadPoolExecutor(max_workers=2) as pool:
                list(pool.map(at_one_deployment, courses))
    for course in (course for some in courses for course in some):
        print(f"| {' | '.join(course.row)} |", flush=True)
        if course.failed and setting.callback:
            print(f"  {course.failed}", file=sys.stderr)
    return all(course.is_right for some in courses for course in some)


def main() -> int:
    """Installs the clients, and runs them in each setting."""
    names = sorted({client.program for client in CLIENTS})
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="client", help=f"some of {', '.join(names)}; all by default")
    parser.add_argument("--deployments", nargs="+", choices=list(ROUTED), default=DEPLOYMENTS, metavar="deployment")
    parser.add_argument("--pin", nargs="+", default=[], metavar="package@version", help="not the newest of a package")
    arguments = parser.parse_args()
    if unknown := set(arguments.clients) - set(names):
        parser.error(f"no client is called {', '.join(sorted(unknown))}")
    chosen = [client for client in CLIENTS if not arguments.clients or client.program in arguments.clients]
    pinned = {pin.rpartition("@")[0]: pin for pin in arguments.pin}
    programs = npm.install(FOLDER, [pinned.get(client.package, client.package) for client in CLIENTS])
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    right = [run(setting, chosen, arguments.deployments, programs) for setting in SETTINGS]
    return 0 if all(right) else 1


sys.exit(main())
