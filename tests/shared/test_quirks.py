"""Which models and hosts are MiMo's, and what is known of each: one matrix, a changed cell shows in the diff."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimo_quirks.facts.families import FAMILIES, family_of
from mimo_quirks.facts.hosts import HOSTS, MESSAGES, RESPONSES, Host, authority, host_name
from mimo_quirks.facts.models import MODELS, abilities_of
from mimo_quirks.facts.prices import PRICES
from mimo_quirks.facts.quirks import quirks_for


@pytest.mark.parametrize(
    "model",
    [
        "mimo-v2.6-flash",
        "mimo-v2.6-pro",
        "mimo-v2.6-pro-ultraspeed",
        "mimo-v2.6-pro-2026-09-22",
        "mimo-v3",
        "mimo-auto",
        "MiMo-V2.5-Pro",
        "mimo_v2",
        "xiaomi/mimo-v2.5-pro",
        "xiaomi_mimo/mimo-v2.6-pro",
        "openrouter/xiaomi/mimo-v2.5-pro:free",
        "xiaomi/mimo-v2.5-pro@preset/coder",
        "@cf/xiaomi/mimo-v2.6-flash",
        "mimo-v2.5-pro[1m]",
        "opencode-go/mimo-v2.6-flash-free",
        "xiaomi-mimo-v2-6-flash",
        "coding-xiaomi-mimo-v2.5",
        "us.xiaomi.mimo-v2.5",
        "XiaomiMiMo/MiMo-V2-Flash",
    ],
)
def test_ids_of_mimo(model: str) -> None:
    """An id whose last segment has MiMo's shape is MiMo, whatever its vendor prefix and suffix."""
    assert family_of(model) == "mimo"


@pytest.mark.parametrize(
    "model",
    [
        "mimo-v2.5-tts",
        "mimo-v2.5-tts-voiceclone",
        "mimo-v2-tts",
        "xiaomi/mimo-v2.5-asr",
        "XiaomiMiMo/MiMo-7B-RL",
        "MiMo-VL-7B-SFT",
        "MiMo-Audio-7B-Instruct",
        "MiMo-Embodied-7B",
        "mimo:7b",
        "mımo-v2.6-pro",
        "mimosa-1",
        "minimoto",
        "notmimo-model",
        "minimo-1",
        "MiniMax-M2",
        "mimo/gpt-5",
        "xiaomi_mimo/gpt-5",
        "gpt-5.4",
        "",
        "/",
        "[1m]",
    ],
)
def test_ids_that_are_not_mimo(model: str) -> None:
    """Speech models, older sized weights and words that contain "mimo" are not covered."""
    assert family_of(model) is None


OTHERS = {
    "deepseek": (["deepseek-v4-pro", "deepseek/deepseek-v4"], ["deepseek-v3.2", "deepseek-r1", "deepseek-chat"]),
    "kimi": (
        [
            "kimi-k2-thinking",
            "moonshot/kimi-k2-thinking-turbo",
            "moonshotai/Kimi-K2.5",
            "kimi-k2.7-code",
            "accounts/fireworks/models/kimi-k2p6",
            "kimi-k3",
        ],
        ["kimi-k2", "kimi-k2-0905-preview", "Kimi-K2-Instruct", "kimi-latest", "kimi-vl-a3b-thinking", "kimi-k2.50"],
    ),
}
"""Other family → ids that are of it, and ids of the same vendor that are not."""


@pytest.mark.parametrize("family", OTHERS)
def test_ids_of_other_families(family: str) -> None:
    """The models that have the rule are of the family; the vendor's others are not."""
    ids, others = OTHERS[family]

    assert {family} == {family_of(model) for model in ids}
    assert {None} == {family_of(model) for model in others}


def test_every_family_s_detection_is_tested() -> None:
    """A new row of `FAMILIES` needs ids in a test: those that are of it, and those that are not."""
    untested = {family.name for family in FAMILIES} - {"mimo", *OTHERS}

    assert not untested, f"give OTHERS in this file ids that are of {untested}, and ids that are not"


RELAY = "https://llm.example/v1"
MATRIX = [
    # model, base_url, provider → family, host, fields, placeholder
    ("mimo-v2.6-pro", None, None, "mimo relay reasoning_content ''"),
    ("mimo-v2.6-pro", None, "xiaomi_mimo", "mimo xiaomi reasoning_content ''"),
    ("mimo-v2.6-pro", "https://api.xiaomimimo.com/v1", None, "mimo xiaomi reasoning_content ''"),
    ("gpt-5.4", "https://token-plan-sgp.xiaomimimo.com/v1", "openai", "mimo token-plan reasoning_content ''"),
    ("gpt-5.4", "http://TOKEN-PLAN-CN.XiaomiMiMo.com.:8080/v1", "openai", "mimo token-plan reasoning_content ''"),
    ("deepseek-v4-pro", "https://api.xiaomimimo.com/v1", "openai", "mimo xiaomi reasoning_content ''"),
    ("mimo-v2.5-tts", "https://api.xiaomimimo.com/v1", None, None),
    ("gpt-5.4", RELAY, "openai", None),
    ("mimo-v2.6-pro", RELAY, "openai", "mimo relay reasoning_content ''"),
    ("mimo-v2.6-pro", RELAY, "hosted_vllm", "mimo relay reasoning_content+reasoning ''"),
    ("xiaomi/mimo-v2.6-pro", RELAY, "openrouter", "mimo relay reasoning ''"),
    ("xiaomi/mimo-v2.6-pro", None, "openrouter", "mimo openrouter reasoning None"),
    ("xiaomi/mimo-v2.6-pro", "https://openrouter.ai/api/v1", "openai", "mimo openrouter reasoning None"),
    (
        "xiaomi/mimo-v2.5-pro",
        "https://w1.cn-beijing.maas.aliyuncs.com/v1",
        "openai",
        "mimo alibaba reasoning_content ''",
    ),
    (
        "mimo-v2.6-pro",
        "https://token-plan-sgp.xiaomimimo.com/v1",
        "hosted_vllm",
        "mimo token-plan reasoning_content ''",
    ),
    ("deepseek-v4-pro", RELAY, None, "deepseek relay reasoning_content ' '"),
    ("kimi-k2.6", "https://api.moonshot.ai/v1", "moonshot", "kimi relay reasoning_content ' '"),
    ("gpt-5.4", "https://xiaomimimo.com.evil.example/v1", None, None),
    ("gpt-5.4", "https://evil.example/xiaomimimo.com/v1", None, None),
    ("gpt-5.4", "https://api.xiaomimimo.com@evil.example/v1", None, None),
    ("gpt-5.4", "https://evil.example\\@api.xiaomimimo.com/v1", None, None),
    ("gpt-5.4", "https://notxiaomimimo.com/v1", None, None),
    ("gpt-5.4", "https://[broken", None, None),
    ("gpt-5.4", "https://api.xıaomımimo.com/v1", None, None),
    ("my-tts-app/acme", "https://api.xiaomimimo.com/v1", None, "mimo xiaomi reasoning_content ''"),
]


def test_every_host_s_detection_is_tested() -> None:
    """A new row of `HOSTS` that is known by its domains needs a line in `MATRIX` with a URL of that host."""
    tested = {str(expected).split()[1] for _, base_url, _, expected in MATRIX if base_url and expected}
    untested = {host.name for host in HOSTS if host.domains is not None} - tested

    assert not untested, f"give MATRIX in this file a line with a URL of {untested}, and one with a lookalike"


@pytest.mark.parametrize("host", [host for host in HOSTS if host.domains is not None], ids=lambda host: host.name)
def test_lookalikes_of_hosts(host: Host) -> None:
    """A name with a host's name in front or behind is not that host."""
    urls = [str(url) for model, url, _, expected in MATRIX if expected and f" {host.name} " in expected and url]
    names = [name for name in map(host_name, urls) if name]

    assert names
    for name in names:
        assert host.domains is not None
        assert host.domains.fullmatch(name)
        assert not host.domains.fullmatch(f"{name}.evil.example")
        assert not host.domains.fullmatch("evil" + ".".join(name.split(".")[-2:]))


@pytest.mark.parametrize(("model", "base_url", "provider", "expected"), MATRIX)
def test_resolution_matrix(model: str, base_url: str | None, provider: str | None, expected: str | None) -> None:
    """A model on a host resolves to exactly these quirks; lookalike hosts to none."""
    quirks = quirks_for(model, base_url, provider)

    actual = quirks and f"{quirks.family} {quirks.host} {'+'.join(quirks.dialect.fields)} {quirks.placeholder!r}"
    assert actual == expected


def test_the_operator_s_row_beats_the_provider() -> None:
    """A row that the operator names is not overruled by a provider prefix."""
    quirks = quirks_for("mimo-v2.6-pro", "http://10.0.0.5/v1", "hosted_vllm", host="relay")

    assert quirks is not None
    assert ("reasoning_content",) == quirks.dialect.fields


def test_operator_names_the_rows() -> None:
    """Rows that the operator names are taken without asking detection."""
    quirks = quirks_for("acme-brain", "http://10.0.0.5:8000/v1", family="mimo", host="strict-relay")

    assert quirks is not None
    assert ("mimo", "strict-relay", True) == (quirks.family, quirks.host, quirks.forbids_when_off)


@pytest.mark.parametrize(
    ("model", "expected"), [("mimo-v2-flash", False), ("MiMo-V2-Flash", False), ("mimo-v2.6-flash", True)]
)
def test_thinking_default(model: str, expected: bool) -> None:
    """Every current model thinks by default; only v2-flash does not."""
    quirks = quirks_for(model)

    assert quirks is not None
    assert quirks.thinks_by_default is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, None),
        ("", None),
        ("token-plan-cn.xiaomimimo.com/v1", "token-plan-cn.xiaomimimo.com"),
        ("https://user:pw@API.Example.:443/v1", "api.example"),
        ("https:///v1", None),
        ("http://[::1]:8000/v1", "::1"),
    ],
)
def test_host_name(url: str | None, expected: str | None) -> None:
    """The host is parsed as clients dial it."""
    assert host_name(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, None),
        ("", None),
        ("https:///v1", None),
        ("http://[broken", None),
        ("https://evil.example\\@api.example", None),
        ("https://user:pw@API.Example.:443/v1", "api.example"),
        ("https://api.example:80/v1", "api.example:80"),
        ("http://api.example:80", "api.example"),
        ("HTTP://api.example:443/a:5/b", "api.example:443"),
        ("api.example:443", "api.example:443"),
        ("api.example/v1", "api.example"),
        ("user:5@api.example", "api.example"),
        ("http://[::1]:8000/v1", "::1:8000"),
        ("http://[::1]/v1", "::1"),
        ("http://api.example:/v1", "api.example"),
    ],
)
def test_authority(url: str | None, expected: str | None) -> None:
    """The host with its port, where that is not the scheme's own; never who calls, or with what password."""
    assert expected == authority(url)


def test_address() -> None:
    """Deployments of one row are told apart by where they are; what is not known is nothing."""
    urls = ("http://10.0.0.5:8000/v1", "http://10.0.0.5:8001/v1", "https://u:p@LLM.example/v1", None)
    found = [quirks_for("mimo-v2.6-pro", url, "xiaomi_mimo") for url in urls]

    assert ["10.0.0.5:8000", "10.0.0.5:8001", "llm.example", ""] == [quirks and quirks.address for quirks in found]


def test_every_row_has_a_source_and_a_date() -> None:
    """A fact without a source cannot be checked, and one without a date cannot be doubted."""
    dialects = [*(host.dialect for host in HOSTS), MESSAGES, RESPONSES]

    assert [] == [
        row
        for row in (*FAMILIES, *HOSTS, *MODELS, *PRICES, *dialects)
        if not row.source or not row.date.startswith("202")
    ]


@pytest.mark.parametrize(
    ("model", "host", "expected"),
    [
        ("mimo-v2.6-pro", "xiaomi", ("", " ", "")),
        ("mimo-v2.6-pro", "vllm", (None, None, None)),
        ("deepseek-v4-pro", "relay", (" ", " ", " ")),
    ],
)
def test_placeholders_of_the_wires(model: str, host: str, expected: tuple[str | None, ...]) -> None:
    """A block is never empty; elsewhere the family's own stands in; a host that takes none takes none on any wire."""
    quirks = quirks_for(model, host=host)

    assert quirks is not None
    assert expected == tuple(quirks.on(wire).placeholder for wire in ("chat", "messages", "responses"))


def test_wires() -> None:
    """Each wire has its dialect, the same at every host; everything else stays, and the chat wire is the row itself."""
    for host in ("openrouter", "vllm", "strict-relay"):
        quirks = quirks_for("mimo-v2-flash", host=host)
        assert quirks is not None
        assert quirks.on("chat") is quirks
        for wire, dialect in (("messages", MESSAGES), ("responses", RESPONSES)):
            placeholder = quirks.on(wire).placeholder
            assert quirks.on(wire) == replace(quirks, dialect=dialect, placeholder=placeholder, wire=wire)
        assert ("chat", "chat") == (quirks.wire, quirks.on("completions").wire)


def test_prices() -> None:
    """The rows are of models that are known to be MiMo's, each once, and an answer costs more than a question."""
    assert {"mimo"} == {family_of(price.id) for price in PRICES}
    assert len(PRICES) == len({price.id for price in PRICES})
    assert [] == [price.id for price in PRICES if abilities_of(price.id) is None or price.usd_output < price.usd_input]
