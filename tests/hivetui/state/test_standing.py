"""What an agent's state is called, with the time that matters."""

import pytest

from hived.wire.agents import AgentSession, Condition, Lifecycle, TurnState
from hivetui.state.agents import Agent, agent_from
from hivetui.state.standing import brief, prospects, shortest, standing
from tests.hivetui.scene import NOW, ago, login_of, to_come
from tests.hivetui.scene import agent as view


def seen(**given: object) -> Agent:
    return agent_from(view(1, "a", **given))


def limited(until: str | None, **given: object) -> Agent:
    return seen(conditions=[Condition(kind="rate_limited", since=ago(480), until=until)], **given)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (seen(turn=TurnState(state="thinking", since=ago(185))), "thinking 3:05"),
        (seen(turn=TurnState(state="compacting", since=ago(11))), "compacting 0:11"),
        (seen(turn=TurnState(state="napping", since=ago(60), until=to_come(5280))), "napping until 16:00"),
        (seen(turn=TurnState(state="napping", since=ago(60), until=to_come(86_400))), "napping until Sat 14:32"),
        (seen(turn=TurnState(state="napping", since=ago(60), until=to_come(9 * 86_400))), "napping until 29 Nov 14:32"),
        (limited(to_come(720)), "rate limited, resets 14:44 (in 12 min)"),
        (limited(to_come(1213 * 86_400)), "rate limited, resets 17 Mar 2030 (in 1213 d)"),
        (limited(to_come(40)), "rate limited, resets 14:32 (in 40 s)"),
        (limited(ago(60)), "rate limited, was to reset 14:31"),
        (limited(None), "rate limited 8m, nobody says until when"),
        (seen(conditions=[Condition(kind="needs_login", since=ago(130))]), "needs login 2m"),
        (seen(conditions=[Condition(kind="over_budget", since=ago(130))]), "over budget 2m"),
        (seen(session=AgentSession(state="refused", since=ago(75))), "resume refused 1m"),
        (seen(lifecycle=Lifecycle(state="parked", since=ago(50), cause="")), "parked 50s"),
        (seen(turn=TurnState(state="unknown", since=ago(50))), "not heard from 50s"),
    ],
)
def test_the_state_is_said_with_its_time(agent: Agent, said: str) -> None:
    assert standing(agent, NOW) == said


def test_where_there_is_little_room_the_end_of_a_limit_stays() -> None:
    agent = limited(to_come(2280))
    assert standing(agent, NOW, short=True) == "rate limited, resets 15:10"
    assert brief(agent, NOW) == ("limited", "until 15:10")
    assert shortest(agent, NOW) == "→ 15:10"
    assert len(shortest(limited(to_come(9 * 86_400)), NOW)) <= 9


def test_what_needs_the_operator_most_is_said_first() -> None:
    both = seen(
        conditions=[
            Condition(kind="rate_limited", since=ago(9), until=to_come(60)),
            Condition(kind="needs_login", since=ago(8)),
        ]
    )
    assert both.shape_kind == "login"
    assert prospects(both, NOW) == [("rate limited until 14:33", "bad")]
    refused = seen(session=AgentSession(state="refused"), conditions=[Condition(kind="needs_login", since=ago(8))])
    assert refused.shape_kind == "refused"


def test_what_comes_next_is_said_beside_the_state() -> None:
    busy = TurnState(state="thinking", since=ago(9), until=to_come(5280))
    assert prospects(seen(turn=busy), NOW) == [("naps until 16:00", "dim")]
    assert prospects(seen(session=AgentSession(state="armed")), NOW) == [("new session at the next turn", "soft")]
    assert prospects(seen(login=login_of("open")), NOW) == [("login waits for its code", "wait")]
    assert prospects(seen(login=login_of("done")), NOW) == []
    assert prospects(seen(), NOW) == []
