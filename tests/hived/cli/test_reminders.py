"""`hive reminders`, `remind` and `reminder cancel|retry`, on a real hived and its timekeeper."""

from datetime import UTC, datetime, timedelta

import pytest

from hived.cli.times import moment
from hived.wire.reminders import Reminder, ReminderList
from hived.wire.times import from_text
from tests.hived.cli.conftest import Shell
from tests.support.hive import LiveHive, wait_until

NAME = "ada"


@pytest.fixture(autouse=True)
def _ada(shell: Shell, hive: LiveHive) -> None:
    if hive.get(f"/v1/agents/{NAME}")[0] == 404:
        shell.talker(NAME)


def test_a_reminder_comes_when_it_is_due(shell: Shell, hive: LiveHive) -> None:
    made = Reminder.model_validate(shell("remind", NAME, "1s", "stand up", "--json").json())
    assert (made.status, made.made_by) == ("pending", "operator")

    def found() -> Reminder:
        listed = ReminderList.model_validate(shell("reminders", "--all", "--json").json())
        return next(one for one in listed.reminders if one.id == made.id)

    wait_until(lambda: found().status == "done", "the reminder being read")
    assert (found().attempts, found().error) == (1, None)
    sent = [message for message in shell("messages", "--agent", NAME, "--json").lines() if message["about"] == made.id]
    assert [(message["sender"], message["kind"], message["body"]) for message in sent] == [
        ("hived", "reminder", "stand up")
    ]


def test_they_are_listed_cancelled_and_made_due(shell: Shell) -> None:
    late, soon = (shell("remind", NAME, when, "look", "--json").json()["id"] for when in ("3d", "2h30m"))
    shown = shell("reminders").out.splitlines()
    assert [row.split()[0] for row in shown[1:]] == [soon[:18], late[:18]]
    assert "(in 2h)" in shown[1] or "(in 150m)" in shown[1] or "(in 3h)" in shown[1]
    said = shell("reminder", "cancel", late, soon[:34])
    assert (said.code, said.out) == (0, f"cancelled: {late} of {NAME}\ncancelled: {soon} of {NAME}\n")
    assert shell("reminders").out == "No reminder is to come.\n"
    shell("reminder", "cancel", late).fails(5, "reminder_closed")
    again = shell("remind", NAME, "3d", "look", "--json").json()["id"]
    assert shell("reminder", "retry", again, "--json").json()["due_at"] <= datetime.now(UTC).isoformat()
    wait_until(lambda: again[:18] not in shell("reminders").out, "the reminder being read")


def test_what_cannot_be_is_said(shell: Shell) -> None:
    for words, code, error in (
        (["nobody", "1h", "x"], 4, "agent_not_found"), (["..", "1h", "x"], 2, "invalid_name"),
        ([NAME, "soon", "x"], 2, "invalid_moment"), ([NAME, "2020-01-01T00:00", "x"], 2, "invalid_moment"),
        ([NAME, "25:00", "x"], 2, "invalid_moment"), ([NAME, "400d", "x"], 2, "invalid_moment"),
        ([NAME, "1h", " "], 2, "usage"), ([NAME, "1h"], 2, "usage"), ([NAME, "1h", "x" * 16_385], 1, "invalid_request"),
    ):  # fmt: skip
        shell("remind", *words).fails(code, error)
    shell("reminder", "cancel", "ffffffff").fails(4, "reminder_not_found")
    shell("reminder", "retry", "..").fails(4, "reminder_not_found")
    shell("reminder", "postpone", "ffffffff").fails(2, "usage")


def test_a_time_of_day_is_the_next_one_here() -> None:
    for ahead in (timedelta(minutes=-2), timedelta(minutes=2)):
        clock = (datetime.now().astimezone() + ahead).strftime("%H:%M")
        left = from_text(moment(clock)) - datetime.now(UTC)
        assert timedelta(0) < left <= timedelta(days=1, hours=1)
    assert moment("2026-11-21T14:30+01:00") == "2026-11-21T13:30:00.000Z"
