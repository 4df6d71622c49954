"""How a proxy starts with the callback, and how it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from litellm_mimo.scope import memory_of
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

    with pytest.raises(SettingsError, match="MIMO_QUIRKS_STORE is litellm, but LiteLLM has no Redis"):
        memory_of(Settings(store="litellm"))
