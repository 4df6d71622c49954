"""What waits for the first model, so that whoever only imports a class does not pay for it.

The core and the modules around it take longer to load than the class itself, and so does the schema that pydantic makes
of the class. Modules that come with the class reach the former through `parts` alone; the latter waits in `Deferred`.
The first model that is made finds all of it, so that no request does.
"""

from __future__ import annotations

import importlib
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from . import parts
else:

    class _Parts(ModuleType):
        """Stands for the module until something is asked of it; from then on it is one with the same names."""

        def __getattr__(self, name: str) -> Any:
            module = importlib.import_module(".parts", __package__)
            vars(self).update(vars(module))
            self.__class__ = ModuleType  # which finds a name faster
            return getattr(module, name)

    parts = _Parts("parts")

__all__ = ["Deferred", "parts"]

_BUILDING: Final = threading.RLock()


class Deferred(BaseModel):
    """A pydantic class whose schema is made when somebody needs it."""

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def model_rebuild(cls, *, _parent_namespace_depth: int = 2, **options: Any) -> bool | None:
        """Makes the schema, in one thread at a time: before 2.14 pydantic does not see to that.

        Without it, of threads that make their first models at once, one may be given its parent's fields.

        Args:
            **options: As for pydantic's own.
        """
        with _BUILDING:
            return super().model_rebuild(_parent_namespace_depth=_parent_namespace_depth + 1, **options)
