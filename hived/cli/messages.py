"""`hive send`, `messages` and `inbox`: what is said between agents and the operator."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from hived.cli.command import Arguments, Command, checked_id, checked_recipient, checked_size, listed, positive
from hived.cli.output import clean, colour, print_json, short_id
from hived.cli.times import clock
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import MessageNotFound, UsageError
from hived.wire.names import OPERATOR, checked_name
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES

PAGE = 200
Message = dict[str, Any]


def _declare_send(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("to", metavar="NAME", help="an agent, or '*' for all")
    parser.add_argument("text", metavar="TEXT", help="`-` reads it from stdin")
    parser.add_argument("--reply-to", metavar="ID", help="the message that it answers")
    parser.add_argument("--now", action="store_true", help="into the turn that runs, where the engine can")


def _send(arguments: Arguments) -> int:
    to = checked_recipient(arguments.to)
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    if not text.strip():
        raise UsageError(reason="The message is empty.")
    draft: dict[str, Any] = {"to": to, "body": checked_size(text, MAX_MESSAGE_BODY_BYTES, "message")}
    if arguments.reply_to is not None:
        draft["reply_to"] = arguments.reply_to
    if arguments.now:
        draft["when"] = "now"
    sent = oneshot.call("POST", routes.MESSAGES, draft, idempotency_key=oneshot.new_key())
    if arguments.json:
        print_json(sent)
        return 0
    if not listed(sent, "messages"):
        print("There is nobody to send it to yet.")
    for message in listed(sent, "messages"):
        print(f"{message['status']} for {message['recipient']}: {message['id']}")
    return 0


def _declare_messages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--agent", metavar="NAME", help="only those from or to it")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the newest N")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with new ones")


def _messages(arguments: Arguments) -> int:
    agent = None if arguments.agent is None else checked_name(arguments.agent)
    seq = oneshot.call("GET", routes.SNAPSHOT)["seq"] if arguments.follow else None
    shown = set()
    for message in _pages(arguments.limit, agent=agent):
        shown.add(message["id"])
        _print(message, arguments.json)
    if seq is None:
        return 0
    for message in _new_ones(seq):
        if message["id"] not in shown and agent in (None, message["sender"], message["recipient"]):
            shown.add(message["id"])
            _print(message, arguments.json)
    return 0


def _pages(limit: int | None, **query: str | bool | None) -> list[Message]:
    """All that the query fits, or the newest `limit`, oldest first."""
    found: list[Message] = []
    before: str | None = None
    while limit is None or len(found) < limit:
        size = PAGE if limit is None else min(PAGE, limit - len(found))
        answer = oneshot.call("GET", routes.MESSAGES, query={**query, "limit": size, "before": before})
        page = listed(answer, "messages")
        found[:0] = page
        if len(page) < size:
            break
        before = page[0]["id"]
    return found


def _new_ones(seq: int) -> Iterator[Message]:
    for event in oneshot.stream(routes.FEED, last_event_id=seq):
        if event.event == "message":
            yield json.loads(event.data)["payload"]
        elif event.event == "resync":
            yield from _pages(PAGE)


def _declare_inbox(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="read ones too")


def _inbox(arguments: Arguments) -> int:
    shown = _pages(None, to=OPERATOR, unread=None if arguments.all else True)
    unread = [message for message in shown if message["status"] == "queued"]
    if arguments.json:
        print_json({"messages": shown})
    else:
        for message in shown:
            _print(message, False)
        if not shown:
            print("Nothing unread.")
    sys.stdout.flush()  # Read is what was printed: a closed pipe leaves them unread.
    for message in unread:
        oneshot.call("POST", oneshot.path_of(routes.MESSAGE_READ, id=message["id"]))
    return 0


def _declare_held(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="a held message's id, or a unique beginning of it")


def _settle_held(route: str, done: str, arguments: Arguments) -> int:
    """Each for itself, in order; the first that cannot be is the exit code, after what was done has been said."""
    settled: list[Message] = []
    try:
        for message_id in arguments.ids:
            path = oneshot.path_of(route, id=checked_id(message_id, MessageNotFound))
            settled.append(oneshot.call("POST", path, idempotency_key=oneshot.new_key()))
    finally:
        if arguments.json and settled:
            print_json(settled[0] if len(arguments.ids) == 1 else {"messages": settled})
        elif not arguments.json:
            for message in settled:
                print(f"{done}: {message['id']} for {message['recipient']}")
    return 0


def _retry(arguments: Arguments) -> int:
    return _settle_held(routes.MESSAGE_RETRY, "sent again", arguments)


def _drop(arguments: Arguments) -> int:
    return _settle_held(routes.MESSAGE_DROP, "dropped", arguments)


def _print(message: Message, as_json: bool) -> None:
    if as_json:
        print_json(message)
        return
    marks = [message["status"]] if message["status"] in ("held", "undeliverable") else []
    marks += ["redelivered"] if message["redelivered"] else []
    if message["reason"]:
        marks.append(message["reason"])
    head = f"{clock(message['sent_at'])} {message['sender']} → {message['recipient']}"
    tail = colour(clean("  ".join([short_id(message["id"]), *marks])), "dim")
    print(f"{colour(head, 'bold')}  {tail}")
    for text in clean(message["body"]).split("\n"):
        print(f"    {text}")
    sys.stdout.flush()


COMMANDS = {
    "send": Command(_declare_send, _send),
    "messages": Command(_declare_messages, _messages),
    "inbox": Command(_declare_inbox, _inbox),
    "retry": Command(_declare_held, _retry),
    "drop": Command(_declare_held, _drop),
}
