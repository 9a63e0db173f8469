"""agent.toml: read strictly, with one sentence that names what is wrong, and written so that it reads back the same."""

import pytest

from hived.deploy.agent_toml import MOST_BYTES, BadAgentToml, applied_to, parse, render
from hived.wire.agents import AgentSpec, SpawnRequest

WHOLE = AgentSpec(
    engine="acp",
    model="fast",
    role="queen",
    prompt="notes/prompt.md",
    runtime="bwrap",
    network=False,
    allow_hosts=["pypi.org", "*.debian.org"],
    read_paths=["/opt/tools"],
    env={"A": 'quo"te\\', "B C": "line\nbreak\x1b[31m\u202e"},
    env_from=["KEY"],
    setup=["make", "echo 'a' > b", "x" * 100],
    can_message=["ada"],
    limits={"usd_per_day": 1.5, "rate_limit_resume": True},
    engine_options={"command": ["a", "b"], "nested": {"list": [{"x": 1}, []], "empty": {}}, "big": 10**30},
    mcp_servers=[{"name": "m", "command": ["x"], "env": {"A": "b"}}],
    rules=[{"tool": "Bash", "pattern": "ls *", "verdict": "allow"}, {"tool": "Read", "verdict": "deny"}],
)


@pytest.mark.parametrize(
    "spec", [WHOLE, AgentSpec(engine="scripted"), AgentSpec(engine="x", network=True, can_message=[])]
)
def test_what_is_written_reads_back_the_same(spec: AgentSpec) -> None:
    text = render(spec, "bee: why\nengine = 'other'")
    assert parse(text.encode()) == spec
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_value_that_toml_has_no_word_for_is_left_out() -> None:
    spec = AgentSpec(engine="api", engine_options={"a": None, "b": [1, None], "c": {"d": None}})
    assert parse(render(spec).encode()).engine_options == {"b": [1], "c": {}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "engine is missing"),
        ("engine = 3", "engine: Input should be a valid string"),
        ('engine = "a"\nmodle = "x"', "there is no key 'modle'; there are engine, model"),
        ('engine = "a"\nname = "eve"', "name is not its config's to say"),
        ('engine = "a"\nrepo = "/"', "repo is not its config's to say"),
        ('engine = "a"\nparent = "q"', "parent is not its config's to say"),
        ('engine = "a"\nrole = "king"', "role: "),
        ('engine = "a"\nnetwork = "yes"', "network: "),
        ('engine = "a"\nsetup = "make"', "setup: "),
        ('engine = "a"\nsetup = [" "]', "setup.0: that is no command"),
        ('engine = "a"\nsetup = ["a\\u0000b"]', "setup.0: that is no command"),
        ('engine = "a"\nprompt = "/etc/shadow"', "prompt: '/etc/shadow' leads out"),
        ('engine = "a"\nprompt = "a/../../b"', "leads out of the config"),
        ('engine = "a"\n[limits]\nx = 2026-01-01', "a date or a time"),
        ('engine = "a"\n[engine_options]\nx = nan', "NaN"),
        ('engine = "a', "is no TOML"),
        ("a = " + "[" * 5000, "is no TOML"),
        ("#" * (MOST_BYTES + 1), "bytes; at most"),
        ("engine = '\udcff'", "is no TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_its_key(text: str, reason: str) -> None:
    with pytest.raises(BadAgentToml) as refused:
        parse(text.encode("utf-8", "surrogateescape"))
    assert reason in refused.value.reason
    assert "\n" not in refused.value.reason


def test_the_agents_name_parent_and_repository_stay_whatever_its_config_says() -> None:
    request = SpawnRequest(name="bee", parent="queen", repo="/src", engine="claude", runtime="bwrap", files={"a": "b"})
    new = applied_to(request, AgentSpec(engine="api", role="queen"), "bwrap")
    assert (new.name, new.parent, new.repo, new.engine, new.role, new.runtime, new.files) == (
        "bee", "queen", "/src", "api", "queen", "bwrap", {},
    )  # fmt: skip
    with pytest.raises(BadAgentToml, match="the queen stays a queen"):
        applied_to(SpawnRequest(name="queen", engine="claude", role="queen"), AgentSpec(engine="api"), "process")
