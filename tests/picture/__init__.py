"""The README's picture: a text that says it, and the drawing of it."""
