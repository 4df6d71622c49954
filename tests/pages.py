"""The pages that people read: their code blocks, their tables, and how many words are left without both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "litellm_plugin/README.md",
    "litellm_plugin/OPERATIONS.md",
    "langchain_plugin/README.md",
    "shared/README.md",
    "shared/mimo_quirks/simulator/README.md",
    "tests/README.md",
)

_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE: Final = re.compile(r"^\|.*$", re.MULTILINE)
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A code block."""

    page: str
    kind: str
    code: str


def text_of(page: str) -> str:
    """A page as it is written."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*kinds: str, page: str | None = None) -> list[Block]:
    """The code blocks of these kinds, or of all; of one page, or of all."""
    pages = PAGES if page is None else (page,)
    found = [Block(name, kind, code) for name in pages for kind, code in _BLOCK.findall(text_of(name))]
    return [block for block in found if not kinds or block.kind in kinds]


def code(kind: str, page: str) -> list[str]:
    """What stands in the blocks of a kind."""
    return [block.code for block in blocks(kind, page=page)]


def rows_of(page: str, head: str) -> list[list[str]]:
    """The rows of the table whose first cell of the head is this, each as its cells."""
    lines = text_of(page).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {head} |")) + 2
    end = next(number for number in range(start, len(lines) + 1) if not "".join(lines[number : number + 1]).strip())
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[start:end]]


def words_of(page: str) -> int:
    """How many words a page has without code blocks, tables, pictures and the addresses of links."""
    text = _TABLE.sub("", _BLOCK.sub("", text_of(page)))
    text = re.sub(r"<[^>]+>", "", re.sub(r"\]\([^)]*\)", "]", text))
    return sum(bool(re.search(r"\w", word)) for word in text.split())


def anchors_of(page: str) -> set[str]:
    """What links can point at in a page, as hosts of repositories name it."""
    headings = _HEADING.findall(_BLOCK.sub("", text_of(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_of(page: str) -> Iterator[str]:
    """Where the links of a page lead, and its pictures come from."""
    text = _BLOCK.sub("", text_of(page))
    yield from re.findall(r"\]\(([^)]+)\)", text)
    yield from re.findall(r'<img src="([^"]+)"', text)
