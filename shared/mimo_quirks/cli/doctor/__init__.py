"""`mimo-quirks doctor`: what is set, what is installed and what a LiteLLM config says, checked without a request."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from ..screens import echo, redacted, show  # noqa: TID252 - the command's other room
from .checks import Check
from .config import examine_config, read_config
from .environment import examine_key, examine_settings, examine_store
from .versions import examine_versions

__all__ = ["Check", "examine", "print_checks"]

_COLOURS: Final[Mapping[str, str]] = {"ok": "green", "warning": "yellow", "error": "red"}


def examine(config: str | None, environ: Mapping[str, str] | None = None) -> list[Check]:
    """Every check, in the order in which its reader would go through them.

    Args:
        config: The path of a LiteLLM proxy's config, where there is one.
        environ: The variables to read; the process environment by default.
    """
    known = dict(os.environ if environ is None else environ)
    read, complaint = read_config(config) if config is not None else (None, None)
    if read is not None:
        known |= read.environment
    settings, checks = examine_settings(known)
    checks = [*examine_versions(needs_proxy=config is not None), *checks]
    if settings is not None:
        checks += examine_store(settings, is_proxy=read is not None)
    if complaint is not None:
        checks.append(complaint)
    if read is None:
        checks.append(examine_key(known))
    elif settings is not None:
        checks += examine_config(read, settings, known)
    return checks


def print_checks(checks: Sequence[Check], *, as_json: bool) -> None:
    """Prints them: as JSON, or a line for each."""
    if as_json:
        echo(json.dumps({"checks": [asdict(check) for check in checks]}, indent=2))
        return
    show([(check.status, check.name, _said(check)) for check in checks], _COLOURS)
    counts = [(status, sum(check.status == status for check in checks)) for status in _COLOURS]
    echo()
    echo(", ".join(f"{count} {status}{'s' if status != 'ok' and count != 1 else ''}" for status, count in counts))


def _said(check: Check) -> str:
    return redacted(f"{check.said}; {check.remedy}" if check.remedy else check.said)
