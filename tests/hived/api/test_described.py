"""`/openapi.json` says what each field means, in the words that stand under it."""

from typing import Any

from hived.api.described import words_under_fields
from hived.wire.agents import AgentDetail, SpawnRequest


def test_the_words_under_a_field_are_found_in_the_class_and_in_what_it_is_made_from() -> None:
    words = words_under_fields(AgentDetail)
    assert words["history"] == "The newest 50 steps of its lifecycle, oldest first."
    assert words["unread"] == "Messages queued for it, leased ones not counted."
    assert "reason" in words_under_fields(SpawnRequest)
    assert "role" not in words_under_fields(SpawnRequest)


async def test_the_document_has_them(host: Any) -> None:
    schemas = (await host("GET", "/openapi.json"))[1]["components"]["schemas"]
    assert schemas["AgentView"]["properties"]["online"]["description"].startswith(
        "Its harness of the current generation"
    )
    assert schemas["Deployment"]["properties"]["base"]["description"] == "What ran before."
    told = sum("description" in field for schema in schemas.values() for field in schema.get("properties", {}).values())
    assert told > 150
