"""The wires: how each writes a history down, turned into messages of the chat wire and back, and nothing else.

Everything that is known about turns (spellings, keys, replay) speaks the chat wire. A wire gives it a *view* of a
history and writes back what was decided; a turn that nobody changed stays the object that it was.
"""

from typing import Final

from . import chat, messages, responses
from .wire import View, Wire

CHAT: Final = Wire("chat", chat.view, chat.write)
MESSAGES: Final = Wire("messages", messages.view, messages.write)
RESPONSES: Final = Wire("responses", responses.view, responses.write)

__all__ = ["CHAT", "MESSAGES", "RESPONSES", "View", "Wire"]
