"""The real service as commands reach it: its URL, and a key that stands in the environment and nowhere else."""

from __future__ import annotations

import os
from typing import Final

KEY: Final = "MIMO_API_KEY"
URL: Final = "https://api.xiaomimimo.com/v1"
MODEL: Final = "mimo-v2.6-pro"


def base_url() -> str:
    """Where requests go: `MIMO_BASE_URL`, or Xiaomi's own host."""
    return os.environ.get("MIMO_BASE_URL") or URL


def api_key() -> str:
    """The key, empty where there is none."""
    return os.environ.get(KEY, "")
