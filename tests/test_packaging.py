"""What is built holds what it should and no more, and each extra works alone, where there is nothing else.

The wheel itself is always installed by pip. An extra's environment is what its requirements lead to, taken from the
packages that are here; with `TEST_SCALE` (`make test-long`) pip makes it from the index.
"""

from __future__ import annotations

import email
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mimo_quirks.simulator import Mode, Simulator

from .pairs import LONG

ROOT = Path(__file__).parent.parent
PACKAGES = {"mimo_quirks", "litellm_mimo", "langchain_mimo"}


@pytest.fixture(name="built", scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and with the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)])
    return folder


@pytest.fixture(name="wheel", scope="module")
def _wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


def _run(command: list[str]) -> str:
    # The index is asked under the authorities that everybody trusts.
    environment = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    return ended.stdout


def _installed(folder: Path, requirement: str) -> str:
    """The interpreter of a new environment with this requirement in it; the pip that is here installs it."""
    venv.create(folder)
    python = str(folder / "bin" / "python")
    # Of the thousands of modules few are imported: Python compiles them then.
    _run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile", requirement])
    return python


def _linked(folder: Path, wheel: Path, extra: str) -> str:
    """The same with links to the files of the packages that the requirements lead to, in the versions that are here."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    (ours,) = map(PathDistribution, site.glob("*.dist-info"))
    for known in _required(ours, extra):
        for file in known.files or ():
            place = site / file
            if ".." not in file.parts and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(Path(str(known.locate_file(file))))
    return str(folder / "bin" / "python")


def _required(ours: Distribution, extra: str) -> Iterator[Distribution]:
    """Every package that this one's extra leads to, once, in a version that is allowed."""
    asked, seen, given = [(ours, extra)], {(ours.name, extra)}, {ours.name}
    while asked:
        package, of = asked.pop()
        for requirement in map(Requirement, package.requires or ()):
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": of}):
                continue
            known = ours if requirement.name == ours.name else distribution(requirement.name)
            assert requirement.specifier.contains(known.version, prereleases=True), requirement
            if known.name not in given:
                given.add(known.name)
                yield known
            new = {(known.name, name) for name in ("", *requirement.extras)} - seen
            seen |= new
            asked += [(known, name) for _, name in sorted(new)]


@pytest.fixture(name="bare", scope="module")
def _bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment with the wheel and no extra."""
    return _installed(tmp_path_factory.mktemp("bare") / "venv", str(wheel))


def test_the_wheel_holds_exactly_the_three_packages(wheel: Path) -> None:
    """Nothing of the tests or the tools is installed at a user's, and each package says that it is typed."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}

    assert PACKAGES == {top for top in tops if not top.endswith(".dist-info")}
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert {"mimo_quirks/cli/demo/proxy.yaml", "mimo_quirks/facts/EVIDENCE.md"} <= set(names)


def test_the_sdist_holds_what_the_repository_holds(built: Path) -> None:
    """Everything that git keeps, such as the tests and the licence, and nothing that was made here."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    kept = _run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]).splitlines()

    assert {name for name in kept if (ROOT / name).exists()} | {"PKG-INFO"} == names


def test_the_metadata_says_what_is_supported(wheel: Path) -> None:
    """Each version of Python, from the oldest on, has a classifier; the licence has its name; no address is made up."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    versions = [known.rpartition(" ")[2] for known in metadata.get_all("Classifier", []) if " 3." in known]
    minors = [int(version.partition(".")[2]) for version in versions]

    assert f">=3.{minors[0]}" == metadata["Requires-Python"]
    assert [*range(minors[0], minors[-1] + 1)] == minors
    assert sys.version_info.minor in minors
    assert "MIT" == metadata["License-Expression"]
    assert metadata.get_all("Project-URL") is None  # `[project.urls]` is the place, once there is an address


EXTRAS = {
    "": [],
    "langchain": ["langchain_mimo"],
    "anthropic": ["langchain_mimo", "langchain_mimo.messages_wire"],
    # LiteLLM brings the web server that the simulator needs.
    "litellm": ["litellm_mimo", "mimo_quirks.simulator"],
    "proxy": ["litellm_mimo", "litellm.proxy.proxy_cli", "mimo_quirks.simulator"],
    "cli": ["mimo_quirks.simulator", "mimo_quirks.cli.commands", "mimo_quirks.cli.probe"],
}
STANDING = ["mimo_quirks"]
"""What needs no extra; a module of a package that is missing itself cannot say what it needs."""
MISSING = {
    "langchain_mimo": 'pip install "mimo-quirks[langchain]"',
    "langchain_mimo.messages_wire": 'pip install "mimo-quirks[anthropic]"',
    "litellm_mimo": 'pip install "mimo-quirks[litellm]"',
    "mimo_quirks.simulator": 'pip install "mimo-quirks[cli]"',
}


_TOOL = """
import os
TOOL = {"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {}}}}
"""
_LANGCHAIN = """
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_mimo import ChatMiMo
history = [HumanMessage("?")]
model = ChatMiMo(model="mimo-v2.6-pro", base_url=os.environ["CHAT_URL"]).bind_tools([TOOL])
for _ in range(3):
    turn = model.invoke(history)
    history += [turn, *(ToolMessage("x", tool_call_id=call["id"]) for call in turn.tool_calls)]
"""
_LITELLM = """
import litellm
from litellm_mimo import mimo_callback
litellm.callbacks, history = [mimo_callback], [{"role": "user", "content": "?"}]
asked = {"api_base": os.environ["CHAT_URL"], "api_key": "k", "tools": [TOOL]}
for _ in range(3):
    turn = litellm.completion("xiaomi_mimo/mimo-v2.6-pro", messages=history, **asked).choices[0].message
    calls = [call.model_dump() for call in turn.tool_calls]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "x"} for call in calls]
    history += [{"role": "assistant", "content": turn.content, "tool_calls": calls}, *results]
"""
AGENTS = {
    "langchain": _TOOL + _LANGCHAIN,
    "anthropic": _TOOL + _LANGCHAIN.replace("ChatMiMo", "ChatMiMoMessages").replace("CHAT_URL", "MESSAGES_URL"),
    "litellm": _TOOL + _LITELLM,
}
"""What an application does with an extra: an agent's three tool turns."""


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_alone(extra: str, wheel: Path, bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an extra its modules import and its agents work; without, the error names the command that installs it."""
    python = _environment(tmp_path / "venv", wheel, extra) if extra else bare

    program = "".join(f"import {module}\n" for module in ["mimo_quirks", *EXTRAS[extra]])
    for module, command in MISSING.items():
        if module not in EXTRAS[extra] and module.partition(".")[0] in (*EXTRAS[extra], *STANDING, module):
            ended = subprocess.run([python, "-c", f"import {module}"], capture_output=True, text=True, check=False)
            assert (1, True) == (ended.returncode, f"ImportError: {command}" in ended.stderr.replace(_lead(module), ""))
    with Simulator(Mode(accepts="exact", tool_rounds=3)) as simulator:
        monkeypatch.setenv("MIMO_API_KEY", "k")
        monkeypatch.setenv("CHAT_URL", simulator.base_url)
        monkeypatch.setenv("MESSAGES_URL", simulator.anthropic_url)
        _run([python, "-c", program + AGENTS.get(extra, "")])
        verdicts = [exchange.verdicts for exchange in simulator.exchanges]
    assert ([(), ("exact",), ("exact", "exact")] if extra in AGENTS else []) == verdicts


def _environment(folder: Path, wheel: Path, extra: str) -> str:
    return _installed(folder, f"{wheel}[{extra}]") if LONG else _linked(folder, wheel, extra)


def _lead(module: str) -> str:
    """What stands before the command in the error."""
    leads = {
        "langchain_mimo": "ChatMiMo",
        "langchain_mimo.messages_wire": "ChatMiMoMessages",
        "litellm_mimo": "mimo_callback",
        "mimo_quirks.simulator": "the simulator",
    }
    extra = MISSING[module].partition("[")[2].partition("]")[0]
    return f'{leads[module]} needs the "{extra}" extra: '


def test_the_command_without_its_extra(bare: str) -> None:
    """`mimo-quirks` says what it lacks, in one line."""
    command = str(Path(bare).parent / "mimo-quirks")
    ended = subprocess.run([command, "simulate"], capture_output=True, text=True, check=False)

    assert ended.returncode
    assert 'pip install "mimo-quirks[cli]"' in ended.stderr
    assert "Traceback" not in ended.stderr
