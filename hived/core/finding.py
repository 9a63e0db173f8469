"""Things named by their id or by a beginning of it that is theirs alone."""

from collections.abc import Sequence

from hived.store.database import Row
from hived.wire.errors import AmbiguousId, Missing

SHOWN = 64
"""Characters of what was given that an error repeats."""


def only_one(found: Sequence[Row], prefix: str, missing: type[Missing], noun: str) -> Row:
    """The only row of those that begin with `prefix` (at most two are looked up); none begins with nothing.

    Raises `missing`, AmbiguousId.
    """
    if not found or not prefix:
        raise missing(id=prefix[:SHOWN])
    if len(found) > 1:
        raise AmbiguousId(prefix=prefix[:SHOWN], count="several", noun=noun)
    return found[0]
