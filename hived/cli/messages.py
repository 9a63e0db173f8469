"""`hive send`, `messages`, `inbox`, `retry` and `drop`: what is said between agents and the operator."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from hived.cli.command import Arguments, Command, checked_id, checked_recipient, checked_size, listed, positive
from hived.cli.each import each
from hived.cli.editing import edited
from hived.cli.output import clean, colour, line, print_json, short_id
from hived.cli.times import clock
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import MessageNotFound, NotHeld, UsageError
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
    parser.add_argument("--thread", metavar="ID", help="only the thread that this message is in")
    parser.add_argument("--held", action="store_true", help="only held ones, those of a held pair too")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the newest N")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with new ones")


def _messages(arguments: Arguments) -> int:
    if arguments.held and arguments.follow:
        raise UsageError(reason="--held shows what is held now; a new message is never held: leave out --follow.")
    agent = None if arguments.agent is None else checked_name(arguments.agent)
    thread = None if arguments.thread is None else checked_id(arguments.thread, MessageNotFound)
    seq = oneshot.call("GET", routes.SNAPSHOT)["seq"] if arguments.follow else None
    shown = set()
    for message in _pages(arguments.limit, agent=agent, thread=thread, held=arguments.held or None):
        shown.add(message["id"])
        thread = thread and message["thread"]
        _print(message, arguments.json)
    if arguments.held and not shown and not arguments.json:
        print("No message is held.")
    if seq is None:
        return 0
    for message in _new_ones(seq):
        fits = agent in (None, message["sender"], message["recipient"]) and thread in (None, message["thread"])
        if fits and message["id"] not in shown:
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
        if not answer["more"]:
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


def _declare_retry(parser: argparse.ArgumentParser) -> None:
    _declare_held(parser)
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--body", metavar="TEXT", help="send these words instead; `-` reads them from stdin")
    words.add_argument("--edit", action="store_true", help="change its words in $VISUAL or $EDITOR first")


def _settle_held(route: str, done: str, arguments: Arguments, body: str | None = None) -> int:
    words = None if body is None else {"body": checked_size(body, MAX_MESSAGE_BODY_BYTES, "message")}

    def settle(given: str) -> Message:
        path = oneshot.path_of(route, id=checked_id(given, MessageNotFound))
        message: Message = oneshot.call("POST", path, words, idempotency_key=oneshot.new_key())
        return message

    def said(message: Message) -> str:
        what = done if message["status"] != "undeliverable" or route == routes.MESSAGE_DROP else "undeliverable"
        return f"{what}: {message['id']} for {message['recipient']}"

    return each(arguments, settle, "messages", said)


def _retry(arguments: Arguments) -> int:
    if len(arguments.ids) > 1 and (arguments.edit or arguments.body is not None):
        raise UsageError(reason="Other words go with one message: name one ID.")
    body: str | None = arguments.body
    if body == "-":
        body = sys.stdin.read()
    elif arguments.edit:
        body = _reworded(arguments.ids[0])
    if body is not None and not body.strip():
        raise UsageError(reason="The message is empty, so nothing was sent.")
    return _settle_held(routes.MESSAGE_RETRY, "sent again", arguments, body)


def _reworded(given: str) -> str | None:
    """The held message's words as they were left in the editor; None where they are as they were.

    Raises MessageNotFound, AmbiguousId, NotHeld, UsageError, CommandMissing.
    """
    path = oneshot.path_of(routes.MESSAGE, id=checked_id(given, MessageNotFound))
    message: Message = oneshot.call("GET", path)
    if message["status"] != "held":
        raise NotHeld(id=message["id"], status=message["status"])
    words = edited(message["body"], ".txt", "--body takes the words themselves")
    return None if words in (message["body"], message["body"] + "\n") else words


def _drop(arguments: Arguments) -> int:
    return _settle_held(routes.MESSAGE_DROP, "dropped", arguments)


def _marks(message: Message) -> list[str]:
    """What has become of it, and what it is where it is no plain message."""
    at = {"leased": message["leased_at"], "acked": message["acked_at"]}.get(message["status"])
    status = "sent" if message["status"] == "queued" else message["status"]
    marks = [f"{status} {clock(at)}" if at else status]
    marks += [message["kind"]] if message["kind"] != "message" else []
    marks += ["redelivered"] if message["redelivered"] else []
    marks += [f"{message['deliveries']} deliveries"] if message["deliveries"] > 1 else []
    marks += [f"edited by {message['edited_by']}"] if message["edited_by"] else []
    marks += [f"pair {short_id(message['pair_id'])}"] if message["pair_id"] else []
    return [*marks, message["reason"]] if message["reason"] else marks


def _print(message: Message, as_json: bool) -> None:
    if as_json:
        print_json(message)
        return
    head = f"{clock(message['sent_at'])} {message['sender']} → {message['recipient']}"
    tail = colour(line("  ".join([message["id"], *_marks(message)])), "dim")
    print(f"{colour(line(head), 'bold')}  {tail}")
    for text in clean(message["body"]).split("\n"):
        print(f"    {text}")
    sys.stdout.flush()


COMMANDS = {
    "send": Command(_declare_send, _send),
    "messages": Command(_declare_messages, _messages),
    "inbox": Command(_declare_inbox, _inbox),
    "retry": Command(_declare_retry, _retry),
    "drop": Command(_declare_held, _drop),
}
