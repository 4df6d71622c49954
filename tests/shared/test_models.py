"""What is known of models, by the shape of their ids."""

from __future__ import annotations

import pytest

from mimo_quirks.facts.models import abilities_of

MILLION = 1_048_576


@pytest.mark.parametrize(
    ("model", "context", "output", "sees", "hears", "follows_schemas"),
    [
        ("mimo-v2.6-pro", MILLION, 131_072, True, False, True),
        ("mimo-v2.6-flash", MILLION, 131_072, True, False, True),
        ("mimo-v2.6-pro-ultraspeed", MILLION, 131_072, True, False, True),
        ("xiaomi/mimo-v2.6-flash:free", MILLION, 131_072, True, False, True),
        ("XiaomiMiMo/MiMo-V2.6-Flash-RL", MILLION, 131_072, True, False, True),
        ("xiaomi-mimo-v2-6-flash", MILLION, 131_072, True, False, True),
        ("mimo-v2.5-pro[1m]", MILLION, 131_072, False, False, False),
        ("mimo-v2.5", MILLION, 131_072, True, True, False),
        ("mimo-v2-flash", 262_144, 65_536, False, False, False),
    ],
)
def test_known(model: str, context: int, output: int, sees: bool, hears: bool, follows_schemas: bool) -> None:
    """Each model, however its id is written, has its row."""
    row = abilities_of(model)

    assert row is not None
    assert (context, output, sees, hears) == (row.context, row.output, row.sees, row.hears)
    assert follows_schemas == row.follows_schemas


@pytest.mark.parametrize("model", ["mimo-v2.5-tts", "mimo-v2.5-asr", "mimo-v3", "mimo-auto", "notmimo-v2.6-prose", "x"])
def test_unknown(model: str) -> None:
    """Of other ids nothing is said."""
    assert abilities_of(model) is None
