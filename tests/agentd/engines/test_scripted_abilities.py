"""The scripted engine stands for any other: what it offers, refuses, forgets, overflows and compacts, as its scenario says."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.base import (
    ConditionChanged,
    EngineContext,
    EngineEvent,
    EngineFailed,
    ModelChanged,
    Note,
    Permission,
    Prompt,
    Text,
    TextDelta,
    Thinking,
    ToolResult,
    ToolUse,
    TurnDone,
    TurnUsage,
    Usage,
)
from agentd.engines.scripted import ScriptedEngine
from agentd.environment import engine_environment
from agentd.runtimes.process import ProcessRuntime
from hived.wire.agents import SpawnRequest
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL
from hived.wire.times import in_seconds
from tests.agentd.rig import scenario_text
from tests.support.claude import MemoryFacts, RecordedTools


class Stage:
    """One agent's folders; each `engine` is the next harness's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("workspace", "home", "state", "harness"):
            (root / name).mkdir()

    def write(self, *turns: dict[str, Any], engine: dict[str, Any] | None = None) -> None:
        lines = [f"{name} = {_value(value)}" for name, value in (engine or {}).items()]
        text = "\n".join(["[engine]", *lines, scenario_text(*turns)])
        (self.root / "scenario.toml").write_text(text)

    @contextlib.asynccontextmanager
    async def engine(
        self, model: str = "default", effort: str | None = None, mode: str | None = None, *, session: str | None = None
    ) -> AsyncIterator[ScriptedEngine]:
        engine = ScriptedEngine(self._context(model, effort, mode))
        await engine.start(session)
        try:
            yield engine
        finally:
            await engine.close()

    def _context(self, model: str, effort: str | None, mode: str | None) -> EngineContext:
        options = {"scenario": str(self.root / "scenario.toml")}
        launch = Launch(
            protocol=PROTOCOL, agent_id="id", name="ann", generation=1, runtime="process",
            spec=SpawnRequest(name="ann", engine="scripted", engine_options=options),
            harness=str(self.root / "harness"), state=str(self.root / "state"), home=str(self.root / "home"),
            workspace=str(self.root / "workspace"), agent_socket="", tools_socket="", model_file="", events_db="",
            secrets_file="",
        )  # fmt: skip

        async def ask(tool: str, input: dict[str, Any], tool_use_id: str) -> Permission:
            return Permission(False)

        def environment(defaults: Mapping[str, str]) -> dict[str, str]:
            return engine_environment(launch, defaults)

        return EngineContext(
            launch=launch, workspace=self.root / "workspace", home=self.root / "home", state=self.root / "state",
            harness=self.root / "harness", model=model, effort=effort, permission_mode=mode, environment=environment,
            runtime=ProcessRuntime(self.root / "harness", 1, lambda event: None), tools=RecordedTools(),
            ask_permission=ask, notice=lambda text: None, facts=MemoryFacts(), heard=lambda: None, report=lambda event: None,
            log=lambda line: None,
        )  # fmt: skip


def _value(value: Any) -> str:
    return scenario_text({"_": value}).splitlines()[-1].removeprefix('"_" = ')


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def played(engine: ScriptedEngine, body: str = "go") -> list[EngineEvent]:
    return [event async for event in engine.turn(Prompt(body, "t", ("operator",), (body,), ("m1",)))]


async def checkpoint(engine: ScriptedEngine) -> list[EngineEvent]:
    return [event async for event in engine.turn(Prompt("Write down what you know.", "t"))]


async def compacted(engine: ScriptedEngine) -> list[EngineEvent]:
    return [event async for event in engine.compact()]


def texts(events: list[EngineEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Text)]


def done(events: list[EngineEvent]) -> TurnDone:
    last = events[-1]
    assert isinstance(last, TurnDone)
    return last


REPLY = {"repeat": True, "steps": [{"say": "heard"}]}


async def test_it_offers_what_its_scenario_says(stage: Stage) -> None:
    stage.write(
        REPLY,
        engine={
            "models": ["small", {"name": "large", "window": 1000}],
            "closed_models": True, "efforts": ["low", "high"], "permission_modes": ["ask"], "steer": False, "compact": False,
        },
    )  # fmt: skip
    async with stage.engine() as engine:
        assert [(model.name, model.window) for model in engine.models] == [("small", None), ("large", 1000)]
        able = engine.abilities
        assert (able.closed_models, able.steer, able.compact) == (True, False, False)
        assert (able.efforts, able.permission_modes) == (["low", "high"], ["ask"])


async def test_settings_are_taken_in_mid_turn_and_seen(stage: Stage) -> None:
    gate = {"wait_for_file": "go"}
    stage.write({"steps": [{"say_settings": True}, gate, {"say_settings": True}]})
    async with stage.engine("small", "low") as engine:
        turn = asyncio.create_task(played(engine))
        await asyncio.sleep(0)
        assert await engine.set_model("large")
        assert await engine.set_effort("high")
        assert await engine.set_permission_mode("plan")
        (stage.root / "workspace" / "go").touch()
        said = texts(await turn)
    assert said[-1] == "model large, effort high, permission mode plan"


async def test_where_a_restart_is_needed_it_says_so_and_the_next_process_has_them(stage: Stage) -> None:
    stage.write({"repeat": True, "steps": [{"say_settings": True}]}, engine={"at_once": False})
    async with stage.engine("small") as engine:
        assert not engine.abilities.set_model
        assert not await engine.set_model("large")
        assert not await engine.set_effort("high")
        assert texts(await played(engine)) == ["model small, effort its own, permission mode its own"]
    async with stage.engine("--large", "high", "plan", session=engine.session_id) as engine:
        assert texts(await played(engine)) == ["model --large, effort high, permission mode plan"]


async def test_a_model_that_it_does_not_offer_fails_the_turn_where_there_are_no_others(stage: Stage) -> None:
    stage.write(REPLY, engine={"models": ["small"], "closed_models": True})
    for model, outcome in (("small", "ok"), ("default", "ok"), ("huge", "failed")):
        async with stage.engine(model) as engine:
            end = done(await played(engine))
        assert (end.outcome, end.error) == (
            outcome, "There is no model 'huge'; there are small." if outcome == "failed" else None,
        )  # fmt: skip
        assert end.retryable is (outcome == "ok")


async def test_a_turn_may_answer_on_one_model_alone(stage: Stage) -> None:
    stage.write({"model": "large", "repeat": True, "steps": [{"say": "large words"}]}, REPLY)
    async with stage.engine("small") as engine:
        assert texts(await played(engine)) == ["heard"]
        await engine.set_model("large")
        assert texts(await played(engine)) == ["large words"]


async def test_a_limit_has_its_end_and_ends_the_turn(stage: Stage) -> None:
    stage.write(
        {"steps": [{"limit": {"until_seconds": 3600, "detail": "five hours are used up"}}, {"say": "never"}]}, REPLY
    )
    async with stage.engine() as engine:
        condition, end = await played(engine)
        assert isinstance(condition, ConditionChanged)
        assert (condition.condition, condition.on, condition.detail) == ("rate_limited", True, "five hours are used up")
        assert isinstance(end, TurnDone)
        assert (end.outcome, end.error, end.until) == ("rate_limited", "five hours are used up", condition.until)
        assert in_seconds(3500) < str(end.until) <= in_seconds(3600)
        assert texts(await played(engine)) == ["heard"], "it was played, and the next turn goes on"


@pytest.mark.parametrize(
    ("given", "until"), [({}, None), ({"until": "2027-01-01T02:00:00+02:00"}, "2027-01-01T00:00:00.000Z")]
)
async def test_a_limits_end_may_be_a_time_or_unknown(stage: Stage, given: dict[str, Any], until: str | None) -> None:
    stage.write({"steps": [{"limit": given}]})
    async with stage.engine() as engine:
        assert done(await played(engine)).until == until


async def test_a_lost_login_is_said_and_no_repeat_would_help(stage: Stage) -> None:
    stage.write({"steps": [{"needs_login": "not logged in"}]})
    async with stage.engine() as engine:
        condition, end = await played(engine)
    assert condition == ConditionChanged("needs_login", True, "not logged in")
    assert isinstance(end, TurnDone)
    assert (end.outcome, end.error, end.retryable) == ("needs_login", "not logged in", False)


async def test_a_condition_comes_and_goes_in_a_turn(stage: Stage) -> None:
    on = {"condition": {"kind": "rate_limited", "detail": "80 % are used"}}
    stage.write({"steps": [on, {"condition": {"kind": "rate_limited", "on": False}}, {"say": "on"}]})
    async with stage.engine() as engine:
        events = await played(engine)
    assert events[:2] == [
        ConditionChanged("rate_limited", True, "80 % are used"), ConditionChanged("rate_limited", False),
    ]  # fmt: skip
    assert done(events).outcome == "ok"


async def test_a_compaction_makes_the_conversation_shorter_by_the_figures(stage: Stage) -> None:
    stage.write({"steps": [{"usage": {"ctx": 900}}]}, engine={"window": 1000})
    async with stage.engine() as engine:
        assert done(await played(engine)).usage.window == 1000
    async with stage.engine(session=engine.session_id) as engine:
        events = await compacted(engine)
    assert [event.text for event in events if isinstance(event, Note)] == [
        "The conversation is compacted: 900 tokens to 90."
    ]
    assert [event.ctx_tokens for event in events if isinstance(event, Usage)] == [90]
    assert (done(events).outcome, done(events).usage.last_input_tokens) == ("ok", 90)


async def test_a_compaction_and_a_checkpoint_are_played_where_they_are_written(stage: Stage) -> None:
    stage.write(
        {"steps": [{"say": "first"}]},
        {"wake": "compact", "steps": [{"say": "shorter"}]},
        {"wake": "checkpoint", "steps": [{"write": {"path": "state:notes.md", "text": "what I know"}}]},
        {"steps": [{"say": "second"}]},
    )
    async with stage.engine() as engine:
        await checkpoint(engine)
        assert (stage.root / "state" / "notes.md").read_text() == "what I know"
        assert texts(await played(engine)) == ["first"]
        assert texts(await compacted(engine)) == ["shorter"]
        assert texts(await played(engine)) == ["second"]


async def test_a_checkpoint_that_nobody_wrote_uses_up_no_turn(stage: Stage) -> None:
    stage.write({"steps": [{"say": "first"}]}, REPLY)
    async with stage.engine() as engine:
        assert texts(await checkpoint(engine)) == ["There is nothing to write down."]
        assert texts(await played(engine)) == ["first"]


@pytest.mark.parametrize(("compact", "retryable"), [("fails", True), (False, False)])
async def test_a_compaction_may_fail_or_not_be_there(stage: Stage, compact: Any, retryable: bool) -> None:
    stage.write(REPLY, engine={"compact": compact})
    async with stage.engine() as engine:
        (end,) = await compacted(engine)
    assert isinstance(end, TurnDone)
    assert (end.outcome, end.retryable) == ("failed", retryable)


async def test_a_prompt_is_too_long_until_the_conversation_was_compacted(stage: Stage) -> None:
    overflow = {"fail": {"outcome": "prompt_too_long", "until_compacted": True}}
    stage.write({"repeat": 2, "steps": [overflow, {"say": "it fits"}]}, REPLY)
    async with stage.engine() as engine:
        assert done(await played(engine)).outcome == "prompt_too_long"
    async with stage.engine(session=engine.session_id) as engine:
        assert done(await played(engine)).outcome == "prompt_too_long"
        await compacted(engine)
        assert texts(await played(engine)) == ["it fits"]
        assert done(await played(engine)).outcome == "prompt_too_long", "the next one overflows again"


async def test_another_process_goes_on_where_its_session_was(stage: Stage) -> None:
    stage.write({"steps": [{"say": "first"}]}, {"steps": [{"say": "second"}]}, {"steps": [{"say": "third"}]})
    async with stage.engine() as engine:
        assert texts(await played(engine)) == ["first"]
    old = engine.session_id
    async with stage.engine(session=old) as engine:
        assert texts(await played(engine)) == ["second"]
        assert engine.session_id == old
    async with stage.engine() as engine:
        assert texts(await played(engine)) == ["first"], "a new session remembers nothing"
        assert engine.session_id != old
    async with stage.engine(session=old) as engine:
        assert texts(await played(engine)) == ["third"]


async def test_a_new_session_may_go_on_in_the_scenario(stage: Stage) -> None:
    stage.write({"steps": [{"say": "first"}]}, {"steps": [{"say": "second"}]}, engine={"forgets": False})
    async with stage.engine() as engine:
        assert texts(await played(engine)) == ["first"]
    async with stage.engine() as engine:
        assert texts(await played(engine)) == ["second"]


@pytest.mark.parametrize(("resume", "refusals"), [("ok", 0), ("refused once", 1), ("refused", 3)])
async def test_a_stored_session_is_refused_as_often_as_the_scenario_says(
    stage: Stage, resume: str, refusals: int
) -> None:
    stage.write(REPLY, engine={"resume": resume})
    async with stage.engine() as engine:
        await played(engine)
    codes = []
    for _ in range(3):
        try:
            async with stage.engine(session=engine.session_id):
                pass
        except EngineFailed as error:
            codes.append(error.code)
    assert codes == [EngineFailed.RESUME_REFUSED] * refusals


@pytest.mark.parametrize("session", ["0190c9a2-0000-7000-8000-000000000000", "another engine's own", "../../x"])
async def test_a_session_of_which_the_home_has_nothing_is_refused(stage: Stage, session: str) -> None:
    stage.write(REPLY)
    with pytest.raises(EngineFailed) as refused:
        async with stage.engine(session=session):
            pass
    assert refused.value.code == EngineFailed.RESUME_REFUSED


async def test_working_is_heard_and_waiting_is_not(tmp_path: Path) -> None:
    heard: dict[str, int] = {}
    for step in ("wait_seconds", "work_seconds"):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            stage = Stage(Path(folder))
            stage.write({"steps": [{"say": "begun"}, {step: 0.5}, {"say": "done"}]})
            async with stage.engine() as engine:
                process = await engine._running()
                await engine._tell(
                    type="turn",
                    wake="message",
                    settings={"model": "m"},
                    bodies=[],
                    senders=[],
                    message_ids=[],
                    messages=[],
                )
                lines: list[bytes] = []
                async with contextlib.aclosing(process.lines()) as chunks:
                    async for some in chunks:
                        lines += some
                        if any(b'"done"' in line and b'"outcome"' in line for line in some):
                            break
            heard[step] = sum(b'"alive"' in line for line in lines)
    assert heard["wait_seconds"] == 0
    assert heard["work_seconds"] >= 2


async def test_a_replay_says_each_recorded_event_word_for_word(stage: Stage) -> None:
    words = "{from} {model} {n}"
    use = {"tool_use_id": "u1", "tool": "Bash", "input": {"command": f"touch {words}"}}
    steps: list[dict[str, Any]] = [
        {"kind": "text", "text": words},
        {"kind": "thinking", "text": "", "hidden": True},
        {"kind": "note", "text": "careful", "level": "warning"},
        {"kind": "tool_use", **use},
        {"kind": "tool_use", **use, "input": '{"deep": [null, 1.5]}'},
        {"kind": "tool_result", "tool_use_id": "u1", "tool": "Bash", "is_error": True, "text": "no"},
        {"kind": "token_usage_changed", "ctx": {"tokens": 5, "window": 10}},
        {"kind": "token_usage_changed", "cost": {"tokens": 7, "usd": 0.5, "estimated": True}},
        {"kind": "model_changed", "model": "opus"},
        {"kind": "status_changed", "condition": "rate_limited", "on": False},
        {
            "kind": "turn_end", "outcome": "failed", "error": "it broke", "retryable": False,
            "ctx": {"tokens": 6, "window": 10}, "cost": {"tokens": 9},
        },
    ]  # fmt: skip
    stage.write({"steps": [{"replay": step} for step in steps]})
    async with stage.engine() as engine:
        events = await played(engine)
    assert events == [
        Text(words),
        Thinking("", hidden=True),
        Note("careful", "warning"),
        ToolUse("u1", "Bash", {"command": f"touch {words}"}),
        ToolUse("u1", "Bash", {"deep": [None, 1.5]}),
        ToolResult("u1", "Bash", True, "no"),
        Usage(ctx_tokens=5, window=10),
        Usage(tokens=7, cost_usd=0.5, cost_estimated=True),
        ModelChanged("opus"),
        ConditionChanged("rate_limited", False),
        TurnDone("failed", "it broke", False, TurnUsage(last_input_tokens=6, window=10, input_tokens=9)),
    ]
    assert not list((stage.root / "workspace").iterdir())


async def test_a_replay_may_be_spoken_word_by_word(stage: Stage) -> None:
    stage.write({"steps": [{"replay": {"kind": "text", "text": "one two"}}]})
    text = (stage.root / "scenario.toml").read_text().replace("[defaults]", "[defaults]\npace = 0.001")
    (stage.root / "scenario.toml").write_text(text)
    async with stage.engine() as engine:
        events = await played(engine)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["one ", "two "]
    assert texts(events) == ["one two"]
