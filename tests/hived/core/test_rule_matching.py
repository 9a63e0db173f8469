"""Whether rules fit an ask: what a pattern means, what an allow overlooks, and which deny wins."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.acp_tools import ToolCall
from hived.core.rule_matching import Ask, Judged, Pattern, judge, never_fits
from hived.core.tool_inputs import input_hash

WORKSPACE = "/ws"
RECORDINGS = Path(__file__).parents[2] / "fixtures" / "recordings"


def said(rules: list[str], input: dict[str, Any], tool: str = "Bash", workspace: str | None = WORKSPACE) -> str | None:
    """`allow`, `deny` or None. A rule is `[!][Tool:]pattern`: a deny with `!`, else of any tool that the ask is of."""
    judged = judged_by(rules, input, tool, workspace)
    return None if judged is None else judged.verdict


def judged_by(
    rules: list[str], input: dict[str, Any], tool: str = "Bash", workspace: str | None = WORKSPACE
) -> Judged | None:
    patterns = [
        Pattern(str(number), tool, rule.removeprefix("!"), "deny" if rule.startswith("!") else "allow")
        for number, rule in enumerate(rules)
    ]
    return judge(patterns, Ask(tool, input, workspace, links=False))


def run(command: str, *rules: str, **more: Any) -> str | None:
    return said(list(rules), {"command": command, **more})


# Commands --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("git status*", "git status"), ("git status*", "git status -s"), ("git status*", "git  status   '-s'"),
        ("git status", "git status"), ("git *", "git log -5"), ("git*", "git"), ("ls*", "ls"), ("npm run test:*", "npm run test:unit"),
        ("git commit -m *", "git commit -m 'it; works > now'"), ("git * main", "git push origin main"),
        ('echo "a b"', "echo 'a b'"), (r"echo '\*'", "echo '*'"), ("git status && git diff", "git status  &&  git diff"),
        ("sudo ls", "sudo ls"), ("git -c a=b log", "git -c a=b log"), ("python3 x.py", "python3 x.py"), ("./build.sh *", "./build.sh a"),
    ],
)  # fmt: skip
def test_a_command_that_the_pattern_covers_is_allowed(pattern: str, command: str) -> None:
    assert run(command, pattern) == "allow"


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("git status*", "git statusfoo"), ("git status*", "git status && rm -rf /"), ("git status*", "git status; rm x"),
        ("git status*", "git status;rm x"), ("git status*", "git status|sh"), ("git status*", "git status || rm x"),
        ("git status*", "git status & rm x"), ("git status*", "git status\nrm x"), ("git status*", "git status $(rm x)"),
        ("git status*", "git status `rm x`"), ("git status*", "git status #\nrm x"), ("git status*", "git status > x"),
        ("git status*", "git status >/dev/null"), ("cat*", "cat x > y"), ("cat *", "cat x > y"), ("cat*", "cat < x"),
        ("git status*", 'git "status x"'), ("git status*", "'git status' x"), ("git status*", "GIT status"), ("git*", "gitk"),
        ("g*", "git"), ("* status", "git status"), ("*it status", "git status"),
        ("sudo *", "sudo rm x"), ("env *", "env rm x"), ("bash *", "bash x"), ("xargs*", "xargs rm"), ("python3 *", "python3 x"),
        ("git *", "git -c core.pager=rm log"), ("git *", "git log --output=x"), ("find *", "find . -delete"),
        ("git status", "git status -s"), ("git status", "git status; git status -s"), ("ls", "ls; sudo ls"),
        ("git status && git diff", "git diff && git status"), ("git status && git diff", "git status; git diff"),
        ("git status && git diff", "git status && git diff && rm x"), ("git status $(rm x)", "git status $(rm x)"),
        ("git status | sh", "echo x | sh"), ("", ""),
    ],
)  # fmt: skip
def test_any_other_command_is_left_to_the_operator(pattern: str, command: str) -> None:
    assert run(command, pattern) is None


def test_the_exact_text_of_a_runner_is_no_part_of_another_command() -> None:
    assert run("echo x | sh", "echo *", "sh") is None
    assert run("cd evil && bash build.sh", "cd *", "bash build.sh") is None
    assert run("bash build.sh", "cd *", "bash build.sh") == "allow"
    assert run("xargs rm", "echo *", "xargs rm") == "allow"
    assert run("echo / | xargs rm", "echo *", "xargs rm") is None


def test_every_part_needs_a_rule_and_each_of_them_has_decided() -> None:
    rules = ["ls*", "git status*", "head *"]
    assert judged_by(rules, {"command": "git status && ls -l | head -3; ls"}) == Judged("allow", ("1", "0", "2"))
    assert judged_by(rules, {"command": "git status && ls -l | tail -3; ls"}) is None


@pytest.mark.parametrize(
    "input",
    [
        {"dangerouslyDisableSandbox": True}, {"cwd": "/etc"}, {"cwd": "/ws/.."}, {"env": {"PATH": "."}}, {"sandbox": False},
        {"description": {"a": 1}}, {"timeout": "x"}, {"shell": "/tmp/evil/bash -c"}, {"shell": "/usrbash -c"}, {"stdin": "x"},
        {"file_path": "/ws/a"}, {"url": "https://example.com"}, {"with_escalated_permissions": True}, {"new": None, "x": ""},
    ],
)  # fmt: skip
def test_no_pattern_overlooks_another_key_of_the_input(input: dict[str, Any]) -> None:
    assert run("ls", "ls*", **input) is None
    assert run("ls", "ls", **input) is None


def test_harmless_keys_change_nothing() -> None:
    more: dict[str, Any] = {
        "description": "list",
        "timeout": 5,
        "run_in_background": False,
        "cwd": "/ws",
        "reason": None,
    }
    assert run("ls", "ls*", **more) == "allow"
    assert run("ls", "ls*", shell="/bin/bash -lc", dangerouslyDisableSandbox=False) == "allow"
    assert said(["ls*"], {"command": "ls", "cwd": "/ws"}, workspace=None) is None


def test_a_list_of_words_is_a_command_too() -> None:
    assert said(["ls*"], {"command": ["bash", "-lc", "ls -l"]}) == "allow"
    assert said(["ls*"], {"command": ["ls", "-l"]}) == "allow"
    assert said(["ls *"], {"command": ["ls", "a b; rm"]}) == "allow"
    assert said(["ls*"], {"command": ["/tmp/bash", "-lc", "ls"]}) is None
    assert said(["ls*"], {"command": ["bash", "-lc", "ls; rm x"]}) is None
    assert said(["ls*"], {"command": ["bash", "-i", "ls"]}) is None
    assert said(["ls*"], {"command": ["ls", "a\nrm"]}) is None
    assert said(["ls*"], {"command": ["ls", 1]}) is None
    assert said(["ls*"], {"command": []}) is None
    assert said(["!rm *"], {"command": ["bash", "-lc", "ls; rm x"]}) == "deny"


# Any input, and exact ones -----------------------------------------------------------------------------------


def test_a_star_alone_fits_any_input_of_the_tool() -> None:
    assert run("rm -rf $X > y", "*") == "allow"
    assert said(["*"], {"anything": [1, {"a": None}]}, tool="mcp__x__y") == "allow"
    assert said(["*"], {}) == "allow"


@pytest.mark.parametrize(
    "input",
    [{"dangerouslyDisableSandbox": True}, {"with_escalated_permissions": True}, {"sandbox": False}, {"sandbox": None}],
)
def test_but_none_that_leaves_the_sandbox(input: dict[str, Any]) -> None:
    assert run("ls", "*", **input) is None
    exact = "exact:" + input_hash("Bash", {"command": "ls", **input})
    assert run("ls", exact, **input) == "allow"


def test_an_exact_input_is_that_one_alone() -> None:
    exact = "exact:" + input_hash("Bash", {"command": "a > b", "timeout": 5})
    assert run("a > b", exact, timeout=5) == "allow"
    assert run("a > b", exact, timeout=6) is None
    assert run("a > b", exact) is None
    assert said([exact], {"timeout": 5, "command": "a > b"}) == "allow"
    assert said([exact], {"command": "a > b", "timeout": 5}, tool="Shell") is None
    assert run("a > b", "!" + exact, timeout=5) == "deny"


# Deny ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "rm x", "ls && rm x", "echo $(rm x)", "sudo rm x", "bash -c 'rm x'", "(rm x)", "rm x > y", "RM x", "r\\m x", "'rm' x", "/bin/rm x",
        "ls; rm", "if a; then rm x; fi", "ls ) ; rm x", "echo 'rm x' | sh", "A=b rm x", "rm x # fine", "ls\nrm x",
    ],
)  # fmt: skip
def test_a_deny_wins_wherever_its_command_stands(command: str) -> None:
    assert run(command, "*", "!rm *", command) == "deny"


def test_a_deny_leaves_what_only_names_it() -> None:
    assert run("echo rm x", "echo *", "!rm *") == "allow"
    assert run("echo 'a; rm x'", "echo *", "!rm *") == "allow"


@pytest.mark.parametrize("command", ["$X a", 'eval "$X"', "x=rm; $x a", "ls {a,b}", "cat > x", "a" * 10_001, "ls 'a"])
def test_beside_a_deny_a_star_allows_only_what_can_be_read(command: str) -> None:
    assert run(command, "*", "!rm *") is None
    assert run(command, "*") == "allow"


def test_a_deny_hidden_behind_very_many_words_is_not_overlooked() -> None:
    assert run("env " + "a=b " * 100 + "rm x", "*", "!rm *") is None
    assert run("env " + "a=b " * 10 + "rm x", "*", "!rm *") == "deny"


def test_a_deny_of_any_input_is_of_any_tool_that_it_names() -> None:
    patterns = [Pattern("1", "mcp__github__*", "*", "deny"), Pattern("2", "mcp__*", "*", "allow")]
    assert judge(patterns, Ask("mcp__github__push", {}, None)) == Judged("deny", ("1",))
    assert judge(patterns, Ask("mcp__gitlab__push", {}, None)) == Judged("allow", ("2",))
    assert judge(patterns, Ask("MCP__gitlab__push", {}, None)) is None


# Tools, paths, addresses -------------------------------------------------------------------------------------


def test_a_tool_that_changes_what_is_asked_needs_its_name() -> None:
    assert (
        judge([Pattern("1", "*", "*", "allow"), Pattern("2", "Exit*", "*", "allow")], Ask("ExitPlanMode", {}, None))
        is None
    )
    assert judge([Pattern("1", "ExitPlanMode", "*", "allow")], Ask("ExitPlanMode", {}, None)) == Judged("allow", ("1",))
    assert judge([Pattern("1", "*", "*", "deny")], Ask("ExitPlanMode", {}, None)) == Judged("deny", ("1",))


def test_a_file_is_allowed_by_its_path_whatever_its_content() -> None:
    content: dict[str, Any] = {
        "content": "x",
        "offset": 1,
        "limit": 2,
        "old_string": "a",
        "new_string": "b",
        "replace_all": True,
    }
    for key in ("file_path", "path", "notebook_path", "filepath"):
        assert said(["src/**"], {key: "/ws/src/a", **content}, tool="Write") == "allow", key
    edits = {"edits": [{"old_string": "a", "new_string": "b"}]}
    assert said(["src/**"], {"file_path": "/ws/src/a", **edits}, tool="MultiEdit") == "allow"


@pytest.mark.parametrize(
    "input",
    [
        {"file_path": "/etc/passwd"}, {"file_path": "/ws/src/../x"}, {}, {"file_path": None}, {"file_path": ["/ws/src/a"]},
        {"file_path": "/ws/src/a", "path": "/etc/passwd"}, {"file_path": "/ws/src/a", "mode": "0777"}, {"content": "x"},
        {"file_path": "/ws/src/a", "edits": [{"file_path": "/etc/x"}]}, {"file_path": "/ws/src/a", "url": "https://a.b"},
        {"file_path": "/ws/src/a", "command": "rm"}, {"file_path": "/ws/src/a", "content": {"x": 1}}, {"path": "src", "pattern": "/**"},
    ],
)  # fmt: skip
def test_any_other_file_and_any_other_key_is_not(input: dict[str, Any]) -> None:
    assert said(["src/**"], input, tool="Write") is None


def test_a_deny_of_a_path_looks_at_every_key_that_holds_one() -> None:
    assert said(["*", "!/etc/**"], {"file_path": "/ws/a", "path": "/etc/x"}, tool="Write") == "deny"
    assert said(["*", "!/etc/**"], {"file_path": ["/etc/x y"]}, tool="Write") == "deny"
    assert said(["*", "!/etc/**"], {"file_path": "~/x"}, tool="Write") is None
    assert said(["*", "!/etc/**"], {"file_path": "/ws/x"}, tool="Write") == "allow"


def test_an_address_is_allowed_by_its_host() -> None:
    assert said(["*.example.com"], {"url": "https://a.example.com/x", "prompt": "what?"}, tool="WebFetch") == "allow"
    assert said(["*.example.com"], {"url": "https://a.example.com", "headers": {}}, tool="WebFetch") is None
    assert said(["*.example.com"], {"url": "https://evil.org"}, tool="WebFetch") is None
    assert said(["*", "!evil.org"], {"url": "https://evil.org"}, tool="WebFetch") == "deny"
    assert said(["*", "!evil.org"], {"url": "https:evil"}, tool="WebFetch") is None


def test_an_input_of_another_shape_is_fitted_by_no_pattern() -> None:
    for input in ({"query": "git status"}, {"title": "git status"}, {"cmd": "git status"}, {}):
        assert said(["git status*", "**", "*.example.com"], input) is None


def test_what_an_engine_only_tells_in_a_title_can_be_denied_and_is_allowed_by_no_pattern() -> None:
    told = {"title": "ls; rm x", "content": "[current working directory /ws]"}
    assert said(["ls*", "rm *"], told, tool="shell") is None
    assert said(["*", "!rm *"], told, tool="shell") == "deny"
    assert said(["*", "!touch *"], told, tool="shell") is None
    assert said(["*"], told, tool="shell") == "allow"
    assert said(["*", "!rm *"], told, tool="mcp__x__y") == "allow"


@pytest.mark.parametrize("recording", sorted(RECORDINGS.glob("acp-*.jsonl")), ids=lambda path: path.stem)
def test_what_real_agents_ask_is_fitted_by_plain_patterns(recording: Path) -> None:
    patterns = [Pattern(text, "*", text, "allow") for text in ("touch *", "echo *", "/workspace/**")]
    for line in recording.read_text().splitlines():
        message = json.loads(line).get("m", {})
        if message.get("method") != "session/request_permission":
            continue
        call = ToolCall("1")
        call.merge(message["params"]["toolCall"])
        use = call.use()
        judged = judge(patterns, Ask(use.tool, use.input, "/workspace", links=False))
        text = next((str(use.input[key]) for key in ("command", "file_path", "filepath") if key in use.input), "")
        plain = text.startswith("/workspace/") or (text.startswith("touch ") and text.endswith(" && echo shell-ok"))
        assert (judged is not None) == plain, use


# What can never fit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "pattern", "word"),
    [
        ("Bash", "git status $(rm x)", "substitution"), ("Bash", "cat x > *", "redirection"), ("Bash", "git status && rm*", "one part"),
        ("Bash", "sudo *", "exact text"), ("Bash", "*", ""), ("Bash", "* x", "whole name"), ("Bash", "gi*t x", "whole name"),
        ("Bash", "git add \\*", "expansion"), ("Bash", 'git commit -m "*"', "compared"), ("Bash", "git status*", ""),
        ("bash", "git commit -m '*'", ""), ("shell", "git *", ""), ("Read", "../x", ".."), ("Read", "~/x", "~"), ("Read", "src/**", ""),
        ("WebFetch", "*.com", "two labels"), ("WebFetch", "example.com/x", "no host"), ("WebFetch", "*.example.com", ""),
        ("mcp__x", "/a b/**", ""), ("mcp__x", "ls; rm *", "one part"), ("Bash", "git -c * log", "exact text"),
    ],
)  # fmt: skip
def test_a_pattern_that_could_never_fit_is_known(tool: str, pattern: str, word: str) -> None:
    flaw = never_fits(tool, pattern)
    assert (flaw is None) == (word == "")
    assert word in (flaw or "")
