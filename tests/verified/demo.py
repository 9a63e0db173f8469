"""From an empty folder: a fresh clone, `make demo` shows three live agents; `hive demo --headless` exits 0."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.verified.shell import ROOT, expect, screen, wait_until

AGENTS = ("queen", "builder", "scout")


def run() -> list[str]:
    said: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))
    try:
        clone = folder / "hivetui"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True, timeout=120)
        env = {name: value for name, value in os.environ.items() if name not in ("HIVE_HOME", "VIRTUAL_ENV")}
        began = time.monotonic()
        with screen("make demo", env, cwd=clone) as shown:
            wait_until(lambda: all(name in shown.text() for name in ("queen", "builder")), "the demo's screen", 300)
            said.append(
                f"make demo: the first agents on the screen {time.monotonic() - began:.0f} s after the command, set-up included"
            )
            wait_until(lambda: "scout" in shown.text() and "waiting" in shown.text(), "the spawn of scout waiting", 120)
            shown.keys("w")
            wait_until(lambda: "approve" in shown.text(), "the decision's keys", 20)
            shown.keys("a")
            wait_until(
                lambda: "3 agents" in shown.text() and live(shown.text()) == set(AGENTS), "three live agents", 60
            )
            said += ["the screen after approving scout with `w`, `a`:"]
            said += ["    " + line.rstrip() for line in shown.text().splitlines() if line.strip()]
            shown.keys("q")
        hive = clone / ".venv/bin/hive"
        began = time.monotonic()
        done = subprocess.run(
            [hive, "demo", "--headless", "--json"],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        expect(done.returncode == 0, f"hive demo --headless exited {done.returncode}: {done.stderr}")
        said += [
            f"hive demo --headless: exit 0 in {time.monotonic() - began:.1f} s",
            "    " + json.dumps(json.loads(done.stdout)),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return said


def live(text: str) -> set[str]:
    """Those that the list on the left shows with a state."""
    return set(re.findall(r"^│ [●○▲◐☾] (\w[\w-]*)", text, re.MULTILINE))


if __name__ == "__main__":
    print(*run(), sep="\n")
