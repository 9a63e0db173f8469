"""What a config would let an agent do that it may not now is said in words, what matters most first."""

from typing import Any

import pytest

from hived.core.widening import MOST_EACH, MOST_OF_A_KIND, kinds, widened
from hived.wire.agents import AgentSpec


def flags(before: dict[str, Any], after: dict[str, Any], runtime: str = "bwrap") -> list[str]:
    return widened(AgentSpec(engine="claude", **before), AgentSpec(**{"engine": "claude", **after}), runtime)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"role": "queen"}, "role worker → queen"),
        ({}, {"runtime": "process"}, "runtime bwrap → process"),
        ({"network": False}, {"network": True}, "network"),
        ({}, {"engine": "acp"}, "engine claude → acp"),
        ({}, {"engine_options": {"permission_mode": "bypassPermissions"}}, "permission mode: bypassPermissions"),
        ({}, {"engine_options": {"command": ["sh", "-c", "x y"]}}, "command: sh -c 'x y'"),
        ({}, {"engine_options": {"allowed_tools": ["Bash"]}}, "another option: allowed_tools"),
        ({"engine_options": {"sandbox": "on"}}, {}, "an option less: sandbox"),
        ({"setup": ["make"]}, {"setup": ["make", "make install"]}, "new setup: make install"),
        ({}, {"rules": [{"tool": "Bash", "pattern": "git *"}]}, "new rule that allows: Bash git *"),
        ({"rules": [{"tool": "Bash", "verdict": "deny"}]}, {}, "a denial less: Bash"),
        ({"allow_hosts": ["pypi.org"]}, {"allow_hosts": ["pypi.org", "evil.example"]}, "reaches hosts: evil.example"),
        ({}, {"read_paths": ["/etc"]}, "reads: /etc"),
        ({}, {"env_from": ["TOKEN"]}, "is given secrets: TOKEN"),
        ({"env": {"A": "1"}}, {"env": {"A": "2"}}, "another environment: A"),
        ({"env": {"NO_TELEMETRY": "1"}}, {}, "an environment less: NO_TELEMETRY"),
        ({}, {"mcp_servers": [{"name": "x", "command": ["run", "me"]}]}, "runs a tool server: x run me"),
        ({"can_message": []}, {"can_message": ["*"]}, "may write to: *"),
        ({"limits": {"usd_per_day": 5}}, {}, "another limit: usd_per_day 5 → none"),
        ({}, {"limits": {"rate_limit_resume": True}}, "goes on by itself after a rate limit"),
    ],
)  # fmt: skip
def test_each_thing_that_widens_what_it_may_is_a_line(before: dict[str, Any], after: dict[str, Any], said: str) -> None:
    assert flags(before, after) == [said]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({}, {"model": "sonnet", "prompt": "prompt.md"}),
        ({"role": "worker", "network": True}, {"network": False}),
        ({}, {"runtime": "bwrap"}),
        ({"setup": ["a", "b"]}, {"setup": ["b"]}),
        ({}, {"rules": [{"tool": "Bash", "verdict": "deny"}]}),
        ({"rules": [{"tool": "Bash"}]}, {}),
        ({}, {"limits": {"usd_per_day": 5}}),
    ],
)
def test_what_narrows_it_or_has_nothing_to_do_with_that_is_none(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert flags(before, after) == []


def test_hostile_words_stay_one_short_line_and_there_is_an_end_to_them() -> None:
    found = flags({}, {"setup": [f"echo \x1b[2J{number}\nrm -rf /" + "x" * 1000 for number in range(200)]})
    assert len(found) == MOST_OF_A_KIND
    assert found[-1] == f"new setup: and {201 - MOST_OF_A_KIND} more"
    assert all(line.isprintable() and len(line) <= MOST_EACH for line in found)
    assert found[0].startswith("new setup: echo [2J0 rm -rf /")


def test_many_of_one_kind_hide_no_other_kind() -> None:
    found = flags({}, {"setup": [f"echo {number}" for number in range(200)], "read_paths": ["/root"],
                       "rules": [{"tool": "Bash", "pattern": "*"}], "allow_hosts": ["evil.example"],
                       "mcp_servers": [{"name": "x", "command": ["run"]}], "limits": {"rate_limit_resume": True}})  # fmt: skip
    assert kinds(found) == [
        "new setup", "new rule that allows", "reaches hosts", "reads", "runs a tool server", "goes on by itself after a rate limit",
    ]  # fmt: skip


def test_the_kinds_of_many_lines_are_each_named_once() -> None:
    assert kinds(["role worker → queen", "new setup: a", "new setup: b"]) == ["role worker → queen", "new setup"]
