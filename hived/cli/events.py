"""`hive events` and `transcript`: what agents did, as JSON for programs and as prose for people."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from hived.cli.command import Arguments, Command, checked_names, positive
from hived.cli.output import colour, line, print_json
from hived.cli.rendering import rendered, summary
from hived.cli.times import clock
from hived.client import oneshot
from hived.wire import routes
from hived.wire.names import checked_name

PAGE = 1000
Event = dict[str, Any]


def pages(name: str, after: int | None, limit: int | None) -> Iterator[Event]:
    """Stored events, oldest first: those behind `after`, or the newest `limit`, or all that are kept."""
    path = oneshot.path_of(routes.TRANSCRIPT, name=name)
    if limit is not None and after is None:
        after = max(0, _newest(name) - limit)
    cursor, left = after or 0, limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        events = oneshot.call("GET", path, query={"after": cursor, "limit": size})["events"]
        yield from events
        if len(events) < size:
            return
        cursor = events[-1]["id"]
        left = None if left is None else left - len(events)


def following(name: str, after: int) -> Iterator[Event]:
    """Stored events behind `after` as they come in, endlessly."""
    path = oneshot.path_of(routes.TRANSCRIPT_STREAM, name=name)
    while True:
        for event in oneshot.stream(path, last_event_id=after):
            if event.event == "resync":  # Another journal, whose ids begin again.
                after = 0
                break
            if event.id is None or int(event.id) <= after:
                continue
            after = int(event.id)
            yield json.loads(event.data)


def _declare_events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="an agent")
    parser.add_argument("--after", type=int, metavar="ID", help="only those behind this id")
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="at most N: the newest, or the first behind --after"
    )
    parser.add_argument("--follow", "-f", action="store_true", help="go on with new ones")


def _events(arguments: Arguments) -> int:
    wanted = checked_names(arguments.names)
    several = len(wanted) > 1

    def show(name: str, event: Event) -> None:
        if arguments.json:
            print_json({"agent": name, **event} if several else event)
        else:
            who = f"{name:<12} " if several else ""
            number = f"{event['id']:>6}" if event["id"] is not None else "     -"
            print(
                f"{colour(number, 'dim')} {clock(event['ts'])} {who}{line(event['kind']):<20} {summary(event)}",
                flush=True,
            )

    seen = dict.fromkeys(wanted, arguments.after or 0)
    for name in wanted:
        for event in pages(name, arguments.after, arguments.limit):
            seen[name] = event["id"]
            show(name, event)
    if arguments.follow:
        _follow({name: min(after, _newest(name)) for name, after in seen.items()}, show)
    return 0


def _newest(name: str) -> int:
    page = oneshot.call("GET", oneshot.path_of(routes.TRANSCRIPT, name=name), query={"limit": 1})
    return int(page["last_id"] or 0)


def _follow(seen: dict[str, int], show: Callable[[str, Event], None]) -> None:
    """Each agent's stream on a thread of its own, shown by this one."""
    if len(seen) == 1:
        [(name, after)] = seen.items()
        for event in following(name, after):
            show(name, event)
        return
    import queue
    import threading

    news: queue.SimpleQueue[tuple[str, Event] | BaseException] = queue.SimpleQueue()

    def read(name: str, after: int) -> None:
        try:
            for event in following(name, after):
                news.put((name, event))
        except BaseException as error:
            news.put(error)

    for name, after in seen.items():
        threading.Thread(target=read, args=(name, after), daemon=True).start()
    while True:
        item = news.get()
        if isinstance(item, BaseException):
            raise item
        show(*item)


def _declare_transcript(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="an agent")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the newest N events")


def _transcript(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    events = pages(name, None, arguments.limit)
    if arguments.json:
        page = {"agent": name, "events": list(events)}
        print_json(page)
        return 0
    for event in events:
        for text in rendered(event):
            print(text)
    sys.stdout.flush()
    return 0


COMMANDS = {
    "events": Command(_declare_events, _events),
    "transcript": Command(_declare_transcript, _transcript),
}
