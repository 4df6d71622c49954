"""A LiteLLM proxy's config: which deployments are MiMo's, and what the callback needs besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mimo_quirks import LITELLM, SETTINGS_PREFIX, Settings, setting_for

from .checks import Check

_CALLBACK: Final = "litellm_mimo.mimo_callback"
_REFERENCE: Final = "os.environ/"
_AUTHENTICATORS: Final = ("custom_auth", "enable_jwt_auth", "enable_oauth2_auth", "enable_oauth2_proxy_auth")

_WORKERS: Final = ("NUM_WORKERS", "DEFAULT_NUM_WORKERS_LITELLM_PROXY", "WEB_CONCURRENCY", "UVICORN_WORKERS")
"""Variables with a number of workers: LiteLLM's command reads the first two, and who starts its application by uvicorn
or gunicorn has the others."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a config says; its repr leaves all of it out.

    Attributes:
        content: It.
        environment: The variables that it sets.
    """

    content: Mapping[str, Any] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    def section(self, name: str) -> Mapping[str, Any]:
        """A section; empty where it is not there, or is none."""
        section = self.content.get(name)
        return section if isinstance(section, Mapping) else {}


def read_config(path: str) -> tuple[Config | None, Check | None]:
    """The config in a file, or what is wrong with it; the text of the file is not told."""
    try:
        import yaml  # noqa: PLC0415 - it comes with LiteLLM's proxy
    except ImportError:
        return None, Check("error", "config", "reading it needs PyYAML", 'pip install "mimo-quirks[proxy]"')
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        return None, Check("error", "config", f"cannot read {path}: {error.strerror or error}")
    except UnicodeDecodeError:
        return None, Check("error", "config", f"{path} is not UTF-8 text")
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        return None, Check(
            "error", "config", f"{path} is not YAML{where}: {getattr(error, 'problem', None) or 'unreadable'}"
        )
    if not isinstance(content, Mapping):
        return None, Check("error", "config", f"{path} has no sections such as model_list")
    given = content.get("environment_variables")
    environment = {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
    return Config(content, environment), None


def examine_config(config: Config, settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    """What stands in a config, and what is missing."""
    yield _callback(config)
    yield from _deployments(config, settings, environ)
    yield _retries(config, settings)
    yield _workers(settings, environ)
    yield from _cache(config, settings)
    yield _clients(config, environ)


def _callback(config: Config) -> Check:
    given = config.section("litellm_settings").get("callbacks")
    callbacks = given if isinstance(given, list) else [given]
    if _CALLBACK in callbacks:
        return Check("ok", "callback", f"{_CALLBACK} is in litellm_settings.callbacks")
    remedy = f'add it: litellm_settings: callbacks: ["{_CALLBACK}"]'
    return Check(
        "error", "callback", f"{_CALLBACK} is not in litellm_settings.callbacks: mimo-quirks is not in use", remedy
    )


def _deployments(config: Config, settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    listed = config.content.get("model_list")
    others, is_ours = list[tuple[str, str]](), False
    for deployment in listed if isinstance(listed, list) else []:
        given = deployment.get("litellm_params") if isinstance(deployment, Mapping) else None
        if not isinstance(given, Mapping) or not isinstance(given.get("model"), str):
            yield Check("warning", "deployment", "an entry of model_list has no litellm_params.model", "give it one")
            continue
        name, model = str(deployment.get("model_name")), given["model"]
        quirks = _quirks(model, given, settings, environ)
        if quirks is None:
            others.append((name, model))
            continue
        is_ours = True
        missing = _missing(given, environ)
        address = quirks.address or "the default address"
        said = f"{name}: {model} is family {quirks.family}, at {address}, row {quirks.host}"
        if missing:
            yield Check("error", "deployment", f"{said}, but {missing} is not set", f"set {missing}")
        else:
            yield Check("ok", "deployment", said)
    if others:
        remedy = f"where one is MiMo's under another name, set {setting_for(others[0][1])}"
        yield Check(
            "ok" if is_ours else "warning",
            "left alone",
            ", ".join(f"{name} ({model})" for name, model in others),
            remedy,
        )
    elif not is_ours:
        yield Check("warning", "deployment", "model_list is empty", "list a deployment of MiMo")


def _quirks(model: str, given: Mapping[str, Any], settings: Settings, environ: Mapping[str, str]) -> Any:
    base_url = _resolved(given.get("api_base") or given.get("base_url"), environ)
    provider, separator, rest = model.partition("/")
    named = given.get("custom_llm_provider")
    if isinstance(named, str) and named:
        return settings.quirks_for(model, base_url, named)
    return settings.quirks_for(rest, base_url, provider) if separator else settings.quirks_for(model, base_url)


def _resolved(value: Any, environ: Mapping[str, str]) -> str | None:
    if isinstance(value, str) and value.startswith(_REFERENCE):
        return environ.get(value.removeprefix(_REFERENCE)) or None
    return value if isinstance(value, str) and value else None


def _missing(given: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """The variables that a deployment names and that are not set."""
    named = [given.get(name) for name in ("api_base", "base_url", "api_key")]
    variables = [one.removeprefix(_REFERENCE) for one in named if isinstance(one, str) and one.startswith(_REFERENCE)]
    return ", ".join(variable for variable in variables if not environ.get(variable))


def _retries(config: Config, settings: Settings) -> Check:
    policy = config.section("router_settings").get("retry_policy")
    retries = policy.get("BadRequestErrorRetries") if isinstance(policy, Mapping) else None
    if isinstance(retries, int) and retries > 0:
        return Check("ok", "retry_policy", f"a rejected request is made again, changed ({retries})")
    if settings.on_rejection != "repair":
        return Check("ok", "retry_policy", f"not set, and {SETTINGS_PREFIX}ON_REJECTION is {settings.on_rejection}")
    said = "not set: a request that MiMo rejects is not made again, changed"
    return Check("warning", "retry_policy", said, "set router_settings: retry_policy: {BadRequestErrorRetries: 1}")


def _workers(settings: Settings, environ: Mapping[str, str]) -> Check:
    if settings.store not in ("memory://", "off"):
        return Check("ok", "workers", "workers and replicas share the store, where they all reach it")
    remedy = f"set {SETTINGS_PREFIX}STORE to sqlite:/// (one machine) or redis:// (several)"
    several = next((name for name in _WORKERS if _number(environ.get(name)) > 1), None)
    if several is not None and settings.store == "memory://":
        said = "memory:// is per worker process, and requests of one conversation may reach different workers"
        return Check("warning", "workers", f"{several} is {environ[several]}: {said}", remedy)
    said = f"one, as far as {', '.join(_WORKERS)} tell; for --num_workers above 1, or replicas, {remedy}"
    return Check("ok", "workers", said)


def _number(value: str | None) -> int:
    return int(value) if value and value.isdecimal() else 1


def _cache(config: Config, settings: Settings) -> Iterator[Check]:
    if settings.store != LITELLM:
        return
    section = config.section("litellm_settings")
    parameters = section.get("cache_params")
    kind = parameters.get("type") if isinstance(parameters, Mapping) else None
    if section.get("cache") is True and str(kind or "redis").startswith("redis"):
        yield Check("ok", "cache", "LiteLLM's cache is a Redis")
    else:
        remedy = "set litellm_settings: cache: true, cache_params: {type: redis}"
        yield Check("error", "cache", f"{SETTINGS_PREFIX}STORE is litellm, but LiteLLM's cache is no Redis", remedy)


def _clients(config: Config, environ: Mapping[str, str]) -> Check:
    """Whether the proxy can tell its clients apart: as `litellm_mimo.scope` asks it while it runs."""
    general = config.section("general_settings")
    has_key = bool(general.get("master_key") or environ.get("LITELLM_MASTER_KEY"))
    has_database = bool(_resolved(general.get("database_url"), environ) or environ.get("DATABASE_URL"))
    authenticates = has_key or any(general.get(name) for name in _AUTHENTICATORS)
    if authenticates and (general.get("custom_auth") or has_database):
        return Check("ok", "clients", "the proxy identifies its clients: each has its own scope")
    said = "the proxy has no per-client identity (no database, no custom_auth): all clients share one scope"
    remedy = "fine where all are one user's; else set general_settings.master_key and database_url"
    return Check("warning", "clients", said, remedy)
