"""Settings are validated at start, and a bad one is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from mimo_quirks.facts.quirks import Quirks
from mimo_quirks.rejections.evidence import ALL_REMEDIES, Remedy
from mimo_quirks.settings import Settings, SettingsError
from mimo_quirks.stores.sqlite import SqliteStore


def _settings(**values: str) -> Settings:
    return Settings.from_env({f"MIMO_QUIRKS_{name.upper()}": value for name, value in values.items()})


def test_defaults() -> None:
    """Nothing needs to be set, and other people's variables are not ours."""
    assert Settings() == Settings.from_env({"MIMO_API_KEY": "x", "HOME": "/"})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("placeholders", "empty", ["MIMO_QUIRKS_PLACEHOLDERS", "did you mean MIMO_QUIRKS_PLACEHOLDER"]),
        ("zzz", "", ["unknown setting MIMO_QUIRKS_ZZZ"]),
        ("placeholder", "tool call", ["MIMO_QUIRKS_PLACEHOLDER", "'auto', 'empty', 'space' or 'none'"]),
        ("families", "mimmo", ["MIMO_QUIRKS_FAMILIES", "did you mean 'mimo'"]),
        ("hosts", "token-plan", ["MIMO_QUIRKS_HOSTS", "not a JSON object"]),
        ("hosts", "[1]", ["MIMO_QUIRKS_HOSTS"]),
        ("hosts", '{"10.0.0.5": 3}', ["MIMO_QUIRKS_HOSTS"]),
        ("hosts", '{"10.0.0.5": "xiaomy"}', ["MIMO_QUIRKS_HOSTS", "did you mean 'xiaomi'"]),
        ("hosts", '{"redis://10.0.0.5": "xiaomi"}', ["MIMO_QUIRKS_HOSTS", "scheme 'redis'", "http, https"]),
        ("hosts", '{"http://": "xiaomi"}', ["MIMO_QUIRKS_HOSTS", "names no host"]),
        (
            "hosts",
            '{"https://gw.example/a": "xiaomi", "gw.example": "none"}',
            ["MIMO_QUIRKS_HOSTS", "conflicting"],
        ),
        ("store", "redi://x", ["MIMO_QUIRKS_STORE", "'redi'", "did you mean 'redis://"]),
        ("store", "litelm", ["MIMO_QUIRKS_STORE", "did you mean 'litellm'"]),
        ("scope", "", ["MIMO_QUIRKS_SCOPE", "must not be blank"]),
        ("scope", " ", ["MIMO_QUIRKS_SCOPE", "must not be blank"]),
        ("store", "sqlite://", ["MIMO_QUIRKS_STORE", "sqlite:///relative/path"]),
        ("identity", "kee", ["MIMO_QUIRKS_IDENTITY", "'key', 'user' or 'team'"]),
        ("fix", "tool", ["MIMO_QUIRKS_FIX", "'tools', 'thinking' or 'content'"]),
        ("fix", "none, tools", ["MIMO_QUIRKS_FIX"]),
        ("fix", "", ["MIMO_QUIRKS_FIX"]),
        ("secret", "", ["MIMO_QUIRKS_SECRET", "must not be empty"]),
        ("secret", "new,", ["MIMO_QUIRKS_SECRET", "must not be empty"]),
        ("secret", "a", ["MIMO_QUIRKS_SECRET: ", "at least 32 characters", "secrets.token_urlsafe(32)"]),
        ("secret", "x" * 31, ["MIMO_QUIRKS_SECRET: ", "at least 32 characters"]),
        ("secret", "old," + "new" * 11, ["MIMO_QUIRKS_SECRET: ", "the first secret encrypts"]),
        ("sealed_max_bytes", "-1", ["MIMO_QUIRKS_SEALED_MAX_BYTES", "greater than or equal to 0"]),
        ("sealed_max_bytes", "64K", ["MIMO_QUIRKS_SEALED_MAX_BYTES", "valid integer"]),
        ("sealed_ttl_seconds", "0", ["MIMO_QUIRKS_SEALED_TTL_SECONDS", "greater than 0"]),
        ("on_rejection", "retry", ["MIMO_QUIRKS_ON_REJECTION", "'repair', 'fallback' or 'fail'"]),
        ("allow_thinking_off", "perhaps", ["MIMO_QUIRKS_ALLOW_THINKING_OFF", "valid boolean"]),
        ("policy_ttl_seconds", "0", ["MIMO_QUIRKS_POLICY_TTL_SECONDS", "greater than 0"]),
        ("sealed_max_byte", "0", ["MIMO_QUIRKS_SEALED_MAX_BYTE", "did you mean MIMO_QUIRKS_SEALED_MAX_BYTES"]),
        ("log", "trace", ["MIMO_QUIRKS_LOG", "'debug', 'info' or 'warning'"]),
        ("provenance", "model", ["MIMO_QUIRKS_PROVENANCE", "'family' or 'host'"]),
        ("store_ttl_seconds", "0", ["MIMO_QUIRKS_STORE_TTL_SECONDS", "greater than 0"]),
        ("store_timeout_seconds", "soon", ["MIMO_QUIRKS_STORE_TIMEOUT_SECONDS", "valid number"]),
        ("store_timeout_seconds", "inf", ["MIMO_QUIRKS_STORE_TIMEOUT_SECONDS", "finite number"]),
        ("store_ttl_seconds", "inf", ["MIMO_QUIRKS_STORE_TTL_SECONDS", "finite number"]),
        ("sealed_ttl_seconds", "inf", ["MIMO_QUIRKS_SEALED_TTL_SECONDS", "finite number"]),
        ("policy_ttl_seconds", "inf", ["MIMO_QUIRKS_POLICY_TTL_SECONDS", "finite number"]),
        ("models", "[" * 100_000, ["MIMO_QUIRKS_MODELS", "not a JSON object"]),
        ("models", '{"acme": "mimi"}', ["MIMO_QUIRKS_MODELS", "did you mean 'mimo'"]),
    ],
)
def test_bad_settings(name: str, value: str, words: list[str]) -> None:
    """The error names the variable, and the nearest thing that would do."""
    with pytest.raises(SettingsError) as caught:
        _settings(**{name: value})

    assert [] == [word for word in words if word not in str(caught.value)]


@pytest.mark.parametrize(
    "values",
    [
        {"store": "redi://:s3cret@host"},
        {"store": "redis:s3cret@host"},
        {"secret": "s3cret"},
        {"secret": ("s3cret", "")},
    ],
    ids=str,
)
def test_bad_settings_of_a_program(values: dict[str, Any]) -> None:
    """An error does not quote what was given: it may hold a password or the secret."""
    with pytest.raises(ValidationError) as caught:
        Settings(**values)

    assert "s3cret" not in str(caught.value)


def test_a_host_is_given_its_row() -> None:
    """A host that tells nothing is given a row, with its port, without, or as a URL."""
    settings = _settings(
        hosts='{"127.0.0.1:8000": "token-plan", "https://LLM.example/v1": "vllm", "[::1]:9": "xiaomi"}'
    )
    urls = ["http://127.0.0.1:8000/v1", "http://127.0.0.1:8001/v1", "llm.example", "https://u:p@llm.example:8443/v1"]
    found = [settings.quirks_for("gpt-5.4", url) for url in [*urls, "http://[::1]:9/v1"]]

    assert ["token-plan", None, None, None, "xiaomi"] == [quirks and quirks.host for quirks in found]
    vllm = settings.quirks_for("mimo-v2.6-pro", "https://u:p@llm.example:8443/v1")
    assert vllm is not None
    assert "vllm" == vllm.host


@pytest.mark.parametrize(
    ("written", "url", "expected"),
    [
        ("https://gw.example:443/v1", "https://gw.example/v1", "vllm"),
        ("gw.example", "HTTPS://GW.example:443", "vllm"),
        ("http://gw.example:443", "https://gw.example/v1", "relay"),
        ("gw.example/v1", "https://gw.example/v2", "vllm"),
    ],
)
def test_ports_and_paths(written: str, url: str, expected: str) -> None:
    """The scheme's own port is no other host, and a row is a host's, whatever the path."""
    quirks = _settings(hosts=json.dumps({written: "vllm"})).quirks_for("mimo-v2.6-pro", url)

    assert quirks is not None
    assert expected == quirks.host


@pytest.mark.parametrize("written", ["openai/acme-brain:free", "ACME-brain", "acme-brain:free"])
def test_ids_as_the_config_writes_them(written: str) -> None:
    """An id is found with LiteLLM's prefix and without, with its tag and without."""
    settings = _settings(models=json.dumps({written: "mimo"}))

    assert settings.quirks_for("acme-brain:free", provider="openai") is not None


def test_the_operator_says_yes_and_no() -> None:
    """A model id, or a host, can be declared ours or not ours."""
    settings = _settings(models='{"Acme-Brain": "mimo", "mimo-v9": "none"}', hosts='{"other.example": "none"}')

    assert settings.quirks_for("openai/acme-brain") is not None
    assert settings.quirks_for("ACME-BRAIN") is not None
    assert settings.quirks_for("mimo-v9") is None
    assert settings.quirks_for("mimo-v2.6-pro", "https://other.example/v1") is None
    assert settings.quirks_for("mimo-v2.6-pro", "https://llm.example/v1") is not None


def _quirks(settings: Settings, url: str = "https://llm.example/v1") -> Quirks:
    quirks = settings.quirks_for("mimo-v2.6-pro", url)
    assert quirks is not None
    return quirks


def test_scopes() -> None:
    """An owner's scope is its own; hosts of the family share it, unless the operator says otherwise."""
    settings, apart = Settings(), _settings(provenance="host")
    here, there = _quirks(settings), _quirks(settings, "https://api.xiaomimimo.com/v1")

    assert settings.scope_of("a", here, shared=True) == settings.scope_of("a", there, shared=True)
    assert settings.scope_of("a", here, shared=True) != settings.scope_of("b", here, shared=True)
    assert apart.scope_of("a", here, shared=True) != apart.scope_of("a", there, shared=True)


def test_scope_of_a_request_without_an_owner() -> None:
    """Without an owner it is one of the process, or the operator's; on a shared store there is none."""
    quirks = _quirks(Settings())

    assert Settings().scope_of(None, quirks, shared=False) is not None
    assert Settings().scope_of(None, quirks, shared=True) is None
    assert _settings(scope="team").scope_of(None, quirks, shared=True) is not None


@pytest.mark.parametrize("word", ["off", "litellm"])
def test_words_for_a_store(word: str) -> None:
    """A word is the same in any case, as a URL's scheme is."""
    assert word == _settings(store=word.upper()).store


def test_litellm_s_store_is_for_litellm() -> None:
    """Elsewhere the setting says so when the store is opened."""
    with pytest.raises(SettingsError, match="MIMO_QUIRKS_STORE: store `litellm` works only in LiteLLM's callback"):
        _settings(store="litellm").open_store()


def test_secrets_are_not_shown() -> None:
    """A secret is in no repr, and several are for rotation."""
    settings = _settings(secret=f"{'new' * 11}, old", store="redis://:new@host")

    assert ("new" * 11, "old") == settings.secret
    assert "new" not in repr(settings)


def test_families() -> None:
    """Only MiMo is looked after, unless the operator says more."""
    assert Settings().quirks_for("deepseek-v4-pro") is None
    assert _settings(families="mimo, deepseek").quirks_for("deepseek-v4-pro") is not None


@pytest.mark.parametrize(("value", "expected"), [("auto", ""), ("empty", ""), ("space", " "), ("none", None)])
def test_placeholder(value: str, expected: str | None) -> None:
    """The operator's placeholder is used everywhere."""
    quirks = _settings(placeholder=value).quirks_for("mimo-v2.6-pro")

    assert quirks is not None
    assert quirks.placeholder == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("none", ()), ("tools", ("tools",)), ("tools, content", ("tools", "content"))],
)
def test_fix_names_what_is_repaired(value: str, expected: tuple[str, ...]) -> None:
    """The setting names what is repaired; `none` is nothing, the default everything."""
    assert expected == _settings(fix=value).fix
    assert ("tools", "thinking", "content") == Settings().fix


@pytest.mark.parametrize("nothing", ["none", ("none",), ["none"], ()])
def test_fix_may_be_empty(nothing: Any) -> None:
    """An application may say `none` in any of these forms."""
    assert () == Settings(fix=nothing).fix


def test_carriers() -> None:
    """64 KiB for 30 days; 0 bytes is none."""
    assert (65536, 2592000) == (Settings().sealed_max_bytes, Settings().sealed_ttl_seconds)
    assert 0 == _settings(sealed_max_bytes="0").sealed_max_bytes


@pytest.mark.parametrize(
    ("placeholder", "expected"), [("auto", ["", " ", ""]), ("space", [" "] * 3), ("none", [None] * 3)]
)
def test_wires(placeholder: str, expected: list[str | None]) -> None:
    """The quirks of a deployment on each wire; the operator's placeholder beats the wire's."""
    settings = _settings(placeholder=placeholder)
    found = [settings.quirks_for("mimo-v2.6-pro", wire=wire) for wire in ("chat", "messages", "responses")]

    assert expected == [quirks and quirks.placeholder for quirks in found]
    assert [(), ("thinking_blocks",), ("thinking_blocks",)] == [
        quirks and quirks.dialect.alternatives for quirks in found
    ]
    assert settings.quirks_for("gpt-5.4", wire="messages") is None


def test_the_store() -> None:
    """The one that the URL names, as large and as lasting as the settings say; none outside the process otherwise."""
    assert isinstance(_settings(store="sqlite:///store").open_store(), SqliteStore)
    assert [None, None] == [_settings(store=store).open_store() for store in ("off", "memory://")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ALL_REMEDIES),
        ({"on_rejection": "repair"}, ALL_REMEDIES),
        ({"on_rejection": "fallback"}, ALL_REMEDIES),
        ({"on_rejection": "fail"}, set()),
        ({"allow_thinking_off": "false"}, ALL_REMEDIES - {Remedy.THINKING_OFF}),
        ({"placeholder": "auto"}, ALL_REMEDIES),
        ({"placeholder": "empty"}, ALL_REMEDIES - {Remedy.PAD}),
        ({"placeholder": "space"}, ALL_REMEDIES - {Remedy.PAD}),
        ({"placeholder": "none", "allow_thinking_off": "no"}, {Remedy.NONE, Remedy.STRIP}),
        ({"placeholder": "none", "on_rejection": "fail"}, set()),
    ],
)
def test_allowed_remedies(values: dict[str, str], expected: set[Remedy]) -> None:
    """What rejections teach never overrides the operator: a placeholder is theirs, and so is the switch."""
    assert expected == _settings(**values).allowed_remedies


def test_an_hour() -> None:
    """So long is it known what a deployment wants."""
    assert (3600, 60.5) == (
        Settings().policy_ttl_seconds,
        _settings(policy_ttl_seconds="60.5").policy_ttl_seconds,
    )
