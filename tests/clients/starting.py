"""One client, started in a home of its own with an environment that holds nothing but what it needs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..pages import text_of
from .rows import Client

PAGE: Final = "litellm_plugin/README.md"
SECONDS: Final = 120
"""How long one turn of a user may take."""

_BLOCK: Final = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Ended:
    """How a turn of a user ended; `code` is None where the client had to be stopped."""

    code: int | None
    output: str


@dataclass(frozen=True)
class Home:
    """A client's home, and what it talks to.

    Attributes:
        client: Whose.
        folder: Empty before the first turn.
        programs: Folders with node and the clients' programs.
        url: Of the proxy.
        key: The proxy's.
        model: What the proxy calls the deployment.
    """

    client: Client
    folder: Path
    programs: tuple[Path, ...]
    url: str
    key: str
    model: str

    def ask(self, prompt: str, *, first: bool) -> Ended:
        """One turn of the user, in a process of its own."""
        work = self.folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        if self.client.place:
            place = self.folder / self.client.place
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self._configuration(), encoding="utf-8")
        variables = [f"{name}={value}" for name, value in self._environment().items()]
        arguments = map(self._here, self.client.first if first else self.client.again)
        process = subprocess.Popen(
            ["env", "-i", *variables, self.client.program, *arguments, prompt],
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return Ended(None, output)
        return Ended(process.returncode, output)

    def _environment(self) -> dict[str, str]:
        bare = {
            "PATH": os.pathsep.join([*map(str, self.programs), "/usr/bin", "/bin"]),
            "HOME": str(self.folder),
            "TERM": "dumb",
            "LITELLM_API_KEY": self.key,
        }
        exports = () if self.client.place else re.findall(r'^export (\w+)="?(.*?)"?$', self._configuration(), re.M)
        exported = {name: re.sub(r"\$(\w+)", lambda found: bare[found[1]], value) for name, value in exports}
        return {**bare, **self.client.environment, **exported}

    def _configuration(self) -> str:
        """What the page says, for this proxy and this deployment."""
        _, _, below = text_of(PAGE).partition(f"\n### {self.client.heading or self.client.name}\n")
        (text,) = _BLOCK.findall(re.split(r"^##", below, maxsplit=1, flags=re.MULTILINE)[0])
        for old, new in self.client.changes.items():
            text = text.replace(old, new)
        return self._here(text.replace("http://localhost:4000", self.url))

    def _here(self, text: str) -> str:
        return re.sub(r"\bmimo\b", self.model, text)
