"""Every code block of the README is run, and every table in it is what the code says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mimo_quirks.facts.families import FAMILIES
from mimo_quirks.facts.hosts import HOSTS, Host
from mimo_quirks.settings import PREFIX, Settings

pytest.importorskip("litellm")
pytest.importorskip("langchain_openai")

from mimo_quirks.cli.demo import CONFIG
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator, errors

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]


def _blocks(kind: str) -> list[str]:
    return [block for found, block in BLOCKS if found == kind]


@pytest.fixture(name="environment", scope="module")
def _environment() -> Iterator[dict[str, str]]:
    with Simulator() as simulator:
        yield {**os.environ, "MIMO_API_KEY": "k", "MIMO_BASE_URL": simulator.base_url}


def test_every_kind_of_block_is_known() -> None:
    """A block of another kind would be one that nobody runs."""
    assert {"json", "python", "sh", "text", "yaml"} == {kind for kind, _ in BLOCKS}


@pytest.mark.parametrize("program", _blocks("python"))
def test_python(program: str, environment: dict[str, str]) -> None:
    """Each program runs as it stands, against the simulator."""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment
    )

    assert (0, "") == (ended.returncode, ended.stderr)


def test_error() -> None:
    """The quoted body is the API's."""
    (block,) = _blocks("json")

    assert errors.REASONING_MISSING.body == json.loads(block)


def test_configuration() -> None:
    """The first YAML is the demo's, with which `make demo` runs a proxy."""
    assert CONFIG == _blocks("yaml")[0]


def test_a_host_of_the_chat_wire_alone() -> None:
    """The second YAML serves the other routes from a host that has no endpoint for them."""
    question = [{"role": "user", "content": "hi"}]
    body = {"model": "mimo", "input": question, "messages": question, "max_tokens": 4000}
    with Simulator(Mode(wires=("chat",))) as simulator:
        environment = {**os.environ, "MIMO_API_KEY": "k", "MIMO_BASE_URL": simulator.base_url}
        with LiteLLMProxy(_blocks("yaml")[1], environment) as proxy:
            headers = {"Authorization": f"Bearer {proxy.key}"}
            urls = [f"{proxy.base_url}/v1/{path}" for path in ("responses", "messages")]
            answers = [httpx.post(url, json=body, headers=headers, timeout=60) for url in urls]

    assert [True, True] == ["答案是" in answer.text for answer in answers]


def test_commands() -> None:
    """The commands are those that are run: here, in test_packaging, and by whoever runs this."""
    assert [
        'pip install "mimo-quirks[langchain]"',
        'pip install "mimo-quirks[anthropic]"',
        'pip install "mimo-quirks[proxy]"',
        'export LITELLM_MASTER_KEY="sk-$(openssl rand -hex 32)"',
        "litellm --config config.yaml",
        "make demo",
        "make test",
        'pip install "mimo-quirks[cli]"',
        "mimo-quirks simulate accepts=exact tool_rounds=3 --port 8765",
        "mimo-quirks simulate accepts=non-empty enforces_every=2 then=5 forbids=always",
    ] == COMMANDS


def test_make_demo() -> None:
    """`make demo` ends with the table and status 0; here with the environment that is there already."""
    here = [f"BIN={Path(sys.executable).parent}", "INSTALLED=pyproject.toml"]
    ended = subprocess.run(["make", "demo", *here], capture_output=True, text=True, check=False, cwd=ROOT)

    assert 0 == ended.returncode, ended.stderr
    assert 4 == ended.stdout.count("HTTP 400 at step 2")
    assert 8 == ended.stdout.count("ok, 3 exact")


def test_help() -> None:
    """The command says what it is for."""
    ended = subprocess.run([_script("mimo-quirks"), "--help"], capture_output=True, text=True, check=False)

    assert "MiMo reasoning survives message conversion: show it, and test against it." in " ".join(ended.stdout.split())


def test_live_demo_wants_a_key() -> None:
    """The real service is asked only with a key."""
    ended = subprocess.run([_script("mimo-quirks"), "demo", "--live"], capture_output=True, text=True, check=False)

    assert ended.returncode
    assert "set MIMO_API_KEY" in ended.stderr


def test_simulate() -> None:
    """The simulator serves in the mode that was asked for, and says where."""
    command = next(command for command in COMMANDS if "simulate" in command).split()
    with subprocess.Popen([_script(command[0]), *command[1:]], stdout=subprocess.PIPE, text=True) as process:
        try:
            log = _patiently(f"http://127.0.0.1:{command[-1]}/simulator/log")
        finally:
            process.terminate()
        printed, _ = process.communicate()

    assert [] == log
    assert [
        ["chat", "http://127.0.0.1:8765/v1/chat/completions"],
        ["messages", "http://127.0.0.1:8765/anthropic/v1/messages"],
        ["messages", "http://127.0.0.1:8765/v1/messages"],
        ["responses", "http://127.0.0.1:8765/v1/responses"],
        ["log", "http://127.0.0.1:8765/simulator/log"],
    ] == [line.split() for line in printed.splitlines()]


@pytest.mark.parametrize(
    ("words", "complaint"), [(["acepts=exact"], "known: accepts"), (["accepts=sometimes"], "'sometimes' is none of")]
)
def test_simulate_rejects_unknown_modes(words: list[str], complaint: str) -> None:
    """A mode that does not exist is named."""
    ended = subprocess.run([_script("mimo-quirks"), "simulate", *words], capture_output=True, text=True, check=False)

    assert 2 == ended.returncode
    assert complaint in re.sub(r"[│\s]+", " ", ended.stderr)


def _script(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _patiently(url: str) -> object:
    with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
        return client.get(url, timeout=60).json()


def test_families() -> None:
    """The table of families is the rows'."""
    rows = [f'| {row.name} | `"{row.placeholder}"` | {row.source} | {row.date} |' for row in FAMILIES]

    assert [] == [row for row in rows if row not in README]


def _host_row(host: Host) -> str:
    dialect, switch = host.dialect, host.dialect.switches[0]
    names = [f"`{field}`" for field in (*dialect.alternatives, *dialect.fields)]
    placeholder = "the family's" if host.takes_placeholder else "none"
    fields = " or ".join(names) if dialect.alternatives else " and ".join(names)
    return f"| {host.name} | {fields} | `{'.'.join(switch.path)}` | {placeholder} | {host.source} | {host.date} |"


def test_hosts() -> None:
    """The table of hosts is the rows'."""
    assert [] == [row for row in map(_host_row, HOSTS) if row not in README]


def test_settings() -> None:
    """The table of settings has every setting with its default, and each example is accepted and changes something."""
    rows = re.findall(rf"^\| `({PREFIX}\w+)` \| (?:`(.*?)` )?\| `(.*?)` \|", README, re.MULTILINE)
    defaults = {name: default for name, default, _ in rows if default}
    changed = [name for name, _, example in rows if Settings() != Settings.from_env({name: example})]

    assert {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} == {name for name, _, _ in rows}
    assert Settings() == Settings.from_env(defaults)
    assert {f"{PREFIX}SCOPE", f"{PREFIX}SECRET"} == {name for name, _, _ in rows} - set(defaults)
    assert [name for name, _, _ in rows] == changed


def test_layout() -> None:
    """What the tree names is there."""
    (tree,) = _blocks("text")

    assert [] == [line for line in tree.splitlines() if not (ROOT / line.split()[0]).exists()]
