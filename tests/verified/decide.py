"""Forty mixed decisions are cleared in the TUI from the keyboard alone, in a terminal of 80 by 24, and every keystroke is counted."""

import json
import os
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from typing import Any

from hived.wire.ids import new_id
from tests.support.hive import LiveHive, call, live_hive
from tests.support.living import done, kill_harness, scripted, send, until_idle
from tests.verified.shell import Failed, Screen, expect, screen, wait_until

CONFIG = "crash_budget = 2\ndamper_messages = 6\ndamper_seconds = 60\n"
COUNT = 40
MOST_KEYSTROKES_EACH = 2.0
HOSTILE = "echo done \x1b[2K\u202e && rm -rf ~/work"
REPEAT = """
[[turn]]
repeat = true
steps = [{say = "Noted."}]
"""
YES_NO = [f'{{ask = {{text = "May I go on with part {n}?", options = ["yes", "no"]}}}}' for n in (1, 2, 3, 4)]
ASKS = f"""
[[turn]]
match = "ask away"
steps = [
  {", ".join(YES_NO)},
  {{ask = {{text = "Which name is better?", options = ["Token", "Lexeme"]}}}},
  {{ask = {{text = "Which branch?", options = ["main", "next", "stable"]}}}},
  {{ask = {{text = "Which of these may I update?", options = ["httpx", "pydantic", "textual"], multi = true}}}},
  {{ask = {{text = "What is the server called?"}}}},
  {{say = "Asked."}},
]

[[turn]]
match = "the hour"
steps = [{{ask = {{text = "At what hour is the window?"}}}}]
"""
CHATTER = """
[[turn]]
match = "chatter"
repeat = true
steps = [{send = {to = "%s", body = "chatter, and thank you"}}]
"""
FAILS = "".join(
    f"""
[[turn]]
match = "held message {n}"
steps = [{{fail = {{outcome = "failed", error = "a bad day", retryable = false}}}}]
"""
    for n in (1, 2, 3, 4)
)
LIMITED = """
[[turn]]
steps = [{limit = {detail = "5-hour limit", until_seconds = 3000}}]
"""
REFUSES = """
[engine]
resume = "refused once"
[[turn]]
steps = [{say = "first"}]
"""
AGENTS = {
    "queen": "", "ann": ASKS + CHATTER % "ben", "ben": CHATTER % "ann", "cas": "", "dan": "", "dee": FAILS, "eve": LIMITED,
    "fay": REFUSES,
}  # fmt: skip


def run() -> list[str]:
    with live_hive(start=False) as hive:
        (hive.home / "hive.toml").write_text(CONFIG)
        hive.start()
        intended = everything(hive)
        waits = hive.get("/v1/waiting")[1]["waiting"]
        kinds = Counter(item["kind"] for item in waits)
        expect(len(waits) == COUNT, f"{COUNT} things must wait, and there are {len(waits)}: {dict(kinds)}")
        env = {**os.environ, "HIVE_HOME": str(hive.home)}
        with screen(f"{sys.executable} -m hivetui", env, columns=80, lines=24) as shown:
            hands = Hands(shown)
            clear(hands)
            left = wait_until(lambda: [hive.get("/v1/waiting")[1]["waiting"]], "hived's answer")[0]
            wait_until(
                lambda: not hive.get("/v1/waiting")[1]["waiting"], f"the end of {[i['subject'] for i in left]}", 30
            )
            hands.sees("waiting on you")
        books(hive, waits, intended)
    total = sum(hands.strokes.values())
    decided = sum(hands.decisions.values())
    expect(decided == COUNT, f"the script must decide {COUNT} things and not {decided}")
    expect(total <= COUNT * MOST_KEYSTROKES_EACH, f"{total} keystrokes for {COUNT} decisions: {dict(hands.strokes)}")
    return [
        f"{'what':<52}{'decisions':>10}{'keystrokes':>12}",
        *(f"{what:<52}{hands.decisions[what]:>10}{strokes:>12}" for what, strokes in hands.strokes.items()),
        f"{'in all':<52}{decided:>10}{total:>12}",
        "",
        f"{total / COUNT:.2f} keystrokes a decision, every typed letter counted, in a terminal of 80 by 24.",
        "There waited: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) + ".",
        f"Each of the {COUNT} stands in hived's books as it was meant, and in the audit once, by hivetui over the host socket.",
    ]


def everything(hive: LiveHive) -> dict[str, str]:
    """Forty things that wait, from real agents, each after the other; what is to become of each, by what it is known by."""
    for name, scenario in AGENTS.items():
        scripted(hive, scenario + REPEAT, name, role="queen" if name == "queen" else "worker")
    expected = Waits(hive)
    intended: dict[str, str] = {}
    for number in range(1, 9):
        ask(hive, "ann", tool="Bash", input={"command": f"git log -{number}"})
        intended[f"git log -{number}"] = "approved"
    for number in range(1, 5):
        change = {"file_path": f"api/part{number}.py", "old_string": "kind: str", "new_string": "kind: Kind"}
        ask(hive, "ben", tool="Edit", input=change)
        intended[f"api/part{number}.py"] = "approved"
    for command, verdict in (("make test", "approved"), ("make install", "approved"), (HOSTILE, "denied")):
        ask(hive, "cas", tool="Bash", input={"command": command})
        intended[json.dumps(command)] = verdict
    expected.are(15)
    kill_harness(hive, "dan")
    os.kill(hive.agent("dan")["pid"], 9)
    expected.are(16)
    for number in range(1, 6):
        spawn = {"name": f"s{number}", "engine": "command", "engine_options": {"command": ["cat"]}}
        ask(hive, "queen", kind="spawn", spawn=spawn)
        intended[f'"s{number}"'] = "approved" if number < 4 else "denied"
    send(hive, "ask away", "ann")
    expected.are(29)
    send(hive, "the hour", "ann")
    expected.are(30)
    until_idle(hive, "ann")
    for number in range(1, 5):
        send(hive, f"held message {number}", "dee")
        expected.are(30 + number)
        until_idle(hive, "dee")
    send(hive, "chatter", "ann")
    expected.are(35)
    status, budget = hive.put("/v1/budgets", {"agent": "cas", "window": "day", "turns": 1})
    expect(status == 200, f"the budget must be set: {budget}")
    done(hive, "one", "cas")
    send(hive, "two", "cas")
    expected.are(36)
    send(hive, "begin", "eve")
    expected.are(37)
    done(hive, "begin", "fay")
    kill_harness(hive, "fay")
    send(hive, "go on", "fay")
    expected.are(38)
    for number in (1, 2):
        ask(hive, "dee", tool="WebFetch", input={"url": f"https://example.test/{number}"})
        intended[f"example.test/{number}"] = "denied"
    expected.are(40)
    return intended


class Waits:
    def __init__(self, hive: LiveHive) -> None:
        self.hive = hive

    def are(self, count: int) -> None:
        def waits() -> list[str]:
            return [f"{i['kind']} {i['subject']}" for i in self.hive.get("/v1/waiting")[1]["waiting"]]

        wait_until(lambda: len(waits()) == count, f"{count} things waiting, not {len(waits())} ({waits()[-3:]}),", 60)


def ask(hive: LiveHive, name: str, kind: str = "tool_use", **what: Any) -> None:
    """As that agent's harness asks, on the agent's own socket."""
    headers = {"hive-generation": str(hive.agent(name)["generation"])}
    body = {"id": new_id(), "kind": kind, **what}
    status, answer = call(hive.paths.agent(name).socket, "POST", "/v1/approvals", body, headers)
    expect(status == 202, f"{name} must be able to ask: {answer}")


def books(hive: LiveHive, waits: list[dict[str, Any]], intended: dict[str, str]) -> None:
    """Every decision is in the books as it was meant, and in the audit once."""
    with closing(sqlite3.connect(f"file:{hive.home / 'hive.sqlite'}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row

        def rows(table: str) -> list[sqlite3.Row]:
            return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608

        ids = {item["id"]: item["kind"] for item in waits}
        approvals = {row["id"]: row for row in rows("approvals") if row["id"] in ids}
        for row in approvals.values():
            known = [verdict for words, verdict in intended.items() if words in row["payload_json"]]
            expect(known == [row["status"]], f"{row['subject']} must be {known} and is {row['status']}")
        expect(len(approvals) == len(intended), f"{len(intended)} approvals were asked for, {len(approvals)} are there")
        by_words = {row["subject"]: row for row in approvals.values()}
        changed = next(row for words, row in by_words.items() if "make install" in words)
        expect(
            json.loads(changed["updated_input_json"]) == {"command": "make install -n"}, "the changed command must run"
        )
        denied = next(row for words, row in by_words.items() if "rm -rf" in words)
        expect(denied["note"] == "no", f"the note must travel: {denied['note']!r}")
        (rule,) = rows("rules")
        expect((rule["scope"], rule["agent"], rule["tool"]) == ("agent", "cas", "Bash"), "one rule, for cas alone")
        answers = {row["text"]: (row["answer_text"], row["answer_options_json"]) for row in rows("questions")}
        meant: dict[str, tuple[str | None, list[int] | None]] = {
            **{f"May I go on with part {n}?": (None, [0]) for n in (1, 2, 3, 4)},
            "Which name is better?": (None, [1]),
            "Which branch?": (None, [2]),
            "Which of these may I update?": (None, [0, 2]),
            "What is the server called?": ("ash", None),
            "At what hour is the window?": ("6", None),
        }
        for text, (words, options) in meant.items():
            said, chosen = answers[text]
            expect((said or None, json.loads(chosen or "null") or None) == (words, options), f"{text} {answers[text]}")
        held = {row["body"]: row for row in rows("messages") if row["body"].startswith("held message")}
        expect(held["held message 3"]["status"] == "undeliverable", "the third held message must be dropped")
        expect(
            "held message 4!" in held and held["held message 4!"]["edited_by"] == "operator",
            "the fourth in other words",
        )
        expect(rows("pairs")[0]["status"] == "dropped", "the pair must be dropped")
        expect(rows("budgets")[0]["raised_turns"] == 1, "the budget must be raised once")
        by: Counter[str] = Counter()
        for row in rows("audit"):
            actor = json.loads(row["actor_json"])
            if (actor.get("who"), actor.get("client"), actor.get("socket")) == ("operator", "hivetui", "host"):
                by[row["subject"]] += 1
        for item in waits:
            expect(
                by[item["id"]] == 1,
                f"{item['kind']} {item['subject']} must be in the audit once, not {by[item['id']]} times",
            )


class Hands:
    """Presses keys and counts them; reads the screen as a person would."""

    def __init__(self, shown: Screen) -> None:
        self.screen = shown
        self.strokes: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()
        self._what = ""

    def begin(self, what: str, decisions: int) -> None:
        self._what = what
        self.strokes[what] += 0
        self.decisions[what] += decisions

    def press(self, *keys: str) -> None:
        for key in keys:
            self.screen.keys(key)
        self.strokes[self._what] += len(keys)

    def type(self, text: str) -> None:
        self.screen.keys("-l", text)
        self.strokes[self._what] += len(text)

    def sees(self, *words: str) -> None:
        """All of it is on the screen, before the next key."""

        def shown() -> bool:
            text = self.screen.text()
            return all(word in text for word in words)

        try:
            wait_until(shown, f"{words} on the screen", 30)
        except Failed as error:
            raise Failed(f"{error}:\n{self.screen.text()}") from None


def clear(hands: Hands) -> None:
    """What a person would do who reads each thing before he decides it."""
    hands.begin("open the list", 0)
    hands.sees(f"▲ {COUNT} waiting", "queen")
    hands.press("w")
    hands.begin("tool uses of one agent, all at once", 8)
    hands.sees("ann asks to run", "$ git log -1")
    hands.press("f", "f", "*", "A")
    hands.sees("waiting · 10 of 32")
    hands.press("Escape")
    hands.sees("waiting on you · ")
    hands.begin("edits, each read as its diff", 4)
    hands.press("j")
    for number in range(1, 5):
        hands.sees("ben asks to run", f"Edit api/part{number}.py")
        hands.press("Space")
    hands.press("A")
    hands.sees("waiting on you · 28")
    hands.begin("a command with its rule for later", 1)
    hands.sees("cas asks to run", "$ make test")
    hands.press("R")
    hands.sees("from now on", "for cas alone")
    hands.press("a")
    hands.begin("a command, changed before it runs", 1)
    hands.press("j")
    hands.sees("$ make install")
    hands.press("e")
    hands.sees("the input, as JSON, of cas")
    hands.type(" -n")
    hands.press("C-s")
    hands.begin("a command that hides something, denied with a note", 1)
    hands.press("j")
    hands.sees("terminal escapes", r"\e[2K")
    hands.press("n")
    hands.sees("a note that goes with your decision")
    hands.type("no")
    hands.press("Enter")
    hands.sees("“no”")
    hands.press("d")
    hands.begin("a spent budget, raised", 1)
    hands.press("j")
    hands.sees("is over budget")
    hands.press("a")
    hands.begin("pages to fetch, marked while read, denied together", 2)
    hands.press("j")
    for number in (1, 2):
        hands.sees("dee asks to run", f"example.test/{number}")
        hands.press("Space")
    hands.press("D")
    hands.sees("waiting on you · 22")
    rest(hands)


def rest(hands: Hands) -> None:
    """What makes nobody stand still, the oldest first."""
    hands.begin("an agent that ended too often, started again", 1)
    hands.sees("dan · parked")
    hands.press("a")
    hands.begin("spawns, marked while read, approved together", 3)
    hands.press("j")
    for number in (1, 2, 3):
        hands.sees("queen asks for a new agent", f"name     s{number}")
        hands.press("Space")
    hands.press("A")
    hands.sees("waiting on you · 18")
    hands.begin("spawns denied", 2)
    hands.sees("name     s4")
    hands.press("d", "j")
    hands.sees("name     s5")
    hands.press("d")
    hands.begin("questions with the same options, all at once", 4)
    hands.press("j")
    hands.sees("ann asks you", "May I go on with part 1?")
    hands.press("*")
    hands.sees("goes to 4 marked questions")
    hands.press("1")
    hands.sees("waiting on you · 12")
    hands.begin("questions with other options", 2)
    hands.press("j")
    hands.sees("Which name is better?")
    hands.press("2")
    hands.press("j")
    hands.sees("Which branch?")
    hands.press("3")
    hands.begin("a question with several answers", 1)
    hands.press("j")
    hands.sees("Which of these may I update?", "[ ] httpx")
    hands.press("1", "3")
    hands.sees("[x] httpx", "[x] textual")
    hands.press("Enter")
    hands.begin("questions answered in words", 2)
    for words, asked in (("ash", "What is the server called?"), ("6", "At what hour is the window?")):
        hands.press("j")
        hands.sees(asked)
        hands.press("t")
        hands.sees("your answer to")
        hands.type(words)
        hands.press("Enter")
    hands.begin("held messages, marked while read, sent again", 2)
    hands.press("j")
    for number in (1, 2):
        hands.sees("a message to dee is held", f"operator: held message {number}")
        hands.press("Space")
    hands.press("A")
    hands.sees("waiting on you · 5")
    hands.begin("a held message dropped", 1)
    hands.sees("held message 3")
    hands.press("d")
    hands.begin("a held message in other words", 1)
    hands.press("j")
    hands.sees("held message 4")
    hands.press("e")
    hands.sees("the words that go to dee")
    hands.type("!")
    hands.press("C-s")
    hands.begin("two agents who only answer each other", 1)
    hands.press("j")
    hands.sees("only answer each other")
    hands.press("d")
    hands.begin("a rate limit, ended", 1)
    hands.press("j")
    hands.sees("is rate limited")
    hands.press("a")
    hands.begin("a session that cannot be resumed", 1)
    hands.press("j")
    hands.sees("cannot resume its session")
    hands.press("a")
