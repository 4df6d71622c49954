"""Node and the clients, from npm."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

NODE: Final = "node@26"
"""Several clients want a newer one than distributions have, and npm picks the versions that its own node can run."""


def install(folder: Path, packages: Iterable[str]) -> tuple[Path, ...]:
    """Installs what is not there yet; the folders with the programs.

    Args:
        folder: Where to.
        packages: Names, each with a version where it is not to be the newest.
    """
    node, clients = folder / "node", folder / "clients"
    _npm(node, [NODE], os.environ["PATH"])
    _npm(clients, sorted(set(packages)), f"{_programs(node)}{os.pathsep}{os.environ['PATH']}")
    return _programs(node), _programs(clients)


def version(folder: Path, package: str) -> str:
    """Which version of a client is installed."""
    description = folder / "clients" / "node_modules" / package / "package.json"
    return json.loads(description.read_text(encoding="utf-8"))["version"]


def _npm(folder: Path, packages: list[str], path: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    installed = folder / "installed.json"
    if not installed.exists() or json.loads(installed.read_text(encoding="utf-8")) != packages:
        command = ["npm", "install", "--no-save", "--silent", "--prefix", str(folder), *packages]
        subprocess.run(command, check=True, env={**os.environ, "PATH": path})
        installed.write_text(json.dumps(packages), encoding="utf-8")


def _programs(folder: Path) -> Path:
    return folder / "node_modules" / ".bin"
