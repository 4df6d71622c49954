"""The command as people run it: in a pipe, and in a terminal of 80 and of 120 columns."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, convert_to_openai_messages

from langchain_mimo import ChatMiMo
from mimo_quirks import ReasoningMemory, Settings
from mimo_quirks.cli.doctor.versions import is_within
from mimo_quirks.explanation import WIRES
from mimo_quirks.simulator import WORDINGS, Mode, Simulator

from .explaining import MODEL, THOUGHTS, URL, body, recorded

COMMAND = [sys.executable, "-m", "mimo_quirks"]
PASSWORD = "hunter2-7f3a"
DONE = ["found by prefix", "found by ids", "found by chain", "placeholder", "kept"]


def _run(*words: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, **environment}
    return subprocess.run([*COMMAND, *words], input=given, capture_output=True, text=True, check=False, env=known)


def _in_terminal(columns: int, *words: str, **environment: str) -> tuple[int, str]:
    """The exit status of a command in a terminal, and what stands there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    known |= {"TERM": "xterm-256color", **environment}
    with subprocess.Popen([*COMMAND, *words], stdin=slave, stdout=slave, stderr=slave, env=known) as process:
        os.close(slave)
        seen = b""
        try:
            while part := os.read(master, 65536):
                seen += part
        except OSError:  # the terminal is gone with the command
            pass
    os.close(master)
    return process.returncode, seen.decode().replace("\r\n", "\n")


def _store(tmp_path: Path, wire: str) -> str:
    settings = Settings(store=f"sqlite:///{tmp_path}/memory.db", scope="me", store_timeout_seconds=30)
    recorded(ReasoningMemory(settings.open_store(), settings), settings, wire)
    return settings.store


def _done(printed: str) -> list[str]:
    told = re.findall(r"^ *[\d-]+  .*?  (kept|found by \w+|placeholder|left|nothing)  ", printed, re.MULTILINE)
    return [str(done) for done in told]


@pytest.mark.parametrize("wire", WIRES)
def test_explain_in_a_pipe(wire: str, tmp_path: Path) -> None:
    """One line for each assistant message; its status says that something is lost; no reasoning is printed."""
    words = ("explain", "-", "--store", _store(tmp_path, wire), "--scope", "me", "--base-url", URL)
    ended = _run(*words, given=json.dumps(body(wire)))

    assert [1, ""] == [ended.returncode, ended.stderr]
    assert DONE == _done(ended.stdout)
    assert "5 assistant messages: 1 found by prefix, 1 found by ids, 1 found by chain" in ended.stdout
    assert [] == [thought for thought in THOUGHTS if thought in ended.stdout]
    told = json.loads(_run(*words, "--json", given=json.dumps(body(wire))).stdout)
    assert ["prefix", "ids", "chain", None, None] == [message["proof"] for message in told["messages"]]
    assert "reasoning" not in told["messages"][0]
    shown = _run(*words, "--show-reasoning", given=json.dumps(body(wire))).stdout
    assert [f"     | {thought}" for thought in THOUGHTS] == [line for line in shown.splitlines() if "| t" in line]


def test_explain_where_nothing_is_lost() -> None:
    """Its status is 0, for a list of messages too; the settings and the URL of the environment count."""
    messages = json.dumps([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}])
    ended = _run("explain", "-", "--model", MODEL, given=messages, MIMO_BASE_URL=URL)

    assert [0, ""] == [ended.returncode, ended.stderr]
    assert "row xiaomi" in ended.stdout


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("colour", [True, False])
def test_explain_in_a_terminal(columns: int, colour: bool, tmp_path: Path) -> None:
    """Nothing is cut off, no line is longer than the terminal is wide, and NO_COLOR is heard."""
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body("chat")))
    words = ("explain", str(file), "--store", _store(tmp_path, "chat"), "--scope", "me", "--base-url", URL)
    status, seen = _in_terminal(columns, *words, **({} if colour else {"NO_COLOR": "1"}))
    plain = re.sub(r"\x1b\[[\d;]*m", "", seen)

    assert 1 == status
    assert ("\x1b[3" in seen) is colour
    assert columns >= max(map(len, plain.splitlines()))
    assert DONE == _done(plain)
    assert "…" not in plain
    assert "no reasoning" not in plain


@pytest.mark.parametrize(
    ("words", "given", "complaint"),
    [
        (["explain", "missing.json"], "", "cannot read missing.json: No such file or directory"),
        (["explain", "."], "", "cannot read .: Is a directory"),
        (["explain", "-"], "{", "standard input is not JSON: Expecting property name .* at line 1, column 2"),
        (["explain", "-"], "[" * 100_000, "standard input is not JSON"),
        (["explain", "-"], '"x"', "a request body or a list of messages is needed, not a string"),
        (["explain", "-"], '[{"role": "user"}]', "the request names no model: give its id"),
        (["explain", "-"], '{"model": "mimo-v2.6-pro"}', "the request has no 'messages'"),
        (["explain", "-", "--wire", "smoke"], "[]", "'smoke' is not a wire; known: chat, messages, responses"),
        (["explain", "-", "--store", "redis:/u:hunter2-7f3a@h"], "[]", "--store: this is not a store URL"),
        (["explain", "-", "--store", "sqlite:///nowhere.db"], "[]", "there is no store at nowhere.db"),
        (
            ["explain", "-", "--store", "litellm", "--model", MODEL],
            "[]",
            "MIMO_QUIRKS_STORE: store `litellm` works only",
        ),
        (["forget", "--store", "sqlite:///nowhere.db", "--scope", "a", "--yes"], "", "there is no store at nowhere.db"),
        (["forget", "--store", "off", "--scope", "a", "--yes"], "", "off keeps nothing outside the process"),
        (
            ["forget", "--store", "litellm", "--scope", "a", "--yes"],
            "",
            "MIMO_QUIRKS_STORE: store `litellm` works only.*redis://",
        ),
        (["forget", "--store", f"redis://:{PASSWORD}@h.invalid", "--scope", "a", "--yes"], "", "not everything could"),
        (["simulate", "--port", "99999"], "", "--port 99999 is not a port"),
        (["simulate", "--port", "-1"], "", "--port -1 is not a port"),
        (["simulate", "--host", "nowhere.invalid"], "", "cannot listen on nowhere.invalid port 8765"),
        (["simulate", "every_turn=yes"], "", "every_turn: 'yes' must be one of true, false"),
        (["simulate", "acepts=exact"], "", "'acepts' is not a field of the mode"),
    ],
)
def test_bad_input_is_one_line(words: list[str], given: str, complaint: str) -> None:
    """It says what is wrong, without a traceback and without a password; the status is 2."""
    ended = _run(*words, given=given)

    assert [2, ""] == [ended.returncode, ended.stdout]
    assert re.match(f"mimo-quirks: .*{complaint}", ended.stderr)
    assert 1 == len(ended.stderr.splitlines())
    assert PASSWORD not in ended.stderr


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    """It is said, and so is a byte order mark passed over."""
    (tmp_path / "latin").write_bytes('"ä"'.encode("latin-1"))
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbf" + json.dumps(body("chat")).encode())

    assert "is not UTF-8 text" in _run("explain", str(tmp_path / "latin")).stderr
    assert "" == _run("explain", str(tmp_path / "marked")).stderr


def test_forget(tmp_path: Path) -> None:
    """It asks first, deletes one scope's entries, prints their number alone, and leaves other scopes as they were."""
    url = _store(tmp_path, "chat")
    settings = Settings(store=url, scope="other", store_timeout_seconds=30)
    recorded(ReasoningMemory(settings.open_store(), settings), settings, "chat")
    words = ("forget", "--store", url, "--scope", "me")

    unwanted = _run(*words, given="n\n")
    assert [1, ""] == [unwanted.returncode, unwanted.stdout.strip()]
    assert f"Delete everything of the scope 'me' from {url}?" in unwanted.stderr
    wanted = _run(*words, given="y\n")
    assert [0, "3 entries deleted"] == [wanted.returncode, wanted.stdout.strip()]
    assert (
        "0 entries deleted: none has this scope (check --scope and MIMO_QUIRKS_SECRET)\n"
        == _run(*words, "--yes").stdout
    )
    explained = [
        _run("explain", "-", "--store", url, "--scope", scope, "--base-url", URL, given=json.dumps(body("chat"))).stdout
        for scope in ("me", "other")
    ]
    assert ["found" in line for line in explained[0].splitlines() if "assistant messages:" in line] == [False]
    assert DONE == _done(explained[1])


def test_what_chat_mimo_recorded_is_found(tmp_path: Path) -> None:
    """The scope and the store of the model are those of the command."""
    store = f"sqlite:///{tmp_path}/memory.db"
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    with Simulator() as simulator:
        model = ChatMiMo(model=MODEL, api_key="k", base_url=simulator.base_url, store=store, scope="me")  # type: ignore[arg-type]
        question = HumanMessage("q")
        answer = model.invoke([question], tools=[tool])
        assert isinstance(answer, AIMessage)
        bare = AIMessage("", tool_calls=answer.tool_calls)
        history: list[Any] = [question, bare, ToolMessage("r", tool_call_id=str(answer.tool_calls[0]["id"]))]
        given = json.dumps({"model": MODEL, "messages": convert_to_openai_messages(history), "tools": [tool]})
        words = ("explain", "-", "--store", store, "--base-url", simulator.base_url)
        found, other = (_run(*words, "--scope", scope, given=given) for scope in ("me", "you"))

    assert [0, ["found by ids"]] == [found.returncode, _done(found.stdout)]
    assert [1, ["placeholder"]] == [other.returncode, _done(other.stdout)]


CONFIG = """
model_list:
  - model_name: mimo
    litellm_params: {model: xiaomi_mimo/mimo-v2.6-pro, api_base: os.environ/MY_BASE, api_key: os.environ/MY_KEY}
  - model_name: brain
    litellm_params: {model: openai/acme-brain, api_base: "https://u:hunter2-7f3a@a.example/v1", api_key: hunter2-7f3a}
litellm_settings: {callbacks: ["litellm_mimo.mimo_callback"]}
router_settings: {retry_policy: {BadRequestErrorRetries: 1}}
general_settings: {master_key: hunter2-7f3a, database_url: "postgresql://u:hunter2-7f3a@db/x"}
"""
WELL = {"MY_BASE": URL, "MY_KEY": PASSWORD, "MIMO_QUIRKS_SECRET": PASSWORD * 3, "LITELLM_MASTER_KEY": PASSWORD}


def _doctor(*words: str, **environment: str) -> tuple[int, dict[str, tuple[str, str]], str]:
    ended = _run("doctor", "--json", *words, **environment)
    assert "" == ended.stderr
    checks = json.loads(ended.stdout)["checks"]
    told = {check["name"]: (check["status"], f"{check['said']}; {check['remedy']}") for check in checks}
    return ended.returncode, told, ended.stdout


def test_doctor_finds_a_good_set_up_well(tmp_path: Path) -> None:
    """Every line is ok, no credential is printed, and the store was written and read."""
    file = tmp_path / "litellm.yaml"
    file.write_text(CONFIG)
    store = {"MIMO_QUIRKS_STORE": f"sqlite:///{tmp_path}/memory.db"}
    status, told, printed = _doctor("--config", str(file), **WELL, **store)

    assert [0, {"ok"}] == [status, {status for status, _ in told.values()}]
    assert re.match(r"sqlite: wrote in \d+ ms, read in \d+ ms", told["store"][1])
    assert "mimo: xiaomi_mimo/mimo-v2.6-pro is family mimo, at api.xiaomimimo.com, row xiaomi" in told["deployment"][1]
    assert "brain (openai/acme-brain)" in told["left alone"][1]
    assert '{"acme-brain": "mimo"}' in told["left alone"][1]
    assert "what is stored is encrypted" in told["encryption"][1]
    assert PASSWORD not in printed


@pytest.mark.parametrize(
    ("change", "environment", "name", "status", "complaint"),
    [
        ({}, {"MIMO_QUIRKS_STOER": "x"}, "settings", "error", "MIMO_QUIRKS_STORE"),
        ({}, {"MIMO_QUIRKS_STORE": "sqlite:////proc/nowhere/x.db"}, "store", "error", "check MIMO_QUIRKS_STORE"),
        (
            {},
            {"MIMO_QUIRKS_STORE": "redis://u:hunter2-7f3a@127.0.0.1:1/0"},
            "store",
            "error",
            "check MIMO_QUIRKS_STORE",
        ),
        ({}, {"MIMO_QUIRKS_STORE": "off"}, "store", "warning", "lost reasoning is not found again"),
        ({}, {"MIMO_QUIRKS_STORE": "litellm"}, "cache", "error", "cache: true"),
        ({}, {"NUM_WORKERS": "4"}, "workers", "warning", "redis://"),
        ({}, {"NUM_WORKERS": "1", "WEB_CONCURRENCY": "4"}, "workers", "warning", "WEB_CONCURRENCY is 4"),
        ({}, {"UVICORN_WORKERS": "2"}, "workers", "warning", "UVICORN_WORKERS is 2"),
        ({}, {"MY_KEY": ""}, "deployment", "error", "MY_KEY is not set"),
        ({"litellm_mimo.mimo_callback": "other"}, {}, "callback", "error", 'callbacks: ["litellm_mimo.mimo_callback"]'),
        ({"BadRequestErrorRetries": "TimeoutErrorRetries"}, {}, "retry_policy", "warning", "BadRequestErrorRetries: 1"),
        ({"database_url": "other"}, {}, "clients", "warning", "all clients share one scope"),
        (
            {"mimo-v2.6-pro": "x", "xiaomi_mimo": "openai"},
            {"MY_BASE": "https://a.example"},
            "left alone",
            "warning",
            "MODELS",
        ),
        ({"model_list:": "model_list: ["}, {}, "config", "error", "is not YAML at line"),
        (
            {"litellm_settings:": "environment_variables: {MIMO_QUIRKS_STOER: x}\nlitellm_settings:"},
            {},
            "settings",
            "error",
            "STORE",
        ),
    ],
)
def test_doctor_says_what_is_wrong(
    change: Mapping[str, str], environment: Mapping[str, str], name: str, status: str, complaint: str, tmp_path: Path
) -> None:
    """And what to do about it; an error is the command's status."""
    config = CONFIG
    for old, new in change.items():
        assert old in config
        config = config.replace(old, new)
    file = tmp_path / "litellm.yaml"
    file.write_text(config)
    returned, told, printed = _doctor("--config", str(file), **{**WELL, **environment})

    assert [status == "error", status] == [bool(returned), told[name][0]]
    assert complaint in told[name][1]
    assert PASSWORD not in printed


def test_doctor_without_a_config() -> None:
    """It tells of the key that is not there, and of the one that is not read."""
    status, told, _ = _doctor(OPENAI_API_KEY=PASSWORD)

    assert [0, "warning"] == [status, told["key"][0]]
    assert "OPENAI_API_KEY is set, and is not read" in told["key"][1]
    assert "ok" == _doctor(MIMO_API_KEY=PASSWORD)[1]["key"][0]


def test_doctor_in_a_terminal() -> None:
    """No line is longer than the terminal is wide."""
    status, seen = _in_terminal(80, "doctor", NO_COLOR="1")

    assert 0 == status
    assert 80 >= max(map(len, seen.splitlines()))
    assert "10 ok, 1 warning, 0 errors" in seen


@pytest.mark.parametrize(
    ("found", "bounds", "within"),
    [
        ("1.2.3", "<2,>=1.2", True),
        ("2.0.0", ">=1,<2", False),
        ("1.10", ">=1.9", True),
        ("1.0", ">=1.0.0", True),
        ("2.0rc1", ">=1,<2", False),
        ("1.1", ">=1.2", False),
    ],
)
def test_versions(found: str, bounds: str, within: bool) -> None:
    """They are compared as numbers."""
    assert within is is_within(found, bounds)


def test_version() -> None:
    """It is the package's; the script and the module are one command."""
    script = [str(Path(sys.executable).parent / "mimo-quirks"), "--version"]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout

    assert re.fullmatch(r"mimo-quirks \d+\.\d+\.\d+\n", printed)
    assert printed == _run("--version").stdout


def test_simulate_on_a_port_in_use() -> None:
    """One line says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = _run("simulate", "--port", port)

    assert f"mimo-quirks: cannot listen on 127.0.0.1 port {port}: Address already in use\n" == ended.stderr


def test_simulate_says_where_it_listens_once_it_does() -> None:
    """The address that is printed can be dialled at once; an interrupt ends it quietly."""
    with subprocess.Popen(
        [*COMMAND, "simulate", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = re.search(r":(\d+)/", process.stdout.readline())
        assert port is not None
        socket.create_connection(("127.0.0.1", int(port[1]))).close()
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=30)

    assert [0, ""] == [process.returncode, complaints]


def test_simulate_tells_its_modes() -> None:
    """The help has each field of a mode with its values, and each code of a rejection is told."""
    said = _run("simulate", "--help", COLUMNS="80").stdout
    listed = _run("simulate", "--list-wordings").stdout.splitlines()

    assert [] == [name for name in Mode.__dataclass_fields__ if not re.search(rf"^  {name}=\S", said, re.MULTILINE)]
    assert "  accepts=present|non-empty|non-blank|exact|off\n" in said
    assert "  every_turn=false|true\n" in said
    assert ["code", *WORDINGS] == [line.split()[0] for line in listed]
