"""Every fact of a row has its source in EVIDENCE.md, and every pointer into it leads to a section that exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimo_quirks.cli.probe.questions import NAMES
from mimo_quirks.facts.families import FAMILIES, Family
from mimo_quirks.facts.hosts import HOSTS, MESSAGES, RESPONSES, Host
from mimo_quirks.facts.models import MODELS
from mimo_quirks.facts.prices import PRICES

ROOT = Path(__file__).parent.parent
EVIDENCE = ROOT / "shared/mimo_quirks/facts/EVIDENCE.md"
TEXT = EVIDENCE.read_text(encoding="utf-8")
ROWS = (*((row, "Family") for row in FAMILIES), *((row, "Host") for row in HOSTS))
GONE = re.compile(r"contract (?:§|[EF]\d)|lessons(?:\.md)? ?\d|mimo-api-contract|fact sheet", re.IGNORECASE)


def _sections() -> Iterator[tuple[str, str, str]]:
    """Number, title and text of each section, without the sections below it."""
    yield from re.findall(r"^##+ ([\d.]+?)\.? (.*)\n((?:(?!##).*\n)*)", TEXT, re.MULTILINE)


SECTIONS = {number: (title, text) for number, title, text in _sections()}


def _files() -> Iterator[tuple[str, str]]:
    for folder in ("shared", "litellm_plugin", "langchain_plugin", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".md", ".json", ".yaml"} and path not in (EVIDENCE, Path(__file__)):
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in sorted(ROOT.glob("*.md")):
        yield path.name, path.read_text(encoding="utf-8")


def test_every_pointer_leads_somewhere() -> None:
    """Each "§n" in the repository, and in EVIDENCE.md itself, is the number of a section there."""
    texts = [*_files(), (EVIDENCE.name, TEXT.replace("EVIDENCE §n", ""))]
    pointers = [(name, number) for name, text in texts for number in re.findall(r"§(\d+(?:\.\d+)*)", text)]

    assert [] == [pointer for pointer in pointers if pointer[1] not in SECTIONS]
    assert {"EVIDENCE.md", "shared/README.md", "shared/mimo_quirks/facts/hosts.py"} <= {name for name, _ in pointers}


def test_every_pointer_to_a_line_leads_there() -> None:
    """A row such as E4 that is named after a section is a line of its table."""
    found = [
        (name, number, row)
        for name, text in _files()
        for number, row in re.findall(r"§(\d+(?:\.\d+)*), ([CEF]\d+)\b", text)
    ]

    assert found
    assert [] == [
        pointer for pointer in found if not re.search(rf"^\| (?:\w+, )*{pointer[2]}\b", SECTIONS[pointer[1]][1], re.M)
    ]


def test_nothing_points_out_of_the_repository() -> None:
    """What comments once cited cannot be opened by a reader."""
    assert [] == [(name, found) for name, text in (*_files(), ("", TEXT)) for found in GONE.findall(text)]


@pytest.mark.parametrize(("row", "kind"), ROWS, ids=lambda value: getattr(value, "name", value))
def test_every_row_has_a_section(row: Family | Host, kind: str) -> None:
    """It names sources and the row's date; the row names a source that is public, and then the section."""
    (number,) = [number for number, (title, _) in SECTIONS.items() if title == f"{kind} `{row.name}`"]
    source, _, pointer = row.source.rpartition("; EVIDENCE §")

    assert SECTIONS[number][1].lstrip().startswith("* Sources: ")
    assert row.date in SECTIONS[number][1].replace("\n  ", " ")
    assert number == pointer
    assert source


def test_every_other_row_has_a_public_source() -> None:
    """Dialects, models and prices name a source and a date, and never our sections alone."""
    rows = (*(host.dialect for host in HOSTS), MESSAGES, RESPONSES, *MODELS, *PRICES)

    assert [] == [row for row in rows if not re.sub(r";? ?EVIDENCE [§\d., ]+", "", row.source)]
    assert [] == [row for row in rows if not re.fullmatch(r"\d{4}-\d\d-\d\d", row.date)]


def test_prices() -> None:
    """The table of prices is the rows'."""
    rows = [
        f"| {row.id} | {row.usd_input} | {row.usd_cached or 'not known'} | {row.usd_output} | {row.date} |"
        for row in PRICES
    ]

    assert [] == [row for row in rows if row not in SECTIONS["10.2"][1]]


def test_models() -> None:
    """Each row of models is a line of the table with its two limits."""
    lines = SECTIONS["10.1"][1].splitlines()

    for row in MODELS:
        line = next(line for line in lines if any(row.shape.search(model) for model in re.findall(r"`(.+?)`", line)))
        assert f"| {row.context:,} | {row.output:,} |" in line


def test_short_names_are_unique() -> None:
    """A short name of a project stands for one repository."""
    cells = re.findall(r"^\| (.+?) \| (\S+/\S+) \| (.+?) \| (\S+/\S+) \|$", SECTIONS["1"][1], re.MULTILINE)
    shorts = [short for row in cells for names in row[::2] for short in names.split(", ")]

    assert sorted(set(shorts)) == sorted(shorts)
    assert shorts


SURE = ("documented", "reported", "unclear", "not known", "probed")


def test_each_question_of_the_probe_has_a_line() -> None:
    """It says how sure the fact is and since when; what is called probed names a host and the issue with the result."""
    lines = re.findall(
        r"^\| `([\w-]+)` \| (§.+?) \| (.+?) \| (\d{4}-\d\d-\d\d)(.*?) \|$", SECTIONS["16"][1], re.MULTILINE
    )

    assert list(NAMES) == [name for name, *_ in lines]
    assert set() == {sure for _, _, sure, *_ in lines} - set(SURE)
    assert [] == [line for line in lines if line[2] == "probed" and not re.search(r", \S+\.\S+, \S+#\d+", line[4])]
