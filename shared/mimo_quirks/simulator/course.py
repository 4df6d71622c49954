"""How far a host has come: which of its modes it is in, and whose turn it is to be rejected.

Nothing is random here: what a host does with a request depends on the requests before it, so a failing test fails
again. Every count begins anew with each mode, with a mode that is assigned and with a reset.
"""

from typing import Literal, TypeAlias

from mimo_quirks.simulator.modes import Mode

Standing: TypeAlias = Literal["offends", "complies", "unasked"]
"""A request breaks the rule, or keeps it, or has nothing that the rule asks about."""


class Course:
    """A mode, and those that follow it.

    Args:
        mode: The first.
    """

    def __init__(self, mode: Mode) -> None:
        self._first = mode
        self.begin()

    @property
    def mode(self) -> Mode:
        """How the host behaves now."""
        return self._mode

    def begin(self) -> None:
        """Go back to the first mode, and to no requests."""
        self._enter(self._first)

    def rejects(self, standing: Standing) -> bool:
        """Count a request that the rule was asked about, and say whether it is rejected."""
        mode = self._mode
        self._counts[standing] += 1
        every = {"offends": mode.enforces_every, "complies": mode.rejects_every, "unasked": 0}[standing]
        rejected = bool(every) and self._counts[standing] % every == 0
        if mode.then is not None and sum(self._counts.values()) >= mode.then[0]:
            self._enter(mode.then[1])
        return rejected

    def _enter(self, mode: Mode) -> None:
        self._mode = mode
        self._counts: dict[Standing, int] = {"offends": 0, "complies": 0, "unasked": 0}
