"""`hive send`, `messages`, `inbox`, `events` and `transcript`, on a real hived and an agent whose words are hostile."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hived.wire.events import Event
from hived.wire.messages import Message, Sent
from tests.hived.cli.conftest import Shell, hive_environment
from tests.support.hive import LiveHive, wait_until

NAME = "ada"
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.fixture(autouse=True)
def _ada(shell: Shell, hive: LiveHive) -> None:
    if hive.get(f"/v1/agents/{NAME}")[0] == 404:
        shell.talker(NAME)


def turn(shell: Shell, text: str) -> None:
    assert shell("send", NAME, text).code == 0
    assert shell("wait", NAME, "--until", "idle", "--timeout", "30").code == 0


def test_a_message_is_sent_and_acked_by_its_turn(shell: Shell) -> None:
    [message] = Sent.model_validate(shell("send", NAME, "hello", "--json").json()).messages
    assert (message.sender, message.recipient, message.body) == ("operator", NAME, "hello")
    assert shell("wait", NAME, "--until", "idle", "--timeout", "30").code == 0
    found = {item["id"]: item for item in shell("messages", "--agent", NAME, "--json").lines()}
    assert Message.model_validate(found[message.id]).status == "acked"


def test_everyone_is_a_star(shell: Shell) -> None:
    sent = shell("send", "*", "all of you", "--json").json()["messages"]
    assert {message["recipient"] for message in sent} == {
        agent["name"] for agent in shell.hive.get("/v1/agents")[1]["agents"]
    }
    listed = shell("messages").out
    assert all(message["id"] in listed for message in sent)


def test_a_dash_reads_the_message_from_stdin(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("from\nstdin"))
    assert shell("send", NAME, "-", "--json").json()["messages"][0]["body"] == "from\nstdin"


def test_a_reply_names_what_it_answers(shell: Shell) -> None:
    first = shell("send", NAME, "one", "--json").json()["messages"][0]
    reply = shell("send", NAME, "two", "--reply-to", first["id"], "--json").json()["messages"][0]
    assert reply["thread"] == first["id"]
    shell("send", NAME, "three", "--reply-to", "ffffffff").fails(4, "message_not_found")


def test_events_are_one_json_object_a_line_with_ids_in_order(shell: Shell) -> None:
    turn(shell, "go")
    events = [Event.model_validate(item) for item in shell("events", NAME, "--json").lines()]
    ids = [event.id for event in events]
    assert ids == list(range(1, len(ids) + 1))
    assert {"turn_start", "message_in", "text", "turn_end"} <= {event.kind for event in events}
    assert [item["id"] for item in shell("events", NAME, "--after", "2", "--limit", "2", "--json").lines()] == [3, 4]
    newest = [item["id"] for item in shell("events", NAME, "--limit", "2", "--json").lines()]
    assert newest == ids[-2:]


def test_nothing_an_agent_says_reaches_the_terminal_raw(shell: Shell) -> None:
    turn(shell, "say it \x1b[2J\u202e")
    for words in (
        ["events", NAME],
        ["transcript", NAME],
        ["messages"],
        ["events", NAME, "--json"],
        ["messages", "--json"],
    ):
        said = shell(*words)
        assert said.code == 0
        assert not ACTS.search(said.out.replace("\n", "")), words


def test_a_transcript_reads_as_prose(shell: Shell) -> None:
    turn(shell, "talk")
    said = shell("transcript", NAME).out
    assert "first line\n" in said
    assert "turn: " in said


def test_the_inbox_shows_unread_messages_once(shell: Shell) -> None:
    assert shell("inbox").out == "Nothing unread.\n"
    assert shell("inbox", "--all", "--json").json() == {"messages": []}


def test_following_shows_what_is_new_and_ends_quietly_when_interrupted(shell: Shell, hive: LiveHive) -> None:
    for words in (["events", NAME, "--follow", "--json"], ["messages", "--follow", "--json"]):
        follower = subprocess.Popen(
            [sys.executable, "-m", "hived.cli.hive", *words],
            env=hive_environment(hive.home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert follower.stdout is not None
        assert follower.stderr is not None
        with follower:
            assert shell("send", NAME, f"news for {words[0]}").code == 0
            for text in follower.stdout:
                if f"news for {words[0]}" in json.dumps(json.loads(text)):
                    break
            follower.send_signal(2)
            assert follower.wait(60) == 130
            assert follower.stderr.read() == ""


def test_events_of_several_agents_say_whose_they_are(shell: Shell) -> None:
    shell.talker("bob")
    turn(shell, "to ada")
    assert shell("send", "bob", "to bob").code == 0
    assert shell("wait", "bob", NAME, "--timeout", "30").code == 0
    lines = shell("events", NAME, "bob", "--json").lines()
    assert {line["agent"] for line in lines} == {NAME, "bob"}
    assert [line["id"] for line in lines if line["agent"] == "bob"][:2] == [1, 2]


def test_an_id_beyond_the_journal_gives_nothing(shell: Shell) -> None:
    assert shell("events", NAME, "--after", "999999", "--json").lines() == []


def test_a_held_message_is_sent_again_or_dropped_by_its_id(shell: Shell, hive: LiveHive) -> None:
    scenario = hive.home / "broken.toml"
    scenario.write_text(
        '[[turn]]\nrepeat = true\nsteps = [{fail = {outcome = "failed", error = "no key", retryable = false}}]\n'
    )
    hive.spawn("broken", "scripted", engine_options={"scenario": str(scenario)})
    hive.until_online("broken")
    message_id = str(shell("send", "broken", "do it", "--json").json()["messages"][0]["id"])

    def deliveries() -> int:
        """How often it was delivered, once it is held."""
        found = {item["id"]: item for item in shell("messages", "--agent", "broken", "--json").lines()}
        return int(found[message_id]["status"] == "held") and hive.agent("broken")["spend"]["turns"]

    wait_until(lambda: deliveries() == 1, "the message being held")
    assert shell("retry", message_id).out == f"sent again: {message_id} for broken\n"
    wait_until(lambda: deliveries() == 2, "the message being held again")
    assert shell("drop", message_id[:24]).out == f"dropped: {message_id} for broken\n"
    shell("drop", message_id).fails(5, "not_held")
    shell("retry", "no-id!").fails(4, "message_not_found")
    assert shell("retry").code == 2
    assert shell("waiting", "--json").json()["waiting"] == []


# Threads, held ones, and their way on ------------------------------------------------------------------------


def held_message(shell: Shell, body: str) -> str:
    """The id of a message that is held for the agent (its program ends in an error, three times over)."""
    sent: str = shell("send", NAME, body, "--json").json()["messages"][0]["id"]
    wait_until(
        lambda: sent in [message["id"] for message in shell("messages", "--held", "--json").lines()], "it is held", 60
    )
    return sent


def test_a_thread_is_shown_alone_with_what_became_of_each(shell: Shell) -> None:
    first = shell("send", NAME, "first of a thread", "--json").json()["messages"][0]["id"]
    reply = shell("send", NAME, "second of a thread", "--reply-to", first, "--json").json()["messages"][0]["id"]
    assert shell("wait", NAME, "--until", "idle", "--timeout", "30").code == 0
    for id in (first, reply[:35]):
        assert [message["id"] for message in shell("messages", "--thread", id, "--json").lines()] == [first, reply]
    said = shell("messages", "--thread", first).out
    assert said.count("acked ") == 2
    shell("messages", "--thread", "ffffffff").fails(4, "message_not_found")
    shell("messages", "--thread", "../x").fails(4, "message_not_found")
    shell("messages", "--held", "--follow").fails(2, "usage")


def test_a_held_message_is_shown_and_sent_again_in_other_words(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, hive: LiveHive
) -> None:
    id = held_message(shell, "die \x1b[2J at once")
    said = shell("messages", "--held").out
    assert "held" in said
    assert "it broke" in said
    assert not ACTS.search(said.replace("\n", ""))
    shell("retry", id, "--body", " ").fails(2, "usage")
    shell("retry", id, id, "--body", "x").fails(2, "usage")
    shell("retry", id, "--body", "x", "--edit").fails(2, "usage")
    shell("retry", id, "--body", "x" * 300_000).fails(1, "too_large")
    shell("retry", id, "--edit").fails(2, "usage")
    again = shell("retry", id, "--body", "live", "--json").json()
    assert (again["body"], again["edited_by"]) == ("live", "operator")
    assert shell("wait", NAME, "--until", "idle", "--timeout", "30").code == 0
    line = next(text for text in shell("messages").out.splitlines() if id[:18] in text)
    assert "acked" in line
    assert "edited by operator" in line
    shell("retry", id, "--body", "again").fails(5, "not_held")


def test_of_several_one_that_cannot_be_dropped_hides_none_of_the_others(shell: Shell) -> None:
    id = held_message(shell, "die twice, please")
    said = shell("drop", "ffffffff", id)
    assert (said.code, said.out.split(" for ")[0]) == (4, f"dropped: {id}")
    assert "error[message_not_found]" in said.err


def test_a_held_message_is_edited_in_the_editor_or_left_as_it_is(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    id = held_message(shell, "die, please")
    monkeypatch.setattr("hived.cli.asking.has_terminal", lambda: True)
    editor = tmp_path / "an editor"
    monkeypatch.setenv("VISUAL", f"'{editor}' --wait")
    monkeypatch.delenv("EDITOR", raising=False)

    def writes(script: str) -> None:
        editor.write_text(f"#!/bin/sh\n{script}\n")
        editor.chmod(0o755)

    shell("retry", id, "--edit").fails(1, "command_missing")
    monkeypatch.setenv("VISUAL", "vi '")
    shell("retry", id, "--edit").fails(2, "usage")
    monkeypatch.setenv("VISUAL", f"'{editor}' --wait")
    writes("exit 3")
    shell("retry", id, "--edit").fails(2, "usage")
    writes('printf " " > "$2"')
    shell("retry", id, "--edit").fails(2, "usage")
    shell("retry", "ffffffff", "--edit").fails(4, "message_not_found")
    writes('test "$1" = --wait && test "$(cat "$2")" = "die, please" && echo "live, please" > "$2"')
    again = shell("retry", id[:35], "--edit", "--json").json()
    assert (again["body"].strip(), again["edited_by"]) == ("live, please", "operator")
    shell("retry", id, "--edit").fails(5, "not_held")


def test_a_message_to_the_operator_is_never_shown_raw(shell: Shell, hive: LiveHive) -> None:
    said = shell("inbox", "--all").out + shell("messages").out
    assert not ACTS.search(said.replace("\n", ""))
