"""The real service, with MIMO_LIVE=1 and a key: the questions of `mimo-quirks probe` as assertions.

    MIMO_LIVE=1 MIMO_API_KEY=... python -m pytest tests/test_live.py

MIMO_BASE_URL, PROBE_MODEL and PROBE_WIRE say whom else to ask. It costs what the probe costs, and stops where it stops.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from mimo_quirks.cli.live import MODEL
from mimo_quirks.cli.probe.questions import NAMES

from .live import LIVE

pytestmark = pytest.mark.skipif(LIVE is None, reason="it asks the real service, and only where MIMO_LIVE=1 says so")


@pytest.fixture(name="result", scope="module")
def _result() -> Mapping[str, Any]:
    environment = {name: value for name, value in (LIVE or {}).items() if not name.startswith("MIMO_LIVE")}
    words = ["--model", environment.get("PROBE_MODEL", MODEL), "--wire", environment.get("PROBE_WIRE", "chat")]
    command = [sys.executable, "-m", "mimo_quirks", "probe", "--yes", "--json", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.stdout, ended.stderr
    told: Mapping[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.parametrize("name", NAMES)
def test_our_row_is_right(name: str, result: Mapping[str, Any]) -> None:
    """What the service does is what our row says, wherever our row says something."""
    findings = [finding for finding in result["findings"] if finding["question"] == name]
    if not findings:
        pytest.skip(result["stopped"] or "not asked on this wire")

    assert [] == [finding for finding in findings if finding["differs"]]


def test_nothing_is_lost(result: Mapping[str, Any]) -> None:
    """Reasoning comes, and reaches the model."""
    assert (None, []) == (result["stopped"], result["lost"])
