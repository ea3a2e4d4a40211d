"""The forms as JSON Schema, for editors that complete and explain while somebody types."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from scheduler.configuration.schema import NOTHING
from scheduler.configuration.writing.kinds import Kind


def schema_of(kind: Kind) -> dict[str, Any]:
    """The schema of one kind of file (JSON Schema, draft 2020-12): what its form takes, with its manual."""
    made = kind.form.model_json_schema(by_alias=True, schema_generator=_Generator)
    head = {"$schema": _Generator.schema_dialect, "title": kind.name, "description": kind.means}
    return {**head, **made}


def schema_text(kind: Kind) -> str:
    """The schema as a file: the same forms, the same bytes."""
    return json.dumps(schema_of(kind), indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """pydantic's schema without what says nothing to people: names of classes, nulls, empty defaults."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic asks with it
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return {key: value for key, value in super().model_schema(schema).items() if key != "title"}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A key that does not fit is wrong; pydantic leaves that open."""
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default that is a word or a number is proposed by editors; what stands for nothing is not."""
        inner = _or_nothing(self.generate_inner(schema["schema"]))
        default = schema.get("default")
        if isinstance(default, str | int) and default != "":
            return {**inner, "default": default}
        return inner


def _or_nothing(shape: JsonSchemaValue) -> JsonSchemaValue:
    """A key that may be left out may also stand there with nothing behind it, which is the same to check."""
    if "anyOf" in shape:
        return {**shape, "anyOf": [*shape["anyOf"], NOTHING]}
    if "type" not in shape:
        return {"anyOf": [shape, NOTHING]}
    types = [shape["type"]] if isinstance(shape["type"], str) else shape["type"]
    made = {**shape, "type": [*types, "null"]}
    return {**made, "enum": [*shape["enum"], None]} if "enum" in shape else made
