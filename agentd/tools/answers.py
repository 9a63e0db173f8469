"""What the engine is told of a thing that it put into the outbox: one wording for all of them."""

from agentd.engines.base import ToolAnswer
from agentd.outbox import Word


def of_word(word: Word, done: str, thing: str, *, later: str, what: str = "") -> ToolAnswer:
    """`done`: sent, asked, …; `thing`: message, …, with its id; `what`: the rest of the sentence where it is done."""
    if word.refusal is not None:
        return ToolAnswer(f"not {done} ({word.refusal.code}): {word.refusal.message}", is_error=True)
    if word.state == "queued":
        return ToolAnswer(f"queued: hived is away; {thing} {later} when it is back", made=word.id)
    return ToolAnswer(f"{done}: {thing}{what}", made=word.id)
