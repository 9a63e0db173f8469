"""The audit and the check over the operator's socket."""

import hashlib
import json

import pytest

from tests.hived.api.conftest import Calls
from tests.support.books import Books


async def test_each_decision_is_told_with_who_made_it_and_what_was_seen(host: Calls, books: Books) -> None:
    asked = await books.ask("ada", reason="to build")
    _, shown = await host("GET", f"/v1/approvals/{asked}")
    await host("POST", f"/v1/approvals/{asked}/deny", {"note": "no"}, headers={"hive-client": "hivetui"})
    status, answer = await host("GET", f"/v1/audit?subject={asked[:20]}")
    (entry,) = answer["entries"]
    canonical = json.dumps(shown["payload"], sort_keys=True, separators=(",", ":"))
    assert (status, entry["action"], entry["subject"]) == (200, "approval.denied", asked)
    assert entry["actor"] == {"who": "operator", "uid": 1000, "pid": 4242, "client": "hivetui", "socket": "host"}
    assert entry["detail"]["seen"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert entry["detail"]["note"] == "no"


async def test_it_is_paged_by_number(host: Calls, books: Books) -> None:
    for name in ("ada", "bob", "eve"):
        await host("POST", f"/v1/approvals/{await books.ask(name)}/deny")
    _, answer = await host("GET", "/v1/audit?limit=2")
    assert [entry["seq"] for entry in answer["entries"]] == [2, 3]
    _, answer = await host("GET", "/v1/audit?limit=2&before=2")
    assert [entry["seq"] for entry in answer["entries"]] == [1]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "before=0", "before=x", f"before={2**63}", "subject="])
async def test_a_query_that_makes_no_sense_is_refused(host: Calls, query: str) -> None:
    status, answer = await host("GET", f"/v1/audit?{query}")
    assert (status, answer["code"]) == (400, "invalid_request")


async def test_the_check_says_what_it_found(host: Calls, books: Books) -> None:
    await books.ask("ada")
    status, report = await host("GET", "/v1/check")
    assert (status, report["ok"]) == (200, True)
    await books.do(lambda tx: tx.execute("DELETE FROM waiting"))
    status, report = await host("GET", "/v1/check")
    assert (status, report["ok"]) == (200, False)
    (wrong,) = [finding for finding in report["findings"] if not finding["ok"]]
    assert wrong["name"] == "waiting"
    assert wrong["words"].endswith("waits, and is not listed.")
