from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hived.client.hive_client import HiveClient
from hived.wire.errors import NoTurn
from hivetui.controller import Controller
from hivetui.intents import (
    ApproveItem,
    CancelTurn,
    Compact,
    DenyItem,
    Examine,
    GiveLoginCode,
    Intent,
    ListEngines,
    ListModels,
    Nap,
    NewSession,
    Rebuild,
    Record,
    Resume,
    SendMessage,
    SetEffort,
    SetModel,
    SetPermissionMode,
    SpawnAgent,
    StartAgent,
    StartLogin,
)
from hivetui.life_intents import Act
from tests.fakes.hived_api import FakeHived
from tests.hivetui import scene


@pytest.fixture
async def hived() -> AsyncIterator[FakeHived]:
    async with FakeHived(scene.snapshot()) as fake:
        yield fake


@pytest.fixture
async def controller(hived: FakeHived) -> AsyncIterator[Controller]:
    async with HiveClient(hived.socket) as client:
        yield Controller(client)


@pytest.mark.parametrize(
    ("intent", "method", "path"),
    [
        (SendMessage("alice", "hi", "now", "k"), "POST", "/v1/messages"),
        (ApproveItem(scene.ident(101), "scout"), "POST", f"/v1/approvals/{scene.ident(101)}/approve"),
        (DenyItem(scene.ident(101), "scout", "no"), "POST", f"/v1/approvals/{scene.ident(101)}/deny"),
        (SetModel("alice", "opus"), "PUT", "/v1/agents/alice/model"),
        (SetEffort("alice", "high"), "PUT", "/v1/agents/alice/effort"),
        (SetPermissionMode("alice", None), "PUT", "/v1/agents/alice/permission-mode"),
        (Compact("alice"), "POST", "/v1/agents/alice/compact"),
        (NewSession("alice", True), "POST", "/v1/agents/alice/new-session"),
        (Nap("alice", 1800), "POST", "/v1/agents/alice/nap"),
        (Resume("alice"), "POST", "/v1/agents/alice/resume"),
        (Rebuild("alice", "acp", None, (("agent", "codex-acp"),)), "POST", "/v1/agents/alice/rebuild"),
        (CancelTurn("alice"), "POST", "/v1/agents/alice/cancel-turn"),
        (StartAgent("alice"), "POST", "/v1/agents/alice/start"),
        (Act("stop", ("alice",)), "POST", "/v1/agents/alice/stop"),
        (Act("restart", ("alice",)), "POST", "/v1/agents/alice/restart"),
        (Act("kill", ("alice",)), "POST", "/v1/agents/alice/kill"),
        (Act("pause", ("alice",)), "POST", "/v1/agents/alice/pause"),
        (Act("rebuild", ("alice",)), "POST", "/v1/agents/alice/rebuild"),
    ],
)
async def test_an_intent_is_one_call_and_says_what_came_of_it(
    hived: FakeHived, controller: Controller, intent: Intent, method: str, path: str
) -> None:
    outcome = await controller.do(intent)
    assert [asked[:2] for asked in hived.asked] == [(method, path)]
    assert outcome.done
    assert outcome.notice is not None
    assert outcome.notice.tone == "good"


async def test_a_refusal_is_a_notice_with_hiveds_sentence_and_code(hived: FakeHived, controller: Controller) -> None:
    hived.refuse = NoTurn(name="alice")
    outcome = await controller.do(CancelTurn("alice"))
    assert not outcome.done
    assert outcome.notice is not None
    assert (outcome.notice.text, outcome.notice.code) == ("alice has no turn to cancel.", "no_turn")


async def test_a_spawn_is_asked_for_and_approved(hived: FakeHived, controller: Controller) -> None:
    outcome = await controller.do(SpawnAgent("scout", "command", options=(("command", "cat"),)))
    assert outcome.done
    assert [path for _, path, _ in hived.asked] == ["/v1/agents", "/v1/approvals/approval-of-scout/approve"]


async def test_a_wrong_name_is_refused_before_anybody_is_asked(hived: FakeHived, controller: Controller) -> None:
    outcome = await controller.do(SpawnAgent("../x", "claude"))
    assert outcome.notice is not None
    assert (outcome.done, outcome.notice.code, hived.asked) == (False, "invalid_name", [])


async def test_the_loser_of_a_race_is_told_who_won(hived: FakeHived, controller: Controller) -> None:
    hived.decide(scene.ident(101), "denied", "operator", "hive")
    outcome = await controller.do(ApproveItem(scene.ident(101), "scout"))
    assert outcome.notice is not None
    assert outcome.notice.code == "already_decided"
    assert "denied by operator" in outcome.notice.text


async def test_engines_are_listed(hived: FakeHived, controller: Controller) -> None:
    hived.engines = [engine.model_dump() for engine in scene.engines()]
    assert (await controller.do(ListEngines())).engines == scene.engines()


async def test_nobody_there_is_a_notice_too() -> None:
    async with HiveClient(Path("/tmp/hv-nobody.sock")) as client:
        outcome = await Controller(client).do(Act("stop", ("alice",)))
    assert outcome.notice is not None
    assert outcome.notice.code == "not_running"


async def test_what_is_asked_for_is_sent_as_it_is_meant(hived: FakeHived, controller: Controller) -> None:
    for intent in (NewSession("alice", True), Nap("alice", 0), SetEffort("alice", None)):
        await controller.do(intent)
    await controller.do(Rebuild("alice", "api", "qwen3", (("provider", "ollama"),), ("KEY",)))
    assert [body for _, _, body in hived.asked] == [
        {"primer": True},
        {"seconds": 0},
        {"effort": None},
        {"engine": "api", "model": "qwen3", "engine_options": {"provider": "ollama"}, "env_from": ["KEY"]},
    ]


async def test_an_engine_s_models_and_the_doctor_are_given_on(hived: FakeHived, controller: Controller) -> None:
    hived.models["alice"], hived.report = scene.models(), scene.report()
    assert (await controller.do(ListModels("alice"))).models == scene.models()
    assert (await controller.do(Examine())).report == scene.report()


async def test_a_recording_is_a_new_file_and_its_place_is_said(
    controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = await controller.do(Record("alice", "alice.toml"))
    assert outcome.notice is not None
    assert outcome.notice.text == f"3 turns of alice stand in {tmp_path}/alice.toml."
    assert (tmp_path / "alice.toml").read_text() == "# alice\n"


@pytest.mark.parametrize(
    ("name", "why", "code"),
    [
        ("there.toml", " is there already and is not written over: say another name.", "file_exists"),
        ("no/folder.toml", ": No such file or directory.", "file_unusable"),
    ],
)
async def test_a_recording_writes_over_nothing_and_says_why(
    controller: Controller, tmp_path: Path, name: str, why: str, code: str
) -> None:
    (tmp_path / "there.toml").write_text("mine")
    outcome = await controller.do(Record("alice", str(tmp_path / name)))
    assert outcome.notice is not None
    assert (outcome.done, outcome.notice.code) == (False, code)
    assert outcome.notice.text == f"{tmp_path / name}{why}"
    assert (tmp_path / "there.toml").read_text() == "mine"


async def test_a_login_is_carried_and_its_code_is_in_no_text(hived: FakeHived, controller: Controller) -> None:
    assert (await controller.do(StartLogin("alice"))).done
    intent = GiveLoginCode("alice", "right")
    outcome = await controller.do(intent)
    assert outcome.notice is not None
    assert outcome.notice.text == "alice is logged in."
    assert "right" not in repr(outcome)
    assert hived.keys[-1] == "", "what is sent with a key is remembered"
