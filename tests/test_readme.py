"""The README: its length, and that what it shows is what is printed."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .pages import ROOT, code, rows_of, words_of

pytest.importorskip("litellm")
pytest.importorskip("langchain_openai")

import litellm
import yaml
from langchain_openai import ChatOpenAI

from mimo_quirks.cli.demo import CONFIG, run
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from .picture.drawing import DRAWING, SOURCE, draw

README = "README.md"
ERRORS, LOG, DEMO = code("text", README)
(CONFIGURATION,) = code("yaml", README)
SCRIPTS = Path(sys.executable).parent

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
DROPPED = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
]
DROPPED_BLOCKS = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "sunny"}]},
]


def test_length(capsys: pytest.CaptureFixture[str]) -> None:
    """It has 600 to 800 words, code blocks and tables not counted."""
    words = words_of(README)
    with capsys.disabled():
        sys.stdout.write(f" README: {words} words ")

    assert 600 <= words <= 800


def test_errors_as_people_meet_them() -> None:
    """The three texts are what LangChain, LiteLLM and Claude Code show of the API's answer, so a search finds them."""
    with Simulator() as simulator:
        with pytest.raises(Exception, match="Param Incorrect") as of_langchain:
            ChatOpenAI(model="mimo-v2.6-pro", api_key="k", base_url=simulator.base_url).invoke(DROPPED)
        where = {"model": "xiaomi_mimo/mimo-v2.6-pro", "api_key": "k", "api_base": simulator.base_url}
        with pytest.raises(litellm.BadRequestError) as of_litellm:
            litellm.completion(messages=DROPPED, **where)
        body = {"model": "mimo-v2.6-pro", "max_tokens": 100, "messages": DROPPED_BLOCKS}
        answer = httpx.post(f"{simulator.anthropic_url}/v1/messages", json=body, headers={"Authorization": "Bearer k"})

    shown = {
        "LangChain": str(of_langchain.value),
        "LiteLLM": str(of_litellm.value),
        "Claude Code": f"API Error: {answer.status_code} {answer.text}",
    }
    assert [f"{who:12} {text}" for who, text in shown.items()] == ERRORS.splitlines()


def test_picture() -> None:
    """The drawing is that of its text."""
    assert draw(SOURCE.read_text(encoding="utf-8")) == DRAWING.read_text(encoding="utf-8")


def test_configuration_is_the_demo_s() -> None:
    """`make demo` runs a proxy with the same configuration, but for the store."""
    given, demo = yaml.safe_load(CONFIGURATION), yaml.safe_load(CONFIG)

    assert ["MIMO_QUIRKS_STORE"] == list(given.pop("environment_variables"))
    assert demo == given


@pytest.fixture(name="proxy", scope="module")
def _proxy() -> Iterator[LiteLLMProxy]:
    """The README's proxy, with the deployment of the other page as a second model; the host has the chat wire alone."""
    config = yaml.safe_load(CONFIGURATION)
    of_chat = yaml.safe_load(code("yaml", "litellm_plugin/README.md")[0])
    config["model_list"] += [{**model, "model_name": "chat-wire"} for model in of_chat["model_list"]]
    assert of_chat["litellm_settings"] == config["litellm_settings"]
    with Simulator(Mode(wires=("chat",))) as simulator:
        environment = {"MIMO_API_KEY": "k", "MIMO_BASE_URL": simulator.base_url}
        with LiteLLMProxy(yaml.safe_dump(config), environment) as proxy:
            yield proxy


def _answer(proxy: LiteLLMProxy, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(
        f"{proxy.base_url}/v1/{path}", json=body, headers={"Authorization": f"Bearer {proxy.key}"}, timeout=60
    )


def test_configuration(proxy: LiteLLMProxy) -> None:
    """With the configuration a client that drops reasoning is answered, the file is made, and the log says the line."""
    answer = _answer(proxy, "chat/completions", {"model": "mimo", "messages": DROPPED})
    until = time.monotonic() + 30
    while LOG.strip() not in proxy.log() and time.monotonic() < until:
        time.sleep(0.1)

    assert (200, "") == (answer.status_code, "" if answer.is_success else answer.text)
    assert 1 == proxy.log().count(LOG.strip())
    assert proxy.log_file.with_name("reasoning.db").exists()


def test_a_host_of_the_chat_wire_alone(proxy: LiteLLMProxy) -> None:
    """One line of configuration serves the other routes from a host that has no endpoint for them."""
    question = [{"role": "user", "content": "hi"}]
    body = {"model": "chat-wire", "input": question, "messages": question, "max_tokens": 4000}

    assert [True, True] == ["答案是" in _answer(proxy, path, body).text for path in ("responses", "messages")]


def test_make_demo() -> None:
    """`make demo` ends with the table and status 0, and the README's lines are in it; here in this environment."""
    here = [f"BIN={SCRIPTS}", "INSTALLED=pyproject.toml"]
    ended = subprocess.run(["make", "demo", *here], capture_output=True, text=True, check=False, cwd=ROOT)
    printed = [" ".join(line.split()) for line in ended.stdout.splitlines()]

    assert 0 == ended.returncode, ended.stderr
    assert 4 == ended.stdout.count("HTTP 400 at step 2")
    assert 8 == ended.stdout.count("ok, 3 exact")
    assert [] == [line for line in DEMO.splitlines() if " ".join(line.split()) not in printed]


def _run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [str(SCRIPTS / "mimo-quirks"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})


def test_help() -> None:
    """The command says what it is for."""
    said = " ".join(_run("--help").stdout.split())

    assert "Keeps MiMo's reasoning through message conversion." in said


def test_live_demo_wants_a_key() -> None:
    """The real service is asked only with a key, and the tests have none."""
    with pytest.raises(SystemExit, match="set MIMO_API_KEY"):
        run(live=True)


def test_doctor_and_explain(tmp_path: Path) -> None:
    """Both commands run as they are written: the configuration has no error, and lost reasoning is named."""
    store = f"sqlite:///{tmp_path}/reasoning.db"
    config, request = tmp_path / "config.yaml", tmp_path / "request.json"
    config.write_text(CONFIGURATION.replace("sqlite:///reasoning.db", store), encoding="utf-8")
    request.write_text(json.dumps({"model": "mimo-v2.6-pro", "messages": DROPPED}), encoding="utf-8")
    files = {"config.yaml": str(config), "request.json": str(request)}
    doctor, explain = (
        [files.get(word, word) for word in line.split()[1:]]
        for block in code("sh", README)
        for line in block.splitlines()
        if line.startswith(("mimo-quirks doctor", "mimo-quirks explain"))
    )
    checked = _run(*doctor, MIMO_API_KEY="k", MIMO_BASE_URL="https://api.xiaomimimo.com/v1")
    explained = _run(*explain)

    assert (0, True) == (checked.returncode, "0 errors" in checked.stdout), checked.stdout
    assert (1, True) == (explained.returncode, "1 lost its reasoning" in explained.stdout), explained.stdout


def test_causes() -> None:
    """The texts of the table are texts of ours, but the first, which is the API's."""
    of_the_api, *ours = [row[0].strip("`") for row in rows_of(README, "the text")]
    packages = ("shared/mimo_quirks", "litellm_plugin/litellm_mimo")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    known = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]

    assert of_the_api in ERRORS
    assert [] == [text for text in ours if not any(text in one for one in known)]
