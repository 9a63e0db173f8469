"""Scenarios as files: what is taken, and the one sentence for what is not."""

from pathlib import Path

import pytest

from agentd.cli import main
from agentd.engines.scenario import load_scenario, parse_scenario
from agentd.engines.scenario_steps import REPLAYED, STEPS
from hived.wire.errors import InvalidScenario

WRONG = {
    '[[turn]]\nsteps = [{dance = "waltz"}]': "turn 1, step 1: there is no step 'dance'",
    '[[turn]]\nsteps = [{say = "a"}, {}]': "turn 1, step 2: there is no step ''",
    '[[turn]]\nsteps = [{say = "a", shell = "b"}]': "'say' and 'shell' are two steps",
    '[[turn]]\nsteps = [{say = 5}]': "turn 1, step 1, say: it is a text",
    '[[turn]]\nsteps = [{say = "a", speed = 5}]': "there is no 'speed'",
    '[[turn]]\nsteps = [{write = {path = "a"}}]': "'text' is missing",
    '[[turn]]\nsteps = [{write = {path = "a", text = "b", mode = "c"}}]': "there is no 'mode'",
    '[[turn]]\nsteps = [{send = {to = 1, body = "b"}}]': "send, to: it is a text",
    '[[turn]]\nkind = "letter"': "turn 1, kind: there is no kind 'letter'",
    '[[turn]]\nsteps = [{ask = {to = "bob"}}]': "'text' is missing",
    '[[turn]]\nsteps = [{ask = {text = "a", colour = "red"}}]': "there is no 'colour'",
    '[[turn]]\nsteps = [{ask = {text = "a", options = [1]}}]': "options: it is a list of texts",
    "[[turn]]\nsteps = [{answer_all = 5}]": "answer_all: it is a text, or a table",
    "[[turn]]\nsteps = [{answer_all = {options = [true]}}]": "options: it is a list of numbers from 1 up and of texts",
    "[[turn]]\nsteps = [{remind = {delay_seconds = 5}}]": "'text' is missing",
    "[[turn]]\nsteps = [{inbox = {weight = 5}}]": "there is no 'weight'",
    '[[turn]]\nsteps = [{ask_permission = {tool = "a", input = {}, expect = "x"}}]': "expect: it is allowed or denied",
    '[[turn]]\nsteps = [{ask_permission = {tool = "a", input = {}, run = true}}]': "the input has no `command`",
    "[[turn]]\nsteps = [{inbox = false}]": "inbox: it is true, or a table",
    "[[turn]]\nsteps = [{wait_seconds = -1}]": "wait_seconds: it is a number from 0 up",
    "[[turn]]\nsteps = [{exit = 300}]": "exit: it is an exit code",
    '[[turn]]\nsteps = [{fail = {outcome = "bored"}}]': "there is no outcome 'bored'",
    '[[turn]]\nsteps = [{note = "a", level = "loud"}]': "level: it is info, warning or error",
    '[[turn]]\nsteps = [{say = "a", times = 9999999}]': "times: at most",
    '[[turn]]\nmatch = "/(/"': "it is no regular expression",
    "[[turn]]\nrepeat = 0": "repeat: it is a whole number from 1 up",
    '[[turn]]\nsteps = "say"': "it is a list of tables",
    '[[turn]]\nstep = []': "turn 1: there is no 'step'",
    "[defaults]\nspeed = 1\n[[turn]]": "[defaults]: there is no 'speed'",
    "[engine]\nspeed = 1\n[[turn]]": "[engine]: there is no 'speed'",
    "[engine]\nmodels = 'a'\n[[turn]]": "[engine] models: it is a list of names",
    "[engine]\nmodels = [{title = 'a'}]\n[[turn]]": "[engine] models: 'name' is missing",
    "[engine]\nefforts = ['a', 'a']\n[[turn]]": "[engine] efforts: it is a list of names, each once",
    "[engine]\ncompact = 'well'\n[[turn]]": '[engine] compact: it is true, false or "fails"',
    "[engine]\nresume = true\n[[turn]]": '[engine] resume: it is "ok", "refused" or "refused once"',
    "[[turn]]\nwake = 'alarm'": "turn 1, wake: it is message, checkpoint or compact",
    "[[turn]]\nmodel = 5": "turn 1, model: it is a text",
    "[[turn]]\nsteps = [{limit = {until = 'soon'}}]": "until: it is a time such as",
    "[[turn]]\nsteps = [{limit = {until = '2026-01-01T00:00:00'}}]": "until: it is a time such as",
    "[[turn]]\nsteps = [{limit = {until_seconds = inf}}]": "until_seconds: it is a number from 0 up",
    "[[turn]]\nsteps = [{condition = {kind = 'bored'}}]": "there is no condition 'bored'",
    "[[turn]]\nsteps = [{replay = {kind = 'message_in'}}]": "replay: there is no kind 'message_in'",
    "[[turn]]\nsteps = [{replay = {text = 'a'}}]": "replay: there is no kind None",
    "[[turn]]\nsteps = [{replay = {kind = 'text'}}]": "replay: 'text' is missing",
    "[[turn]]\nsteps = [{replay = {kind = 'note', text = 'a', level = 'loud'}}]": "level: it is info, warning or error",
    "[[turn]]\nsteps = [{replay = {kind = 'turn_end', outcome = 'bored'}}]": "there is no outcome 'bored'",
    "[[turn]]\nsteps = [{replay = {kind = 'turn_end', outcome = 'ok', ctx = {tokens = 1}}}]": "'window' is missing",
    "[[turn]]\nsteps = [{replay = {kind = 'tool_use', tool_use_id = '', tool = 'T', input = '[]'}}]": "input: it is a table",
    "turns = []": "the file: there is no 'turns'",
    "": "it has no [[turn]]",
    "[[turn]": "it is no TOML",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_scenario_is_one_sentence_that_names_the_place(tmp_path: Path, text: str) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(text)
    with pytest.raises(InvalidScenario) as wrong:
        load_scenario(file)
    assert WRONG[text] in wrong.value.message
    assert str(file) in wrong.value.message


def test_a_scenario_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidScenario, match="cannot be read"):
        load_scenario(tmp_path / "gone.toml")


def test_the_command_checks_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text('[[turn]]\nsteps = [{dance = "waltz"}]')
    assert main(["scenario", str(file)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error[invalid_scenario]: ")
    assert said.count("\n") == 1


def test_the_first_turn_that_fits_and_is_not_used_up_answers() -> None:
    scenario = parse_scenario(
        {
            "turn": [
                {"match": "Fix", "repeat": 2},
                {"match": "/^do .* now$/", "repeat": True},
                {"from": "queen"},
                {},
                {"match": "never"},
            ]
        }
    )
    assert scenario.choose("please fix it", ["operator"], {}) == 0
    assert scenario.choose("please fix it", ["operator"], {0: 1}) == 0
    assert scenario.choose("please fix it", ["operator"], {0: 2}) == 3
    assert scenario.choose("do it now", ["operator"], {1: 99}) == 1
    assert scenario.choose("well", ["bob", "queen"], {}) == 2
    assert scenario.choose("well", ["bob"], {3: 50}) == 3


def test_a_turn_may_be_for_one_model_or_for_the_harness_own_prompts() -> None:
    scenario = parse_scenario({"turn": [{"model": "large"}, {"wake": "compact", "repeat": True}, {}]})
    assert scenario.choose("a", [], {}, model="large") == 0
    assert scenario.choose("a", [], {}, model="small") == 2
    assert scenario.choose("", [], {1: 7}, wake="compact") == 1
    assert scenario.choose("", [], {}, wake="checkpoint") is None


def test_a_window_is_the_models_own_else_the_scenarios() -> None:
    engine = {"window": 9, "models": ["small", {"name": "large", "window": 50}]}
    abilities = parse_scenario({"engine": engine, "turn": [{}]}).abilities
    assert [abilities.window_of(model) for model in ("small", "large", "other")] == [9, 50, 9]


def test_where_no_turn_is_for_any_prompt_none_answers() -> None:
    scenario = parse_scenario({"turn": [{"match": "a"}, {"from": "queen"}]})
    assert scenario.choose("b", ["bob"], {}) is None


def test_the_manual_names_every_step_and_every_kind_of_replay() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "SCENARIOS.md").read_text()
    assert [verb for verb in STEPS if f"`{verb} = " not in manual] == []
    assert [kind for kind in REPLAYED if f"`{kind}`" not in manual] == []
