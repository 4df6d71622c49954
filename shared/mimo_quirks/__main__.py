"""`python -m mimo_quirks` is the command `mimo-quirks`."""

from .cli import main

main()
