"""What the words under a model's fields say, put into `/openapi.json` when somebody asks for it.

pydantic could do so itself (`use_attribute_docstrings`), but reads the source of every model at each start of every program for
it: a quarter of what a harness's start computes.
"""

import ast
import inspect
import textwrap
from typing import Any

from fastapi import FastAPI

from hived.wire.base import Answer, WireModel


class DescribedApp(FastAPI):
    """Its document says what each field means."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            models = {model.__name__: model for base in (Answer, WireModel) for model in _below(base)}
            for name, schema in document.get("components", {}).get("schemas", {}).items():
                model = models.get(name.removesuffix("-Input").removesuffix("-Output"))
                if model is not None:
                    _describe(schema.get("properties", {}), words_under_fields(model))
        assert self.openapi_schema is not None
        return self.openapi_schema


def words_under_fields(model: type) -> dict[str, str]:
    """Field → the string that stands under it, in the class itself or in one that it is made from."""
    found: dict[str, str] = {}
    for level in reversed(model.__mro__):
        if not issubclass(level, Answer | WireModel) or level in (Answer, WireModel):
            continue
        (body,) = (
            node.body
            for node in ast.parse(textwrap.dedent(inspect.getsource(level))).body
            if isinstance(node, ast.ClassDef)
        )
        for field, words in zip(body, body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(words, ast.Expr):
                said = words.value.value if isinstance(words.value, ast.Constant) else None
                if isinstance(said, str):
                    found[field.target.id] = inspect.cleandoc(said)
    return found


def _describe(properties: dict[str, Any], words: dict[str, str]) -> None:
    for field, said in words.items():
        if field in properties:
            properties[field].setdefault("description", said)


def _below(base: type[Any]) -> list[type[Any]]:
    return [model for child in base.__subclasses__() for model in (child, *_below(child))]
