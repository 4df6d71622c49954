"""What a model can do, in LangChain's words."""

from __future__ import annotations

from langchain_core.language_models import ModelProfile

from mimo_quirks import abilities_of


def profile_of(model: str) -> ModelProfile | None:
    """The profile of a model id, or None where nothing is known of it."""
    row = abilities_of(model)
    if row is None:
        return None
    return ModelProfile(
        max_input_tokens=row.context,
        max_output_tokens=row.output,
        text_inputs=True,
        image_inputs=row.sees,
        image_url_inputs=row.sees,
        image_tool_message=False,  # a tool's content is a string (EVIDENCE §9)
        audio_inputs=row.hears,
        video_inputs=row.hears,
        text_outputs=True,
        image_outputs=False,
        audio_outputs=False,
        video_outputs=False,
        reasoning_output=True,
        tool_calling=True,
        tool_choice=False,
        structured_output=row.follows_schemas,
        temperature=True,
    )
