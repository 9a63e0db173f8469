"""Threads, rules, budgets, reminders and the audit by keyboard, on a real hived."""

from collections.abc import AsyncIterator

import pytest

from hived.wire.ids import new_id
from tests.hivetui.real import Real, real_hive


@pytest.fixture
async def real() -> AsyncIterator[Real]:
    async with real_hive() as found:
        yield found


async def opened(real: Real, what: str) -> None:
    """By its command, as by `:`."""
    await real.press("colon")
    await real.type(what)
    await real.press("enter")
    await real.sees(f" {what} · ")


async def test_a_rule_is_made_with_a_preview_and_revoked(real: Real) -> None:
    ask = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": "git status"}, "turn_id": "t"}
    status, answer = real.agent.post("/v1/approvals", ask)
    assert status in (200, 202), answer
    assert real.hive.post(f"/v1/approvals/{ask['id']}/deny", {})[0] == 200
    await opened(real, "rules")
    await real.press("plus")
    await real.type("Bash")
    await real.press("enter")
    await real.sees("Which input? A glob")
    assert (await real.get("/v1/rules"))["rules"] == []
    await real.press("tab")
    await real.type("git status*")
    await real.sees("it would have decided 1 of 1 asks; 1 of them", "was denied")
    await real.press("enter")
    await real.sees("✓ allow", "git status*", "no hit")
    rule = (await real.get("/v1/rules"))["rules"][0]
    assert (rule["tool"], rule["pattern"], rule["agent"], rule["verdict"]) == ("Bash", "git status*", "ada", "allow")
    status, answer = real.agent.post("/v1/approvals", {**ask, "id": new_id()})
    assert answer["status"] == "approved"
    await real.sees("1 hit")
    await real.press("x")
    await real.sees("Revoke the rule on Bash git status*, for ada?")
    await real.press("y")
    await real.sees("no rules")
    assert (await real.get("/v1/rules"))["rules"] == []


async def test_a_form_says_what_is_missing_and_what_hived_refuses_and_keeps_what_is_typed(real: Real) -> None:
    await opened(real, "reminders")
    await real.press("plus", "enter")
    await real.sees("When? 10m")
    await real.press("tab")
    await real.type("soon")
    await real.press("tab")
    await real.type("look")
    await real.press("enter")
    await real.until(lambda: "soon" in real.text and "a new reminder" in real.text, "the refusal")
    assert (await real.get("/v1/reminders"))["reminders"] == []
    await real.press("escape")
    await real.sees("no reminders")


async def test_a_reminder_is_made_and_cancelled(real: Real) -> None:
    await opened(real, "reminders")
    await real.press("plus", "tab")
    await real.type("2h30m")
    await real.press("tab")
    await real.type("look at the log")
    await real.press("enter")
    await real.sees("look at the log", "in 2 h")
    await real.press("x", "y")
    await real.sees("no reminders")
    assert [found["status"] for found in (await real.get("/v1/reminders?all=true"))["reminders"]] == ["cancelled"]


async def test_a_budget_is_set_raised_and_removed(real: Real) -> None:
    await opened(real, "budgets")
    await real.press("plus", "tab", "tab", "tab")
    await real.type("1.50")
    await real.press("tab")
    await real.type("20k")
    await real.press("enter")
    await real.sees("ada", "day", "$0.00/$1.50", "0 of 20k")
    await real.press("r")
    await real.type("0.5")
    await real.press("enter")
    await real.sees("$2.00", "raised by $0.50")
    await real.press("e", "tab", "tab", "tab", "tab")
    await real.press(*["backspace"] * 8)
    await real.type("30k")
    await real.press("enter")
    await real.sees("of 30k")
    budget = (await real.get("/v1/budgets"))["budgets"][0]
    assert (budget["usd"], budget["tokens"], budget["scope"], budget["window"]) == (1.5, 30_000, "agent", "day")
    await real.press("x", "y")
    await real.sees("no budgets")


async def test_a_thread_is_read_replied_to_and_its_receipts_are_seen(real: Real) -> None:
    said = await real.says("The split is done.\x1b[31m [red]really[/red]")
    await opened(real, "threads")
    await real.sees("ada ↔ you", "[red]really[/red]", "→ unread", "1 unread")
    await real.press("enter")
    await real.sees("→ read")
    assert "unread" not in real.text
    await real.press("r")
    await real.type("Well done")
    await real.press("enter")
    await real.sees("you → ada", "Well done", "not taken yet")
    messages = (await real.get("/v1/messages"))["messages"]
    assert [(found["sender"], found["reply_to"], found["thread"]) for found in messages] == [
        ("ada", None, said),
        ("operator", said, said),
    ]
    status, answer = real.agent.post("/v1/inbox/claim", {"turn_id": "turn-1"})
    assert status == 200, answer
    await real.sees("→ leased")
    await real.tells(
        "turn_start", turn_id="turn-1", wake={"kind": "message"}, unread=0, message_ids=[messages[1]["id"]]
    )
    await real.tells(
        "turn_end", turn_id="turn-1", outcome="ok", message_ids=[messages[1]["id"]], duration_ms=1, tool_calls=0,
        ctx=None, cost=None, model="m", session_id=None, error=None, retryable=False, steered=False,
    )  # fmt: skip
    await real.sees("→ acked")


async def test_a_question_is_answered_from_its_thread_by_option_and_in_words(real: Real) -> None:
    first = await real.asks("Keep the v1 endpoint?", "keep it", "remove it")
    second = await real.asks("Which name?")
    await opened(real, "threads")
    await real.sees("2 to answer", "Which name?")
    await real.press("a")
    await real.type("parse")
    await real.press("enter")
    await real.sees("✓ answered by you", "1 to answer")
    await real.press("down", "a")
    await real.sees("1 keep it", "2 remove it", "Keep the v1")
    await real.press("down", "enter")
    await real.until(lambda: "to answer" not in real.text, "the second answer")
    questions = {found["id"]: found for found in (await real.get("/v1/questions?all=true"))["questions"]}
    assert questions[second]["answer_text"] == "parse"
    assert questions[first]["answer_options"] == [1]
    await real.press("a")
    await real.sees("Nothing in this thread waits")


async def test_what_is_typed_to_a_question_with_options_is_sent_as_it_reads_and_never_as_an_option_that_it_resembles(
    real: Real,
) -> None:
    asked = await real.asks("Which database?", "PostgreSQL", "SQLite")
    await opened(real, "threads")
    await real.press("a")
    await real.sees("1 PostgreSQL", "2 SQLite", "type an answer of your own")
    await real.type("sql")
    await real.sees("in your words sql")
    await real.press("enter")
    await real.sees("✓ answered by you")
    answered = (await real.get("/v1/questions?all=true"))["questions"][0]
    assert (answered["id"], answered["answer_text"], answered["answer_options"]) == (asked, "sql", None)


async def test_the_audit_shows_what_is_decided_meanwhile_and_from_where(real: Real) -> None:
    await opened(real, "audit")
    await real.sees("approval.approved", "agent.created")
    await real.press("down")
    await real.sees("socket", "the operator's")
    status, asked = real.hive.post(
        "/v1/agents", {"name": "bob", "engine": "command", "engine_options": {"command": "cat"}}
    )
    assert status == 202
    assert real.hive.post(f"/v1/approvals/{asked['id']}/deny", {"note": "no bob"})[0] == 200
    await real.sees("approval.denied", "spawn bob")
    await real.press("home")
    await real.sees('"note": "no bob"')
    await real.press("end", "down")
    await real.sees("This is where the audit begins")


async def test_a_filter_narrows_and_escape_takes_it_back_before_the_screen(real: Real) -> None:
    await real.says("one apple")
    await real.says("two pears")
    await real.press("escape", "t")
    await real.sees("one apple", "two pears")
    await real.press("slash")
    await real.type("pear")
    await real.press("enter")
    await real.until(lambda: "one apple" not in real.text, "the filter")
    await real.sees("/pear · 1")
    await real.press("escape")
    await real.sees("one apple")
    await real.press("escape")
    await real.until(lambda: real.app.screen is real.app.hive, "the hive")
