"""A LiteLLM that lacks a name which its documentation does not promise: what is lost is said, and requests go on.

`TEST_SCALE=10` also takes each name away by itself (`make test-long`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from litellm._version import version

from litellm_mimo._internals import LOST
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from .clients import KEEPS, Talk
from .deployments import deployment, finding

POORER = '''
"""Takes the names in TAKEN from the modules of LiteLLM, in the eyes of our package alone: LiteLLM needs them itself."""
import contextlib, importlib, os, sys, types

TAKEN = set(os.environ["TAKEN"].split())
INTERNALS = "litellm_mimo._internals"
HOOK = "async_post_call_response_headers_hook"  # a member of a class
LATE = ("messages.native", "pass_through.messages", "experimental_pass_through.messages")


def poorer(module):
    class Poorer(type(module)):
        def __getattribute__(self, name):
            if name in TAKEN and sys._getframe(1).f_globals["__name__"].startswith("litellm_mimo"):
                raise AttributeError(name)
            if name == "CustomLogger" and HOOK in TAKEN and sys._getframe(1).f_globals["__name__"] == INTERNALS:
                return object
            return super().__getattribute__(name)

    module.__class__ = Poorer


class Finder:
    def find_spec(self, name, path, target=None):
        if name == "litellm_mimo":
            for folder in LATE:
                with contextlib.suppress(ImportError):
                    importlib.import_module(f"litellm.llms.anthropic.{folder}.streaming_iterator")
            for known, module in list(sys.modules.items()):
                if known.partition(".")[0] == "litellm" and isinstance(module, types.ModuleType):
                    poorer(module)


sys.meta_path.insert(0, Finder())
'''
NAMES = [name for name in LOST if name != "proxy_server"]  # without that module there is no proxy to start
LONG = "TEST_SCALE" in os.environ


@pytest.mark.parametrize(
    ("taken", "name"),
    [pytest.param(" ".join(NAMES), name, id=name) for name in ("xiaomi_mimo", "anthropic")[: 2 if LONG else 1]]
    + [pytest.param(name, "xiaomi_mimo", id=name) for name in NAMES if LONG],
)
def test_requests_go_on(taken: str, name: str, upstream: Simulator, tmp_path: Path) -> None:
    """The proxy starts, answers on every route, and each name that is missing has its line in the log."""
    (tmp_path / "sitecustomize.py").write_text(POORER)
    upstream.mode = Mode(tool_rounds=1)
    environment = {
        "MIMO_QUIRKS_STORE": "litellm" if "redis_usage_cache" in taken else "memory://",
        **finding(tmp_path),
        "TAKEN": taken,
    }
    config = {
        "model_list": [deployment(name, upstream)],
        "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"]},
    }
    with LiteLLMProxy(json.dumps(config), environment) as proxy:
        for route, keeps in KEEPS.items():
            for streams in (False, True):
                answer = Talk(route, name, keeps["drops"], streams).run(proxy, 2)
                assert "答案是" in answer
        log = proxy.log()

    assert {200} == {exchange.status for exchange in upstream.exchanges}
    lines = [
        f"LiteLLM {version} lacks the internal name {name}: {LOST[name]}. Use the tested version, or report this."
        for name in taken.split()
    ]
    assert [] == [line for line in lines if log.count(line) != 1]
