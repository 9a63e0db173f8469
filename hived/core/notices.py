"""What is told to an operator who looks at no screen: each thing that waits once, as one clean line (wire/notices.py)."""

from collections.abc import Sequence
from dataclasses import dataclass

from hived.core.text import one_line
from hived.core.waiting import to_item
from hived.store import waiting as store
from hived.store.database import Tx
from hived.wire.approvals import WaitingItem
from hived.wire.notices import Thing, text_of

SEVERAL = "several"
"""The kind of a notice about things of more than one."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One run of the operator's command. `agent` and `id` are empty where it is about several things."""

    text: str
    kind: str
    count: int
    agent: str = ""
    id: str = ""


def take_untold(tx: Tx) -> list[WaitingItem]:
    """What waits and was not told of yet, oldest first. From now on it counts as told, whatever becomes of the telling."""
    rows = store.select_untold(tx.connection)
    if rows:
        store.update_told(tx)
    return [to_item(row) for row in rows]


def notice_of(items: Sequence[WaitingItem]) -> Notice:
    """One about all of them; there is at least one."""
    text = text_of([Thing(item.kind, item.agent, item.subject) for item in items], one_line)
    first = items[0]
    if len(items) == 1:
        return Notice(text, first.kind, 1, first.agent or "", first.id)
    same = all(item.kind == first.kind for item in items)
    return Notice(text, first.kind if same else SEVERAL, len(items))
