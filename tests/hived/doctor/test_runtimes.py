"""Which runtime an agent gets, and what the doctor says of it: the strongest that has been seen to work, or what is named."""

import pytest

from hived.doctor import runtimes
from hived.doctor.runtimes import Runtimes, checks
from hived.wire.agents import RuntimeFound, SpawnRequest
from hived.wire.errors import RuntimeUnusable, UnknownRuntime

LIMITS = ["memory", "cpu", "processes"]
PROCESS = RuntimeFound(kind="process", works=True, detail="no wall around the engine", limits=LIMITS)
BWRAP = RuntimeFound(
    kind="bwrap", works=True, detail="with walls", walls=True, networkless=True, limits=LIMITS, strength=50
)
NO_BWRAP = BWRAP.model_copy(update={"works": False, "detail": "bwrap is not here; install it: apt install bubblewrap"})
REQUEST = SpawnRequest(name="ann", engine="scripted")


class Asked:
    """What agentd says, each time it is asked."""

    def __init__(self, *answers: list[RuntimeFound]) -> None:
        self.answers = list(answers)
        self.times = 0

    async def __call__(self, *words: str) -> object:
        self.times += 1
        return [found.model_dump() for found in self.answers[min(self.times, len(self.answers)) - 1]]


@pytest.fixture
def no_variable(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("HIVE_RUNTIME")
    return monkeypatch


async def settled(given: Runtimes, kind: str | None = None) -> str | None:
    return (await given.settle(REQUEST.model_copy(update={"runtime": kind}))).runtime


async def test_the_strongest_that_works_is_taken_and_agentd_is_asked_once(no_variable: pytest.MonkeyPatch) -> None:
    asked = Asked([PROCESS, BWRAP])
    no_variable.setattr(runtimes, "ask_agentd", asked)
    given = Runtimes(None)
    assert [await settled(given), await settled(given), await settled(given, "bwrap")] == ["bwrap"] * 3
    assert asked.times == 1


async def test_without_walls_that_work_it_is_process_until_they_do(no_variable: pytest.MonkeyPatch) -> None:
    no_variable.setattr(runtimes, "ask_agentd", Asked([PROCESS, NO_BWRAP], [PROCESS, BWRAP]))
    given = Runtimes(None)
    assert await settled(given) == "process"
    no_variable.setattr(runtimes, "ANEW_SECONDS", 0.0)
    assert await settled(given) == "bwrap"


async def test_the_variable_stands_above_the_file_and_the_file_above_strength(no_variable: pytest.MonkeyPatch) -> None:
    no_variable.setattr(runtimes, "ask_agentd", Asked([PROCESS, BWRAP]))
    assert await settled(Runtimes("process")) == "process"
    no_variable.setenv("HIVE_RUNTIME", "bwrap")
    assert await settled(Runtimes("process")) == "bwrap"


async def test_one_that_does_not_work_is_refused_with_what_its_trial_said(no_variable: pytest.MonkeyPatch) -> None:
    no_variable.setattr(runtimes, "ask_agentd", Asked([PROCESS, NO_BWRAP]))
    with pytest.raises(RuntimeUnusable, match="apt install bubblewrap"):
        await settled(Runtimes(None), "bwrap")
    with pytest.raises(UnknownRuntime, match="process, bwrap"):
        await settled(Runtimes(None), "podman")
    with pytest.raises(RuntimeUnusable):
        await settled(Runtimes("bwrap"))


def test_the_doctor_says_which_one_agents_get_and_why(no_variable: pytest.MonkeyPatch) -> None:
    default, process, bwrap, limits = checks([PROCESS, BWRAP], None)
    assert (default.state, default.detail) == ("ok", "agents get bwrap (the strongest that works here)")
    assert [process.name, bwrap.name] == ["runtime process", "runtime bwrap"]
    assert "keeps the network away" in bwrap.detail
    assert limits.detail == "memory, cpu, processes are held"


def test_the_doctor_names_the_remedy_for_walls_that_do_not_work(no_variable: pytest.MonkeyPatch) -> None:
    default, _, bwrap, _ = checks([PROCESS, NO_BWRAP], None)
    assert default.state == "warning"
    assert "hived's own user" in default.detail
    assert default.remedy == bwrap.remedy == "Install it: apt install bubblewrap"


def test_the_doctor_fails_a_default_that_is_named_and_does_not_work(no_variable: pytest.MonkeyPatch) -> None:
    default, *_ = checks([PROCESS, NO_BWRAP], "bwrap")
    assert default.state == "failed"
    assert "hive.toml says so" in default.detail
    missing, *_ = checks([PROCESS], "podman")
    assert "there is no such runtime" in missing.detail


def test_the_doctor_names_each_limit_that_is_not_held(no_variable: pytest.MonkeyPatch) -> None:
    *_, limits = checks([PROCESS.model_copy(update={"limits": ["memory"]})], None)
    assert limits.state == "warning"
    assert limits.detail.startswith("cpu, processes cannot be held here; memory can")
