"""Draws the picture anew: `python -m tests.picture`."""

from .drawing import DRAWING, SOURCE, draw

DRAWING.write_text(draw(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
