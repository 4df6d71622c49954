"""The demo: the same agents without us and with us, through LiteLLM and LangChain, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from itertools import product
from typing import Final

from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from openai import OpenAI
from pydantic import SecretStr
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from langchain_mimo import ChatMiMo

from ..live import MODEL  # noqa: TID252 - the command's other room
from ..proxy import LiteLLMProxy  # noqa: TID252 - the command's other room
from .agent import run_agent
from .client import converse
from .outcomes import Outcome, Promise, outcome_of
from .service import Service, service

CONFIG: Final = files(__package__).joinpath("proxy.yaml").read_text(encoding="utf-8")
"""The proxy's configuration, which is the README's without a store."""
CONFIG_WITHOUT_US: Final = CONFIG.partition("litellm_settings:")[0]

_CLIENTS: Final[Mapping[bool, tuple[str, Promise]]] = {
    True: ("proxy, client echoes", "exact"),
    False: ("proxy, client drops", "exact"),
}
"""What clients of a proxy do with reasoning, and what is promised of each."""


@dataclass(frozen=True, slots=True)
class _Path:
    """One way to MiMo, and what is promised of it with us."""

    name: str
    streams: bool
    promise: Promise
    without_us: Callable[[], object]
    with_us: Callable[[], object]


def run(*, live: bool) -> int:
    """Runs every path, prints the table, and returns the exit status: 1 if a promise was not kept."""
    console = Console()
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
    with ExitStack() as stack:
        host = stack.enter_context(service(live=live))
        stack.enter_context(progress)
        task = progress.add_task("Starting two LiteLLM proxies", total=None)
        rows = []
        for path in list(_paths(host, stack)):
            progress.update(task, description=path.name)
            rows.append((path, _outcome(host, path, path.without_us), _outcome(host, path, path.with_us)))
        progress.update(task, description="Done", total=1, completed=1)
    console.print(_table(rows, host.base_url))
    return 0 if all(ours.keeps(path.promise) for path, _, ours in rows) else 1


def _outcome(host: Service, path: _Path, conversation: Callable[[], object]) -> Outcome:
    host.begin(path.promise)
    return outcome_of(conversation, host.exchanges)


def _paths(host: Service, stack: ExitStack) -> Iterator[_Path]:
    environment = {"MIMO_BASE_URL": host.base_url, "MIMO_API_KEY": host.api_key}
    plain, ours = (stack.enter_context(LiteLLMProxy(config, environment)) for config in (CONFIG_WITHOUT_US, CONFIG))
    for echoes, streams in product((True, False), (False, True)):
        name, promise = _CLIENTS[echoes]
        talks = (partial(_talk, proxy, echoes=echoes, streams=streams) for proxy in (plain, ours))
        yield _Path(name, streams, promise, *talks)
    for streams in (False, True):
        runs = (partial(_run_agent, model, host, streams=streams) for model in (ChatOpenAI, ChatMiMo))
        yield _Path("ChatOpenAI → ChatMiMo", streams, "exact", *runs)


def _talk(proxy: LiteLLMProxy, *, echoes: bool, streams: bool) -> None:
    client = OpenAI(base_url=f"{proxy.base_url}/v1", api_key=proxy.key, max_retries=0)
    converse(client, "mimo", echoes=echoes, streams=streams)


def _run_agent(model: type[BaseChatOpenAI], host: Service, *, streams: bool) -> None:
    run_agent(model(model=MODEL, base_url=host.base_url, api_key=SecretStr(host.api_key)), streams=streams)


def _table(rows: list[tuple[_Path, Outcome, Outcome]], base_url: str) -> Table:
    table = Table("path", "stream", "without us", "with us", title=f"Agents of several steps at {base_url}", box=SIMPLE)
    for path, plain, ours in rows:
        cells = (_coloured(outcome, path.promise) for outcome in (plain, ours))
        table.add_row(path.name, "yes" if path.streams else "no", *cells)
    return table


def _coloured(outcome: Outcome, promise: Promise) -> str:
    return f"[{'green' if outcome.keeps(promise) else 'red'}]{outcome}[/]"
