"""The clients: what npm calls them, how each is configured, and how it is started without a person in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# The pretend model calls the first tools that it is offered. Where the first one starts an agent, which is offered it
# too, there would be no end of agents: so these clients leave it out.
_CLAUDE: Final = ("-p", "--tools", "Bash,Read", "--dangerously-skip-permissions")
_CODEX: Final = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
_QWEN: Final = ("--yolo", "--exclude-tools=agent")
_PI: Final = ("-p", "--offline", "--provider", "litellm", "--model", "mimo")
_CONTINUE: Final = ("-p", "--auto", "--config", "../config.yaml")


@dataclass(frozen=True)
class Client:
    """One client.

    Attributes:
        name: As the table calls it.
        package: Its name at npm.
        program: What it installs.
        first: The arguments of the first turn; what is asked follows them.
        again: The arguments that resume the conversation.
        place: Where in its home the configuration belongs; empty where that is variables to export.
        heading: Under which the page about clients has the configuration.
        changes: What is written otherwise than on the page.
        environment: What else is in its environment.
    """

    name: str
    package: str
    program: str
    first: tuple[str, ...]
    again: tuple[str, ...]
    place: str = ""
    heading: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


CLIENTS: Final = (
    Client(
        name="Claude Code",
        package="@anthropic-ai/claude-code",
        program="claude",
        first=_CLAUDE,
        again=(*_CLAUDE, "--continue"),
        environment={"IS_SANDBOX": "1"},  # or else a root user may not skip permissions
    ),
    Client(
        name="Codex",
        package="@openai/codex",
        program="codex",
        first=("exec", *_CODEX),
        again=("exec", "resume", "--last", *_CODEX),
        place=".codex/config.toml",
    ),
    Client(
        name="opencode",
        package="opencode-ai",
        program="opencode",
        first=("run", "--auto", "--model", "litellm/mimo"),
        again=("run", "--auto", "--model", "litellm/mimo", "--continue"),
        place="work/opencode.json",
    ),
    Client(
        name="Qwen Code",
        package="@qwen-code/qwen-code",
        program="qwen",
        first=(*_QWEN, "-p"),
        again=(*_QWEN, "--continue", "-p"),
    ),
    Client(
        name="Qwen Code, messages",
        package="@qwen-code/qwen-code",
        program="qwen",
        first=(*_QWEN, "--auth-type", "anthropic", "-p"),
        again=(*_QWEN, "--auth-type", "anthropic", "--continue", "-p"),
        heading="Qwen Code",
        changes={"/v1": "", "OPENAI_": "ANTHROPIC_"},
    ),
    Client(
        name="pi",
        package="@mariozechner/pi-coding-agent",
        program="pi",
        first=_PI,
        again=(*_PI, "--continue"),
        place=".pi/agent/models.json",
    ),
    Client(
        name="pi, messages",
        package="@mariozechner/pi-coding-agent",
        program="pi",
        first=_PI,
        again=(*_PI, "--continue"),
        place=".pi/agent/models.json",
        heading="pi",
        changes={"/v1": "", "openai-completions": "anthropic-messages"},
    ),
    Client(
        name="Continue",
        package="@continuedev/cli",
        program="cn",
        first=_CONTINUE,
        again=(*_CONTINUE, "--resume"),
        place="config.yaml",
    ),
)
