"""The base of every wire model: unknown keys are refused by name, docstrings under fields become the schema."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class WireModel(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, protected_namespaces=())


class Answer(BaseModel):
    """Base of what hived answers: a newer hived may add keys, and an older client of the same protocol ignores them."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True, protected_namespaces=())


class ErrorAnswer(Answer):
    """What every refused or failed call answers."""

    code: str
    """Stable: what a program looks at."""
    message: str
    """One sentence for a person."""
    detail: dict[str, Any] = Field(default_factory=dict)
