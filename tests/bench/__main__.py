"""What we cost, with bounds and verdicts: `python -m tests.bench`, or a part of it: `core`, `litellm`, `langchain`."""

from __future__ import annotations

import argparse
import importlib
from typing import Final

_PARTS: Final = ("core", "litellm", "langchain")

parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What we cost, with bounds and verdicts.")
parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(_PARTS)}; all by default")
arguments = parser.parse_args()
if unknown := set(arguments.parts) - set(_PARTS):
    parser.error(f"no part is called {', '.join(sorted(unknown))}")
for part in arguments.parts or _PARTS:
    importlib.import_module(f"tests.bench.{part}_rows").rows()  # here, for each part needs another framework
