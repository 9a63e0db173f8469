"""Rules over the operator's socket: made, listed, previewed, proposed, revoked."""

import json
from typing import Any

import pytest

from hived.wire.ids import new_id
from hived.wire.rules import Rule, RuleList, RulePreview, RuleProposal
from tests.hived.api.conftest import Calls
from tests.support.books import Books

LS = {"tool": "Bash", "pattern": "ls*", "agent": "ada"}


async def asked(harness: Calls, command: str = "ls -l", **input: Any) -> dict[str, Any]:
    body = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": command, **input}, "turn_id": "t1"}
    status, answer = await harness("POST", "/v1/approvals", body)
    assert status == 202, answer
    found: dict[str, Any] = answer
    return found


async def test_a_rule_is_made_listed_hit_and_revoked(host: Calls, harness: Calls, books: Books) -> None:
    status, answer = await host("POST", "/v1/rules", {**LS, "expires_at": "7d", "reason": "it only looks"})
    assert status == 201
    rule = Rule.model_validate(answer)
    approval = await asked(harness)
    assert (approval["status"], approval["rule"], approval["decided_by"]["who"]) == ("approved", rule.id, "hived")
    assert await books.waiting() == []
    [listed] = RuleList.model_validate((await host("GET", "/v1/rules"))[1]).rules
    assert (listed.hits, listed.created_by, listed.reason) == (1, "operator", "it only looks")

    status, answer = await host("DELETE", f"/v1/rules/{rule.id[:30]}")
    assert (status, answer["id"]) == (200, rule.id)
    assert (await host("GET", "/v1/rules"))[1] == {"rules": []}
    assert [one["id"] for one in (await host("GET", "/v1/rules?all=true"))[1]["rules"]] == [rule.id]
    status, answer = await host("DELETE", f"/v1/rules/{rule.id}")
    assert (status, answer["code"]) == (409, "rule_revoked")
    assert (await asked(harness))["status"] == "pending"


async def test_the_same_call_again_makes_one_rule(host: Calls, harness: Calls) -> None:
    key = {"Idempotency-Key": "k1"}
    answers = [await host("POST", "/v1/rules", LS, headers=key) for _ in range(2)]
    assert answers[0] == answers[1]
    assert len((await host("GET", "/v1/rules?all=true"))[1]["rules"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {**LS, "pattern": "ls > *"}, {**LS, "pattern": "git status $(rm x)"}, {**LS, "tool": ""}, {**LS, "verdict": "maybe"},
        {**LS, "scope": "colony", "colony": "x"}, {**LS, "expires_at": "soon"}, {**LS, "more": 1}, {"tool": "*", "agent": "ada"},
        {"pattern": "ls*", "agent": "ada"}, {}, [], "x", 5, None, {**LS, "pattern": "x" * 5000}, {**LS, "tool": {"a": 1}},
        {**LS, "pattern": "ls \x1b[31m*"},
    ],
)  # fmt: skip
async def test_every_wrong_draft_is_one_sentence(host: Calls, harness: Calls, body: Any) -> None:
    for path in ("/v1/rules", "/v1/rules/preview"):
        status, answer = await host("POST", path, content=_encoded(body))
        if path.endswith("preview") and status == 200:
            assert "could never fit" in answer["warning"]
            continue
        assert (status, answer["code"]) == (400, "invalid_rule"), answer
        assert answer["message"].endswith(".")
        assert answer["message"].isprintable()
    assert (await host("GET", "/v1/rules?all=true"))[1] == {"rules": []}


async def test_a_body_that_is_no_json_an_unknown_agent_and_an_unknown_rule_are_their_own_errors(
    host: Calls, harness: Calls
) -> None:
    status, answer = await host("POST", "/v1/rules", content=b"{", headers={"content-type": "application/json"})
    assert (status, answer["code"]) == (400, "not_json")
    assert (await host("POST", "/v1/rules", {**LS, "agent": "bob"}))[1]["code"] == "agent_not_found"
    assert (await host("DELETE", "/v1/rules/ffff"))[1]["code"] == "rule_not_found"
    assert (await host("GET", "/v1/approvals/ffff/rule"))[1]["code"] == "approval_not_found"


async def test_the_proposal_of_an_approval_is_what_remembering_it_makes(host: Calls, harness: Calls) -> None:
    approval = await asked(harness, "git  status", description="look")
    path = f"/v1/approvals/{approval['id'][:34]}/rule"
    proposal = RuleProposal.model_validate((await host("GET", path))[1])
    assert (proposal.rule.pattern, proposal.rule.agent) == ("git status", "ada")
    assert "`git status`" in proposal.words
    assert (await host("GET", f"{path}?scope=hive"))[1]["rule"]["scope"] == "hive"
    assert (await host("GET", f"{path}?scope=colony"))[1]["code"] == "invalid_rule"
    assert (await host("GET", f"{path}?scope=x"))[0] == 400
    status, decided = await host("POST", f"/v1/approvals/{approval['id']}/approve", {"remember": "agent"})
    assert status == 200
    [rule] = (await host("GET", "/v1/rules"))[1]["rules"]
    assert (rule["id"], rule["made_from"], rule["pattern"]) == (decided["remembered"], approval["id"], "git status")
    assert (await asked(harness, "git status"))["status"] == "approved"


async def test_a_preview_says_what_a_rule_would_have_decided(host: Calls, harness: Calls) -> None:
    kept, other = await asked(harness), await asked(harness, "rm x")
    await host("POST", f"/v1/approvals/{kept['id']}/deny")
    status, answer = await host("POST", "/v1/rules/preview", LS)
    seen = RulePreview.model_validate(answer)
    assert (status, seen.days, seen.asks, seen.decided, seen.differs) == (200, 30, 2, 1, 1)
    assert [(ask.approval_id, ask.would) for ask in seen.examples] == [(kept["id"], "allow")]
    assert (await host("POST", "/v1/rules/preview?days=1", {**LS, "pattern": "rm *", "verdict": "deny"}))[1][
        "examples"
    ][0]["approval_id"] == other["id"]
    assert (await host("POST", "/v1/rules/preview?days=0", LS))[1]["code"] == "invalid_rule"
    assert (await host("GET", "/v1/rules?all=true"))[1] == {"rules": []}


async def test_an_agent_makes_and_sees_no_rules(harness: Calls) -> None:
    for method, path in (
        ("GET", "/v1/rules"),
        ("POST", "/v1/rules"),
        ("DELETE", "/v1/rules/x"),
        ("POST", "/v1/rules/preview"),
    ):
        status, answer = await harness(method, path, {} if method == "POST" else None)
        assert (status, answer["code"]) == (403, "forbidden_role"), path


async def test_the_draft_is_described_for_those_who_read_the_schema(host: Calls) -> None:
    document = (await host("GET", "/openapi.json"))[1]
    schema = document["paths"]["/v1/rules"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"tool", "pattern", "verdict", "scope", "expires_at"} <= set(schema["properties"])


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
