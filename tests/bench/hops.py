"""How far a request travels through our files: `python -m tests.bench.hops` prints it for each of `second_requests`.

A *call* is a function of ours that begins: no comprehension, and no generator that goes on. A *hop* is a call whose
nearest caller of ours is in another file; one that comes from a framework is a hop too. Figures are CPython's of one
version: compare those of one interpreter.
"""

from __future__ import annotations

import argparse
import importlib
import random
import secrets
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

from mimo_quirks.simulator import Simulator

from .second_requests import REQUESTS

PACKAGES: Final = ("mimo_quirks", "litellm_mimo", "langchain_mimo")
LEFT_OUT: Final = frozenset({"mimo_quirks/simulator/"})
"""Folders that are no part of a request's way."""
FINGERPRINTING: Final = frozenset({"mimo_quirks/recall/fingerprints.py"})
"""Ends of the paths whose calls, with all that they call, are counted apart."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call into a file of ours.

    Attributes:
        file: Path from the package's parent.
        caller: The file of the nearest caller of ours; None where there is none.
        fingerprints: Whether it is fingerprinting, or part of it.
    """

    file: str
    caller: str | None
    fingerprints: bool


@dataclass(frozen=True, slots=True)
class Way:
    """A request's way through our files."""

    calls: Sequence[Call]

    @property
    def figures(self) -> tuple[int, int, int]:
        """How many calls, files and hops."""
        return len(self.calls), len({call.file for call in self.calls}), sum(c.file != c.caller for c in self.calls)

    @property
    def shortened(self) -> Way:
        """The way without fingerprinting."""
        return Way([call for call in self.calls if not call.fingerprints])

    @property
    def files(self) -> list[tuple[str, int]]:
        """Each file with its calls, the most first."""
        return Counter(call.file for call in self.calls).most_common()


def way_of(request: Callable[[Simulator, Callable[[], AbstractContextManager[None]]], None], server: Simulator) -> Way:
    """The way of the request that a conversation makes while it is watched."""
    calls: list[Call] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        file = _ours(frame.f_code.co_filename)
        if event == "call" and file is not None and _begins(frame):
            callers = list(_files_above(frame))
            places = (file, *callers)
            calls.append(Call(file, next(iter(callers), None), any(map(_fingerprints, places))))

    @contextmanager
    def watch() -> Iterator[None]:
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    request(server, watch)
    return Way(calls)


@cache
def _ours(path: str) -> str | None:
    """A path from its package's parent; None for a file of another package."""
    for name in PACKAGES:
        root = Path(str(importlib.import_module(name).__file__)).parent
        if path.startswith(f"{root}/"):
            file = Path(path).relative_to(root.parent).as_posix()
            return None if any(file.startswith(folder) for folder in LEFT_OUT) else file
    return None


def _begins(frame: FrameType) -> bool:
    """Whether a named function begins here: the operand of `RESUME` (Python 3.11) is 0 where nothing ran before."""
    return not frame.f_code.co_name.startswith("<") and frame.f_code.co_code[frame.f_lasti + 1] & 3 == 0


def _files_above(frame: FrameType) -> Iterator[str]:
    above = frame.f_back
    while above is not None:
        file = _ours(above.f_code.co_filename)
        if file is not None:
            yield file
        above = above.f_back


def _fingerprints(file: str) -> bool:
    return any(file.endswith(end) for end in FINGERPRINTING)


def main() -> None:
    """Prints the table, and with `--files` the files of each request."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.hops", description="Calls, files and hops of requests."
    )
    parser.add_argument("--files", action="store_true", help="list the files of each request with their calls")
    lists_files = parser.parse_args().files
    draw = random.Random(1)
    secrets.token_hex = lambda nbytes=None: draw.randbytes(nbytes or 32).hex()  # a stream has the same chunks each time
    print(f"{'':<30}{'all of it':>24}{'without fingerprinting':>28}")
    print(f"{'':<30}" + f"{'calls':>10}{'files':>7}{'hops':>7}" + f"{'calls':>14}{'files':>7}{'hops':>7}")
    with Simulator() as server:
        for name, request in REQUESTS.items():
            way = way_of(request, server)
            (calls, files, hops), (fewer, left, short) = way.figures, way.shortened.figures
            print(f"{name:<30}{calls:>10}{files:>7}{hops:>7}{fewer:>14}{left:>7}{short:>7}")
            for file, count in way.files if lists_files else ():
                print(f"    {file:<40}{count:>6}")


if __name__ == "__main__":
    main()
