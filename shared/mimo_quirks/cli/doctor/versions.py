"""What is installed, against the package's own requirements."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from .checks import Check

_REQUIREMENT: Final = re.compile(
    r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?(?P<range>[^;]*)(?:;.*extra == ['\"](?P<extra>[\w-]+)['\"])?"
)
_BOUND: Final = re.compile(r"(>=|<)\s*([\d.]+)")
_PACKAGE: Final = "mimo-quirks"


def examine_versions(*, needs_proxy: bool) -> Iterator[Check]:
    """The package, and each extra that is installed, or is needed and is not.

    Args:
        needs_proxy: There is a config of a LiteLLM proxy.
    """
    try:
        own, needed = version(_PACKAGE), requires(_PACKAGE) or []
    except PackageNotFoundError:
        yield Check("warning", "version", "mimo-quirks is not installed as a package", "install it with pip")
        return
    yield Check("ok", "version", f"mimo-quirks {own}, Python {platform.python_version()}")
    extras: dict[str, dict[str, str]] = {}
    for requirement in needed:
        matched = _REQUIREMENT.match(requirement)
        if matched and matched["extra"] not in (None, "all"):
            extras.setdefault(matched["extra"], {})[matched["name"]] = matched["range"].strip()
    missing = []
    for extra, packages in extras.items():
        installed = {name: found for name in packages if (found := _version(name)) is not None}
        if len(installed) < len(packages):
            missing.append(extra)
        else:
            yield _extra(extra, packages, installed)
    if needs_proxy and "proxy" in missing:
        yield Check("error", "extra proxy", "LiteLLM is not installed", f'pip install "{_PACKAGE}[proxy]"')
    elif missing:
        yield Check("ok", "extras", f"not installed: {', '.join(missing)}")


def _extra(extra: str, packages: dict[str, str], installed: dict[str, str]) -> Check:
    wrong = [name for name, found in installed.items() if not is_within(found, packages[name])]
    if wrong:
        said = ", ".join(f"{name} {installed[name]} does not satisfy {packages[name]}" for name in wrong)
        return Check("warning", f"extra {extra}", said, f'pip install --upgrade "{_PACKAGE}[{extra}]"')
    told = ", ".join(f"{name} {found} satisfies {packages[name]}" for name, found in installed.items())
    return Check("ok", f"extra {extra}", told)


def is_within(found: str, bounds: str) -> bool:
    """Whether a version is within bounds such as ``>=1.2,<2``."""
    here = _numbers(found)
    return all(
        here >= _numbers(bound) if sign == ">=" else here < _numbers(bound) for sign, bound in _BOUND.findall(bounds)
    )


def _numbers(text: str) -> list[int]:
    """The numbers of a release; zeros at its end tell nothing."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", text)[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
