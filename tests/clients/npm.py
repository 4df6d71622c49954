"""Node and the clients, from npm."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NODE: Final = "node@26"
"""Several clients want a newer one than distributions have, and npm picks the versions that its own node can run."""


@dataclass(frozen=True)
class Installed:
    """A client that is there.

    Attributes:
        programs: Folders with node and the client.
        version: The client's.
    """

    programs: tuple[Path, ...]
    version: str


def install(folder: Path, package: str, pin: str | None) -> Installed:
    """Installs a client, if it is not there yet.

    Args:
        folder: Where node and the clients are.
        package: Its name.
        pin: Its version; None for the newest.

    Raises:
        RuntimeError: npm could not; the message says what npm said.
    """
    node = _npm(folder / "node", NODE, os.environ["PATH"])
    place = folder / package.replace("/", "-")
    programs = _npm(place, f"{package}@{pin or 'latest'}", f"{node}{os.pathsep}{os.environ['PATH']}")
    description = place / "node_modules" / package / "package.json"
    return Installed((node, programs), json.loads(description.read_text(encoding="utf-8"))["version"])


def _npm(folder: Path, package: str, path: str) -> Path:
    """Installs a package; the folder with its programs."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "installed"
    if not done.exists() or done.read_text(encoding="utf-8") != package:
        command = ["npm", "install", "--no-save", "--loglevel", "error", "--prefix", str(folder), package]
        ended = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise RuntimeError(f"npm install {package}: {ended.stderr.strip()}")
        done.write_text(package, encoding="utf-8")
    return folder / "node_modules" / ".bin"
