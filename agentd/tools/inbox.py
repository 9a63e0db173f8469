"""The tool `inbox`: what came in while the turn runs, taken into it."""

from typing import Any

from agentd.asked_questions import AskedQuestions
from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.mailbox import Mailbox, Taken
from agentd.prompt import make_more
from agentd.tools.arguments import WrongArguments, number
from hived.wire.messages import MOST_WAIT_SECONDS

MOST_MESSAGES = 32

INBOX = ToolDefinition(
    name="inbox",
    description="Take messages that have come in since this turn began, and work on them in this turn. With `wait` it waits so"
    " long for one to come; use that only for what must be finished in this turn, since a message wakes you anyway.",
    input_schema={
        "type": "object",
        "properties": {
            "wait": {
                "type": "number",
                "minimum": 0,
                "maximum": MOST_WAIT_SECONDS,
                "description": "Seconds; 0 if left out.",
            },
            "max": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_MESSAGES,
                "description": "How many at most; 32 if left out.",
            },
        },
        "required": [],
        "additionalProperties": False,
    },
)


async def inbox(mailbox: Mailbox, questions: AskedQuestions, arguments: dict[str, Any]) -> ToolAnswer:
    wait = number(arguments, "wait", 0, most=MOST_WAIT_SECONDS)
    most = number(arguments, "max", MOST_MESSAGES, most=MOST_MESSAGES)
    if most < 1 or most != int(most):
        raise WrongArguments(f"`max` is a whole number from 1 to {MOST_MESSAGES}.")
    taken = await mailbox.take(wait, int(most))
    if taken.state != "looked":
        return ToolAnswer(_NOT_LOOKED[taken.state])
    if not taken.messages:
        return ToolAnswer(_left(taken) or "Nothing waits.")
    asked = await questions.carried_by(taken.messages)
    text = make_more(taken.messages, taken.unread, asked)
    left = _left(taken)
    return ToolAnswer(f"{text}\n\n{left}" if left else text, messages=taken.messages)


def _left(taken: Taken) -> str:
    if not taken.left:
        return ""
    count = "One more is" if taken.left == 1 else f"{taken.left} more are"
    return f"{count} too long for this answer, and will be in your next turn."


_NOT_LOOKED = {
    "away": "hived is away, so nothing could be taken; what waits for you comes in a later turn.",
    "broken": "The turn is being ended: nothing was taken.",
    "no_turn": "This turn is for your notes alone: what waits for you comes in the next one.",
}
