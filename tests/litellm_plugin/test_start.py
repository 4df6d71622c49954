"""How a proxy starts with the callback, and how it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from litellm_mimo.scope import memory_of
from litellm_mimo.start import Start
from mimo_quirks import ReasoningMemory, store_address
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.settings import Settings, SettingsError

from ..pairs import LONG

CONFIG = '{"model_list": [], "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"]}}'


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "MIMO_QUIRKS_PLACEHOLDR",
            "space",
            "unknown setting MIMO_QUIRKS_PLACEHOLDR; did you mean MIMO_QUIRKS_P",
        ),
        ("MIMO_QUIRKS_HOSTS", '{"redis://x": "xiaomi"}', "MIMO_QUIRKS_HOSTS: 'redis://x' has the scheme 'redis'"),
    ][: 2 if LONG else 1],
)
def test_bad_settings_stop_the_proxy(name: str, value: str, words: str) -> None:
    """The proxy does not start, and its last words name the setting."""
    with pytest.raises(RuntimeError, match=words), LiteLLMProxy(CONFIG, {name: value}):
        pytest.fail("the proxy started")


def test_bad_settings_stop_the_import() -> None:
    """In the SDK the import fails, before any request."""
    program = "import os; os.environ['MIMO_QUIRKS_FAMILIES'] = 'mimmo'; import litellm_mimo"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "MIMO_QUIRKS_FAMILIES: unknown value 'mimmo'; did you mean 'mimo'?" in ended.stderr
    assert ended.returncode


def test_litellm_s_redis_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no Redis hears of that, and not of the module that it would need."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "mimo_quirks.stores.redis", raising=False)

    with pytest.raises(SettingsError, match="MIMO_QUIRKS_STORE=litellm, but LiteLLM has no Redis"):
        memory_of(Settings(store="litellm"))


def test_a_store_that_cannot_be_reached(tmp_path: Path) -> None:
    """It is said when the callback begins, before any request; the program goes on, and the password is not in it."""
    (tmp_path / "file").write_text("")
    for url in (f"sqlite:///{tmp_path}/file/reasoning.db", "redis://:s3cret@127.0.0.1:9/0"):
        environment = {"MIMO_QUIRKS_STORE": url, "MIMO_QUIRKS_SCOPE": "x", "MIMO_QUIRKS_LOG": "info"}
        with subprocess.Popen(
            [sys.executable, "-c", "import litellm_mimo; print('begun', flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        ) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            assert program.stderr is not None
            first, second = sorted([program.stdout.readline(), program.stdout.readline()])
            warned = program.stderr.readline()
            program.stdin.write("\n")
        began, told = (first, second) if first == "begun\n" else (second, first)

        assert "begun\n" == began
        assert f"; store {store_address(url)}, not encrypted; one scope (MIMO_QUIRKS_SCOPE)\n" in told
        assert " - mimo_quirks:WARNING: " in warned
        assert f"reasoning store {store_address(url)} failed at start (" in warned
        assert "s3cret" not in told + warned


@pytest.mark.parametrize("error", [SettingsError("LiteLLM has no Redis"), RuntimeError("s3cret")])
def test_what_cannot_be_told(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The start goes on; a setting that cannot be used is said, and nothing that may quote somebody."""

    def fails() -> ReasoningMemory:
        raise error

    Start(Settings(store="sqlite:///reasoning.db", scope="x"), fails).tell()
    expected = (
        ["the reasoning store cannot be opened, so requests to MiMo fail: LiteLLM has no Redis"]
        if isinstance(error, SettingsError)
        else []
    )

    assert expected == caplog.messages
