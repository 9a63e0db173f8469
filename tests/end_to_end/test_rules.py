"""Rules from an agent.toml and from the operator, on what a real engine asks."""

from typing import Any

from tests.support.hive import LiveHive, call, live_hive, wait_until

SCENARIO = """
[[turn]]
repeat = true
steps = [
  {ask_permission = {tool = "Bash", input = {command = "git status && ls -l", description = "look"}}}, {say = "looked"},
  {ask_permission = {tool = "Bash", input = {command = "git status $(rm x)"}}}, {say = "went on"},
  {ask_permission = {tool = "Write", input = {file_path = "src/a.py", content = "x"}}}, {say = "wrote"},
]
"""
RULES = [
    {"tool": "Bash", "pattern": "git status*"},
    {"tool": "Bash", "pattern": "ls*"},
    {"tool": "Bash", "pattern": "rm *", "verdict": "deny", "reason": "nothing is deleted"},
    {"tool": "Write", "pattern": "src/**"},
]


def decided(hive: LiveHive) -> list[dict[str, Any]]:
    return [one for one in hive.get("/v1/approvals?kind=tool_use")[1]["approvals"] if one["status"] != "pending"]


def test_an_engine_is_answered_by_its_rules_and_nobody_is_asked() -> None:
    with live_hive() as hive:
        scenario = hive.home / "scenario.toml"
        scenario.write_text(SCENARIO)
        hive.spawn("worker", "scripted", engine_options={"scenario": str(scenario)}, rules=RULES)
        hive.until_online("worker")
        assert {rule["source"] for rule in hive.get("/v1/rules")[1]["rules"]} == {"agent.toml"}
        workspace = hive.agent("worker")["workspace"]

        hive.post("/v1/messages", {"to": "worker", "body": "work"})
        wait_until(lambda: len(decided(hive)) == 3, "every ask being answered")
        wait_until(lambda: hive.agent("worker")["turn"]["state"] == "idle", "the turn's end")
        assert hive.get("/v1/waiting")[1]["waiting"] == []
        assert [(one["status"], one["decided_by"]["who"]) for one in decided(hive)] == [
            ("approved", "hived"), ("denied", "hived"), ("approved", "hived"),
        ]  # fmt: skip
        assert decided(hive)[1]["note"].endswith("denies Bash rm *: nothing is deleted")
        hits = {rule["pattern"]: rule["hits"] for rule in hive.get("/v1/rules")[1]["rules"]}
        assert hits == {"git status*": 1, "ls*": 1, "rm *": 1, "src/**": 1}

        # A link that leads out of the workspace is not src/.
        [source] = [rule["id"] for rule in hive.get("/v1/rules")[1]["rules"] if rule["pattern"] == "rm *"]
        assert call(hive.paths.host_socket, "DELETE", f"/v1/rules/{source}")[0] == 200
        (hive.home / "outside").mkdir()
        (hive.home / workspace / "src").symlink_to(hive.home / "outside")
        hive.post("/v1/messages", {"to": "worker", "body": "again"})
        [item] = wait_until(lambda: hive.get("/v1/waiting")[1]["waiting"], "the substitution being asked for")
        assert item["subject"] == "Bash git status $(rm x)"
        hive.post(f"/v1/approvals/{item['id']}/approve", {})
        [item] = wait_until(
            lambda: [one for one in hive.get("/v1/waiting")[1]["waiting"] if one["id"] != item["id"]],
            "the file being asked for",
        )
        assert item["subject"] == "Write src/a.py"
