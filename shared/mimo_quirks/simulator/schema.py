"""What pydantic finds wrong with a request, as one place and one sentence."""

from pydantic import ValidationError


def first_fault(error: ValidationError) -> tuple[str, str]:
    """The place in the request, in dots, and what is wrong there.

    Of a union's complaints the deepest; its members' names, which are no places, are left out.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    fault = max(found, key=lambda one: len(one["loc"]))
    return ".".join(str(step) for step in fault["loc"] if not _is_member(step)), fault["msg"]


def _is_member(step: int | str) -> bool:
    return isinstance(step, str) and (step == "str" or step.startswith("list["))
