"""Lists that come in pages, as one."""

from typing import Any

from hived.cli.command import listed
from hived.client import oneshot

PAGE = 200


def all_pages(route: str, key: str, **query: str | bool | None) -> dict[str, list[dict[str, Any]]]:
    """All that the query fits, in the route's order, as the document that one page is."""
    found: list[dict[str, Any]] = []
    before: str | None = None
    while True:
        answer = oneshot.call("GET", route, query={**query, "limit": PAGE, "before": before})
        page = listed(answer, key)
        found[:0] = page
        if not page or not answer.get("more", len(page) == PAGE):
            return {key: found}
        before = page[0]["id"]
