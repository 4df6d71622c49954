"""Every code block of every page is run or checked, or it says here why not; every table is what the code says."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from mimo_quirks import CHAT, COUNTERS, quirks_for, replay, unrecognised
from mimo_quirks.facts.families import FAMILIES
from mimo_quirks.facts.hosts import HOSTS, Host
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.words import RequestLine
from mimo_quirks.log import log_request
from mimo_quirks.settings import PREFIX, Settings

pytest.importorskip("litellm")
pytest.importorskip("langchain_openai")

import yaml
from typer.testing import CliRunner

from mimo_quirks.cli.commands import app
from mimo_quirks.cli.demo import CONFIG
from mimo_quirks.cli.doctor import examine
from mimo_quirks.simulator import Mode, Simulator

from .cases import CALL
from .clients.rows import CLIENTS
from .pages import PAGES, ROOT, anchors_of, blocks, code, links_of, rows_of, text_of

LITELLM, OPERATIONS, CORE = "litellm_plugin/README.md", "litellm_plugin/OPERATIONS.md", "shared/README.md"
SIMULATOR, TESTS = "shared/mimo_quirks/simulator/README.md", "tests/README.md"

BLOCKS: Final = {
    "json": "test_json",
    "python": "test_python",
    "sh": "test_commands",
    "text": "test_readme.py for the README, test_log_lines for OPERATIONS.md, test_layout for the others",
    "toml": "test_toml",
    "yaml": "test_litellm_configurations and test_other_yaml; the README's runs in test_readme.py",
    "dockerfile": "test_image; it is not built, because building needs a container engine and an image of Python",
}
"""Kind of block → what checks it."""

OWN_ROW: Final = '{"gw.example": {"row": "relay", "placeholder": " ", "takes_n": false}}'

COMMANDS: Final = {
    'pip install ".[proxy,redis,encryption,cli]"': "test_packaging.py installs each extra",
    "export MIMO_BASE_URL=https://api.xiaomimimo.com/v1": "not run: the real service",
    'export LITELLM_MASTER_KEY="sk-$(openssl rand -hex 32)"': "not run: cli/proxy.py makes such a key itself",
    "litellm --config config.yaml": "test_readme.py starts the proxy with this configuration",
    "make demo": "test_readme.py",
    "make test": "not run: it is what runs this",
    "make check": "not run: as above; test_make_targets",
    "make bench": "not run: it takes minutes; test_make_targets",
    "make hops": "not run: it takes minutes; test_make_targets",
    "mimo-quirks doctor --config config.yaml": "test_readme.py",
    "mimo-quirks explain request.json --base-url https://api.xiaomimimo.com/v1": "test_readme.py",
    "mimo-quirks simulate accepts=exact tool_rounds=3 --port 8765": "test_simulate",
    "mimo-quirks simulate accepts=non-empty enforces_every=2 then=5 forbids=always": "test_cli.py, with other fields",
    "mimo-quirks simulate --list-wordings": "test_cli.py",
    'python -c "import secrets; print(secrets.token_urlsafe(32))"': "test_secret",
    f"export MIMO_QUIRKS_HOSTS='{OWN_ROW}'": "test_own_row",
    "mimo-quirks probe --base-url http://localhost:4000 --model mimo --only used": "test_probe_commands",
    "mimo-quirks probe --base-url https://gw.example/v1 --model mimo-v2.6-pro --wire messages --only tool-turns "
    "--only used": "test_probe_commands",
    "mimo-quirks probe --base-url https://api.acme.example/v1 --model mimo-v2.6-pro --wire all --json > probe.json": (
        "test_probe_commands"
    ),
    "MIMO_LIVE=1 python -m pytest tests/test_live.py": "not run: it asks the real service",
    "python -m tests.picture": "test_readme.py draws it",
    "mimo-quirks forget --store redis://redis:6379/0 --scope user:alice": "test_cli.py, with another store",
    "redis-cli --scan --pattern 'mimo-quirks:2:*' | xargs -r redis-cli unlink": "not run: needs redis-cli; test_prefix",
    "export ANTHROPIC_BASE_URL=http://localhost:4000": "not run: Claude Code",
    'export ANTHROPIC_AUTH_TOKEN="$LITELLM_API_KEY"': "not run: Claude Code",
    "export ANTHROPIC_MODEL=mimo": "not run: Claude Code",
    "export ANTHROPIC_DEFAULT_HAIKU_MODEL=mimo": "not run: Claude Code",
    "claude": "not run: it takes minutes; make test-clients starts it with these variables",
    "export OPENAI_BASE_URL=http://localhost:4000/v1": "not run: Qwen Code",
    'export OPENAI_API_KEY="$LITELLM_API_KEY"': "not run: Qwen Code",
    "export OPENAI_MODEL=mimo": "not run: Qwen Code",
    "qwen": "not run: it takes minutes; make test-clients starts it with these variables",
}
"""Command → where it is run, or why it is not."""

_RUNNER: Final = """
import json, sys, traceback
failed = []
for name, program in json.load(sys.stdin):
    try:
        exec(compile(program, name, "exec"), {"__name__": "__main__"})
    except BaseException:
        failed.append(name)
        traceback.print_exc()
sys.exit(len(failed))
"""


def test_every_page_is_here() -> None:
    """A page that is not listed would be one whose blocks nobody runs."""
    ours = ("litellm_plugin", "langchain_plugin", "shared", "tests")
    found = [*ROOT.glob("*.md"), *(page for folder in ours for page in (ROOT / folder).rglob("*.md"))]
    listed = {*PAGES, "CHANGELOG.md", "shared/mimo_quirks/facts/EVIDENCE.md"}  # these two have no code

    assert set() == {page.relative_to(ROOT).as_posix() for page in found} - listed


def test_every_kind_of_block_is_known() -> None:
    """A block of another kind would be one that nobody checks."""
    assert set(BLOCKS) == {block.kind for block in blocks()}


def test_python(tmp_path: Path) -> None:
    """Each program runs as it stands, against the simulator, and writes no error."""
    programs = [(f"{block.page}, program {number}", block.code) for number, block in enumerate(blocks("python"))]
    with Simulator() as simulator:
        ended = subprocess.run(
            [sys.executable, "-c", _RUNNER],
            input=json.dumps(programs),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "MIMO_API_KEY": "k", "MIMO_BASE_URL": simulator.base_url},
            cwd=tmp_path,
        )

    assert (0, "") == (ended.returncode, ended.stderr)


def test_commands() -> None:
    """Every command of every page is one that is run, or that is listed with the reason why not."""
    assert set(COMMANDS) == {line for block in blocks("sh") for line in block.code.splitlines() if line}


def test_make_targets() -> None:
    """`make` knows every target that a page names."""
    named = {target for page in PAGES for target in re.findall(r"\bmake ([a-z][a-z0-9-]+)`", text_of(page))}
    named |= {command.removeprefix("make ") for command in COMMANDS if command.startswith("make ")}
    known = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert set() == named - known


def test_clients() -> None:
    """The page has one configuration for each client that `make test-clients` starts, and for no other."""
    section = text_of(LITELLM).partition("\n## Clients of the proxy\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (.+)$", section, flags=re.MULTILINE)[1:]
    found = {name: part.count("\n```") // 2 for name, part in zip(parts[::2], parts[1::2], strict=True)}

    assert {client.heading or client.name: 1 for client in CLIENTS} == found


def test_own_row() -> None:
    """The host row that the page sets is read, and changes what it says."""
    quirks = Settings.from_env({"MIMO_QUIRKS_HOSTS": OWN_ROW}).quirks_for("mimo", "https://gw.example")

    assert quirks is not None
    assert (" ", False) == (quirks.placeholder, quirks.takes_n)


@pytest.mark.parametrize("command", [command for command in COMMANDS if " probe " in command])
def test_probe_commands(command: str) -> None:
    """Each command of the pages asks what it says, here of the simulator, and gives an answer."""
    with Simulator(Mode(reasoning="used")) as simulator:
        words = command.partition(" > ")[0].split()[1:]
        words[words.index("--base-url") + 1] = simulator.base_url
        ended = CliRunner().invoke(app, [*words, "--yes"], env={"MIMO_API_KEY": "k"})
        asked = {exchange.wire for exchange in simulator.exchanges}

    wire = words[words.index("--wire") + 1] if "--wire" in words else "chat"
    assert (1 if wire == "all" else 0) == ended.exit_code
    assert ({"chat", "messages", "responses"} if wire == "all" else {wire}) == asked


def test_secret() -> None:
    """What the command prints is a secret that the settings take."""
    (command,) = [command for command in COMMANDS if "token_urlsafe" in command]
    program = command.partition('"')[2].rstrip('"')
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert Settings.from_env({f"{PREFIX}SECRET": printed.strip()}).secret


def test_prefix() -> None:
    """The pattern of the command is that of our keys."""
    redis_plan = pytest.importorskip("mimo_quirks.stores.redis_plan")

    assert f"'{redis_plan.PREFIX}*'" in text_of(OPERATIONS)


def test_extras() -> None:
    """Every extra that a page installs is one."""
    named = {
        extra
        for page in PAGES
        for extras in re.findall(r'pip install [^\n`]*?"[^"\n]*\[([\w,]+)\]"', text_of(page))
        for extra in extras.split(",")
    }

    assert {"langchain", "anthropic", "proxy", "litellm", "cli", "redis", "encryption"} == named
    assert set() == named - set(metadata("mimo-quirks").get_all("Provides-Extra") or ())


def test_tested_versions() -> None:
    """The versions that the README names are the lowest that pyproject.toml admits."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    readme = " ".join(text_of("README.md").split())
    (python,) = re.findall(r'requires-python = ">=([\d.]+)"', pyproject)
    lowest = dict(re.findall(r'"([\w-]+)(?:\[\w+\])?>=([\d.]+),<2"', pyproject))

    assert f"Python {python} or later" in readme
    assert f"LiteLLM {lowest['litellm']}," in readme
    names = ("langchain-core", "langchain-openai", "langchain-anthropic")
    assert [] == [name for name in names if f"{name} {lowest[name]}" not in readme]


def test_simulate() -> None:
    """The simulator serves in the mode that was asked for, and says where."""
    command = next(command for command in COMMANDS if command.endswith("--port 8765")).split()
    script = str(Path(sys.executable).parent / command[0])
    with subprocess.Popen([script, *command[1:]], stdout=subprocess.PIPE, text=True) as process:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
                log = client.get(f"http://127.0.0.1:{command[-1]}/simulator/log", timeout=60).json()
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


def _configurations() -> list[str]:
    return [block.code for block in blocks("yaml") if "model_list" in block.code]


@pytest.mark.parametrize("config", _configurations())
def test_litellm_configurations(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mimo-quirks doctor` finds no error in any configuration of the proxy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    environment = {"MIMO_API_KEY": "k", "MIMO_BASE_URL": "https://api.xiaomimimo.com/v1"}

    assert [] == [check for check in examine("config.yaml", environment) if check.status == "error"]


def _variables(content: Any) -> dict[str, str]:
    """The variables that a compose file or a manifest sets for its containers."""
    if "services" in content:
        given = content["services"]["proxy"]["environment"]
    else:
        (container,) = content["spec"]["template"]["spec"]["containers"]
        given = {variable["name"]: variable.get("value", "${SECRET}") for variable in container["env"]}
    return {name: "s" * 32 if value.startswith("${") else value for name, value in given.items()}


def test_other_yaml() -> None:
    """A part of a configuration is the demo's; a file for a container sets settings that are; a client asks `mimo`."""
    rest = [yaml.safe_load(block.code) for block in blocks("yaml") if "model_list" not in block.code]
    parts = [content for content in rest if "router_settings" in content]
    deployed = [content for content in rest if "services" in content or content.get("kind") == "Deployment"]
    clients = [content for content in rest if "models" in content]

    assert len(rest) == len(parts) + len(deployed) + len(clients)
    assert [] == [part for part in parts if not part.items() <= yaml.safe_load(CONFIG).items()]
    assert ["redis://redis:6379/0"] * 2 == [Settings.from_env(_variables(content)).store for content in deployed]
    assert [["mimo"]] == [[model["model"] for model in content["models"]] for content in clients]


def test_json() -> None:
    """The configurations of clients can be read, and lead to the proxy's model `mimo`."""
    opencode, pi = (json.loads(block) for block in code("json", LITELLM))

    assert ["mimo"] == list(opencode["provider"]["litellm"]["models"])
    assert ["mimo"] == [model["id"] for model in pi["providers"]["litellm"]["models"]]
    assert {LITELLM} == {block.page for block in blocks("json")}


def test_toml() -> None:
    """So can Codex's."""
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    (codex,) = map(tomllib.loads, code("toml", LITELLM))

    assert ("mimo", "responses") == (codex["model"], codex["model_providers"][codex["model_provider"]]["wire_api"])
    assert {LITELLM} == {block.page for block in blocks("toml")}


def test_image() -> None:
    """The image installs extras that there are, and starts what the proxy extra installs."""
    (image,) = code("dockerfile", OPERATIONS)
    steps = [line.split(maxsplit=1) for line in image.splitlines()]

    assert ["FROM", "COPY", "RUN", "COPY", "EXPOSE", "CMD"] == [step for step, _ in steps]
    assert "/src[proxy,redis,encryption,cli]" in image
    assert "litellm" == json.loads(steps[-1][1])[0]


@pytest.mark.parametrize("page", [CORE, TESTS])
def test_layout(page: str) -> None:
    """What a tree names is there, and of the core's rooms none is missing."""
    (tree,) = code("text", page)
    folder = (ROOT / page).parent
    named = [line.split()[0] for line in tree.splitlines()]

    assert [] == [name for name in named if not (folder / name).exists()]
    if page == CORE:
        rooms = {
            entry.name.removesuffix(".py")
            for entry in (folder / "mimo_quirks").iterdir()
            if entry.suffix in ("", ".py")
        }
        assert {Path(name).stem for name in named} == rooms - {"__init__", "__main__", "__pycache__"}


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    """Every link leads to a file or a heading that there is."""
    broken = []
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        is_there = target.exists() and ROOT in target.parents
        if not is_there or (anchor and anchor not in anchors_of(target.relative_to(ROOT).as_posix())):
            broken.append(link)

    assert [] == broken


def test_families() -> None:
    """The table of families is the rows'."""
    rows = [f'| {row.name} | `"{row.placeholder}"` | {row.source} | {row.date} |' for row in FAMILIES]

    assert [] == [row for row in rows if row not in text_of(CORE)]


def _host_row(host: Host) -> str:
    dialect, switch = host.dialect, host.dialect.switches[0]
    names = [f"`{field}`" for field in (*dialect.alternatives, *dialect.fields)]
    placeholder = "the family's" if host.takes_placeholder else "none"
    fields = " or ".join(names) if dialect.alternatives else " and ".join(names)
    return f"| {host.name} | {fields} | `{'.'.join(switch.path)}` | {placeholder} | {host.source} | {host.date} |"


def test_hosts() -> None:
    """The table of hosts is the rows'."""
    assert [] == [row for row in map(_host_row, HOSTS) if row not in text_of(CORE)]


def test_settings() -> None:
    """The table of settings has every setting with its default, and each example is accepted and changes something."""
    rows = re.findall(rf"^\| `({PREFIX}\w+)` \| (?:`(.*?)` )?\| `(.*?)` \|", text_of(CORE), re.MULTILINE)
    defaults = {name: default for name, default, _ in rows if default}
    changed = [name for name, _, example in rows if Settings() != Settings.from_env({name: example})]

    assert {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} == {name for name, _, _ in rows}
    assert Settings() == Settings.from_env(defaults)
    assert {f"{PREFIX}{name}" for name in ("SCOPE", "SECRET", "LOG")} == {name for name, _, _ in rows} - set(defaults)
    assert [name for name, _, _ in rows] == changed


@pytest.mark.parametrize("page", PAGES)
def test_settings_elsewhere(page: str) -> None:
    """A setting that a page names is one."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}

    assert set() == set(re.findall(rf"{PREFIX}[A-Z_]+\b", text_of(page))) - known


def _said(node: ast.expr) -> str | None:
    """What a call of a logger says, with `…` for what is put in; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[sd]", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None


def _constants(tree: ast.Module) -> dict[str, str]:
    """The texts that a module gives names, with `…` for what is put in."""
    given = ((ast.unparse(node.target), node.value) for node in tree.body if isinstance(node, ast.AnnAssign))
    told = ((name, _said(value)) for name, value in given if value is not None)
    return {name: text.replace("{}", "…") for name, text in told if text is not None}


def _warned(node: ast.AST) -> list[ast.expr]:
    """What a call of a logger, or of what hands its text to one, is given to say."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("_LOGGER.warning", "log_rejection"):
        return node.args
    if isinstance(node, ast.Call):
        return [keyword.value for keyword in node.keywords if keyword.arg == "unscoped"]
    is_kept = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self._unscoped"
    return [node.value] if isinstance(node, ast.Assign) and is_kept else []


def _warnings() -> set[str]:
    """Every warning of the packages that a proxy or an application runs, also one that stands in a constant."""
    packages = ("shared/mimo_quirks", "litellm_plugin/litellm_mimo", "langchain_plugin/langchain_mimo")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py") if "simulator" not in file.parts]
    said: set[str] = set()
    for tree in (ast.parse(file.read_text(encoding="utf-8")) for file in files):
        constants = _constants(tree)
        for given in map(_warned, ast.walk(tree)):
            names = {node.id for value in given for node in ast.walk(value) if isinstance(node, ast.Name)}
            said |= {constants[name] for name in names & constants.keys()}
            said |= {text for text in map(_said, given[:1]) if text not in (None, "…")}
    return said


def test_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """The line of a changed request is one that is written; that of the start is looked at in test_seen.py."""
    start, changed = code("text", OPERATIONS)
    kept = {"role": "assistant", "content": "x", "reasoning_content": "x"}
    lost = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    user = {"role": "user", "content": "x"}
    quirks = quirks_for("mimo-v2.6-pro", "https://api.xiaomimimo.com/v1")
    assert quirks is not None
    history = [user, kept, user, kept, user, kept, user, lost, user, lost]
    report = replay(history, quirks, thinking=True, recall=FoundReasoning({7: "x"}, {7: "ids"}))[1]
    with caplog.at_level("DEBUG", logger="mimo_quirks"):
        log_request(RequestLine("9b5276e0-43c9-4bec-9b84-08a5bd81cfac", "mimo-v2.6-pro", quirks, report))

    assert changed.strip().partition(" - request ")[2] == caplog.messages[-1].partition("request ")[2]
    assert " - mimo-quirks 0.1.0, LiteLLM " in start


def test_warnings() -> None:
    """The table of warnings has every warning in its own words, and no other."""
    rows = {row[0].strip("`") for row in rows_of(OPERATIONS, "warning")}

    told = str(unrecognised("reasoning_content in the thinking mode must be passed back", {}, CHAT, "…", "https://x"))
    assert _warnings() | {"… rejected a request to …: …", told.replace("x ", "… ", 1)} == rows


def test_counts() -> None:
    """The table of counters has every counter, with its meaning."""
    rows = {row[0].strip("`"): row[1] for row in rows_of(OPERATIONS, "counter")}

    assert dict(COUNTERS) == rows
