"""What the environment says of a real service, before the tests forget it: asked for by `MIMO_LIVE=1` alone."""

from __future__ import annotations

import os
from typing import Final

LIVE: Final = dict(os.environ) if os.environ.get("MIMO_LIVE") == "1" else None
"""The environment as it was, for the command that asks; None where nobody asked for it."""
