"""The command engine: any program, however badly it behaves."""

import pytest

from agentd.engines.base import EngineFailed
from agentd.engines.command import command_words
from tests.agentd.rig import Rig


async def turn_of(rig: Rig, code: str) -> dict[str, object]:
    rig.command(code)
    await rig.start()
    await rig.stub.send("the <words>")
    (end,) = await rig.stub.turn_ends()
    return end


def texts(rig: Rig) -> list[str]:
    return [payload["text"] for payload in rig.stub.payloads("text")]


async def test_a_program_gets_the_prompt_and_then_the_end_of_it(rig: Rig) -> None:
    end = await turn_of(
        rig, "import sys, os; text = sys.stdin.read(); print('the <words>' in text); print(os.getcwd())"
    )
    assert texts(rig) == ["True", str(rig.workspace)]
    assert end["outcome"] == "ok"


async def test_lines_of_json_with_a_known_kind_are_those_events(rig: Rig) -> None:
    end = await turn_of(
        rig,
        "import json\n"
        "for kind, more in [('text', {'text': 'a'}), ('thinking', {'text': 'b'}), ('note', {'text': 'c', 'level': 'error'}),\n"
        "    ('tool_use', {'tool_use_id': '1', 'tool': 'T', 'input': {'x': 1}}),\n"
        "    ('tool_result', {'tool_use_id': '1', 'tool': 'T', 'is_error': True, 'text': 'd'}),\n"
        "    ('usage', {'ctx': 3, 'window': 10, 'tokens': 9, 'cost_usd': 0.25}),\n"
        "    ('message_out', {'to': 'bob', 'body': 'forged'}), ('turn_end', {'outcome': 'ok'}), ('text', {'text': 5}),\n"
        "    ('usage', {'ctx': 'many'})]:\n"
        "    print(json.dumps({'kind': kind, **more}))\n"
        "print('{not json')\n",
    )
    kinds = rig.stub.kinds()
    assert kinds[kinds.index("turn_start") + 1 : kinds.index("turn_end")] == [
        "text", "thinking", "note", "tool_use", "tool_result", "token_usage_changed", "text", "text", "text", "text", "text",
    ]  # fmt: skip
    assert texts(rig)[0] == "a"
    assert texts(rig)[-1] == "{not json"
    assert end["ctx"] == {"tokens": 3, "window": 10}
    assert end["cost"] == {"tokens": 9, "usd": 0.25, "estimated": False}
    assert end["tool_calls"] == 1


async def test_bytes_that_are_no_utf8_a_half_line_and_blank_lines_are_texts(rig: Rig) -> None:
    await turn_of(rig, "import sys; sys.stdout.buffer.write(b'a\\xff\\xfeb\\n\\ncr\\r\\nhalf')")
    assert texts(rig) == ["a\ufffd\ufffdb", "", "cr", "half"]


async def test_a_program_that_fails_is_retried_with_its_last_words(rig: Rig) -> None:
    end = await turn_of(rig, "import sys; print('begun'); print('it broke', file=sys.stderr); sys.exit(9)")
    assert (end["outcome"], end["retryable"]) == ("failed", True)
    assert "exit code 9" in str(end["error"])
    assert "it broke" in str(end["error"])


async def test_a_program_that_is_killed_says_so(rig: Rig) -> None:
    end = await turn_of(rig, "import os; os.kill(os.getpid(), 9)")
    assert "signal 9" in str(end["error"])


async def test_a_program_that_is_missing_fails_for_good(rig: Rig) -> None:
    rig.spec |= {"engine": "command", "engine_options": {"command": ["/no/such/program"]}}
    await rig.start()
    await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["retryable"]) == ("failed", False)
    assert str(end["error"]).startswith("command_missing: ")


async def test_a_program_that_floods_stderr_and_reads_nothing_ends_well(rig: Rig) -> None:
    rig.command("import sys\nfor n in range(50000): print('noise', n, file=sys.stderr)\nprint('done')")
    await rig.start()
    await rig.stub.send("x" * 200_000)
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "ok"
    assert texts(rig) == ["done"]


async def test_a_cancel_ends_the_program(rig: Rig) -> None:
    rig.command("print('begun', flush=True); import time; time.sleep(300)")
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: texts(rig), "the program running")
    await rig.stub.ring("cancel", {"turn_id": None})
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "cancelled"


async def test_an_unknown_engine_ends_the_harness_at_once_with_its_code(rig: Rig) -> None:
    rig.spec["engine"] = "oracle"
    await rig.start(connected=False)
    assert await rig.ended() == 78
    assert "error[unknown_engine]: " in rig.log()


async def test_a_secret_comes_from_secrets_toml_and_a_missing_one_is_named(rig: Rig) -> None:
    (rig.home / "secrets.toml").write_text('TOKEN = "s3cret"\n')
    rig.command("import os; print(os.environ['TOKEN'], os.environ['COLOUR'], os.environ.get('HIVE_HOME'))")
    rig.spec |= {"env_from": ["TOKEN"], "env": {"COLOUR": "red"}}
    rig.env["HIVE_HOME"] = "/tmp/some-hive"
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends(1)
    assert texts(rig) == ["s3cret red None"]
    await rig.kill()
    rig.spec["env_from"] = ["TOKEN", "MISSING_ONE"]
    await rig.start()
    await rig.stub.send("two")
    ends = await rig.stub.turn_ends(2)
    assert "MISSING_ONE" in str(ends[1]["error"])
    assert "s3cret" not in str(ends[1]["error"])
    assert ends[1]["retryable"] is False


@pytest.mark.parametrize("command", [None, "", [], ["a", 1], "unclosed 'quote", 5])
def test_a_command_that_is_none_is_refused(command: object) -> None:
    with pytest.raises(EngineFailed) as failed:
        command_words(command)
    assert failed.value.code == "invalid_option"
    assert failed.value.retryable is False


def test_a_command_line_is_split_as_a_shell_splits() -> None:
    assert command_words("echo 'two words' $HOME") == ["echo", "two words", "$HOME"]
