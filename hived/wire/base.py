"""The base of every wire model: unknown keys are refused by name, the words under fields are put into /openapi.json (api/described.py)."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

MOST_NESTED = 100
"""Lists and objects within each other: what is deeper can be read, but not written again."""


def _plain(value: Any) -> Any:
    """What can be written again as it was read."""
    level, depth = [value], 0
    while level:
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            raise PydanticCustomError("not_plain", "NaN and Infinity are no JSON")
        if depth > MOST_NESTED:
            raise PydanticCustomError("not_plain", f"it is nested more than {MOST_NESTED} deep")
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        depth += 1
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_plain)]
"""An object whose keys are not ours: any JSON that others can read too."""


class WireModel(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Answer(BaseModel):
    """Base of what hived answers: a newer hived may add keys, and an older client of the same protocol ignores them."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())


class ErrorAnswer(Answer):
    """What every refused or failed call answers."""

    code: str
    """Stable: what a program looks at."""
    message: str
    """One sentence for a person."""
    detail: dict[str, Any] = Field(default_factory=dict)
