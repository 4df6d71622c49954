"""A private name of another package that is gone costs what it served, and says so; requests go on."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from langchain_mimo import _internals
from mimo_quirks.simulator import Mode, Simulator

PROGRAM = """
import asyncio, importlib, importlib.machinery, json, logging, os, re, sys

kind, url, loaded, packages, *names = sys.argv[1:]
[importlib.import_module(module) for module in loaded.split()]

def rename(name):
    get_code = importlib.machinery.SourceFileLoader.get_code

    def renamed(loader, module):
        source = loader.get_data(loader.path).decode() if module.partition(".")[0] in packages.split() else ""
        if name not in source:
            return get_code(loader, module)
        source = re.sub(rf"\\b{name}\\b", f"{name}_elsewhere", source)
        return compile(source, loader.path, "exec", dont_inherit=True)

    importlib.machinery.SourceFileLoader.get_code = renamed

def ask(told):
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())
    logging.getLogger("mimo_quirks").addHandler(handler)

    import langchain_mimo
    from langchain_core.caches import InMemoryCache

    model = getattr(langchain_mimo, kind)(model="mimo-v2.6-pro", api_key="k", base_url=url, cache=InMemoryCache())
    yield model.invoke("a").text
    yield asyncio.run(model.ainvoke("b")).text
    chunks = [*model.stream("c")]
    yield "".join(chunk.text for chunk in chunks)
    [chunk.content_blocks for chunk in chunks]
    if "langchain" in packages.split():
        langchain_mimo.register()

for name in names:
    if not os.fork():
        rename(name)
        told = []
        answers = [*ask(told)]
        print(json.dumps([name, answers, told]), flush=True)
        os._exit(0)
    os.wait()
"""
"""Renames names in the source of packages as they are imported, as a release does, and asks a model; one name each."""

_BEFORE = "mimo_quirks langsmith.schemas openai.resources openai.types.beta openai.types.responses tiktoken"
_CHAT = "langchain_core langchain_openai"
GROUPS: dict[tuple[str, str, str], dict[str, list[str]]] = {
    ("ChatMiMo", _BEFORE, _CHAT): {
        "langchain-core": ["register_translator", "_add_version", "_get_invocation_params", *_internals.CORE_HOOKS],
        "langchain-openai": ["_resolve_socket_options", *_internals.OPENAI_HOOKS],
    },
    ("ChatMiMo", f"{_BEFORE} langchain_openai", "langchain"): {"langchain": ["_BUILTIN_PROVIDERS"]},
    ("ChatMiMo", "mimo_quirks tiktoken langchain_core.language_models", "openai langchain_openai"): {
        "openai": ["_custom_headers", "_should_retry", "DefaultAsyncHttpxClient"]
    },
    ("ChatMiMoMessages", f"{_BEFORE} anthropic.resources", "langchain_core"): {"langchain-core": ["translate_content"]},
    ("ChatMiMoMessages", f"{_BEFORE} langchain_openai anthropic.resources", "langchain_anthropic"): {
        "langchain-anthropic": ["_client_params", *_internals.ANTHROPIC_HOOKS]
    },
    ("ChatMiMoMessages", f"{_BEFORE} langchain_openai", "anthropic langchain_anthropic"): {
        "anthropic": ["_custom_headers", "_should_retry", "DefaultAsyncHttpxClient"]
    },
}
"""By the model, by what is imported before and by what the name is renamed in: each package's names."""

CASES = [
    (group, package, name) for group, packages in GROUPS.items() for package in packages for name in packages[package]
]
Outcomes = Callable[[tuple[str, str, str]], dict[str, Any]]


@pytest.fixture(name="outcomes", scope="module")
def _outcomes(server: Simulator) -> Outcomes:
    """What became of each name of a group."""

    @functools.cache
    def outcomes(group: tuple[str, str, str]) -> dict[str, Any]:
        server.reset()
        server.mode = Mode(accepts="exact")
        kind, loaded, packages = group
        url = server.base_url if kind == "ChatMiMo" else server.anthropic_url
        names = [name for names in GROUPS[group].values() for name in names]
        command = [sys.executable, "-c", PROGRAM, kind, url, loaded, packages, *names]
        lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        return {name: rest for name, *rest in map(json.loads, lines)}

    return outcomes


@pytest.mark.parametrize(("group", "package", "name"), CASES, ids=[f"{package}.{name}" for _, package, name in CASES])
def test_a_renamed_name(group: tuple[str, str, str], package: str, name: str, outcomes: Outcomes) -> None:
    """Requests of both kinds are answered, and one warning names the package, its version, and what is lost."""
    answers, told = outcomes(group)[name]

    assert ["答案是"] * 3 == [answer[:3] for answer in answers]
    assert [f"{package} {version(package)} lacks the"] == [" ".join(line.split()[:4]) for line in told]
    assert f"{name}: " in told[0]
