"""`python -m tests.verified [NAME…]`: run them all, and write what they printed into docs/VERIFIED.md."""

import importlib
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime

from tests.verified.shell import ROOT, Failed

NAMES = ("demo", "real_cli", "engines", "kill_hived", "chaos", "decide", "lifecycle", "bench")


def main() -> int:
    wanted = sys.argv[1:] or list(NAMES)
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    sections, failed = [], 0
    for name in wanted:
        script = importlib.import_module(f"tests.verified.{name}")
        began = time.monotonic()
        try:
            lines, result = script.run(), "held"
        except Failed as error:
            lines, result, failed = [str(error)], "FAILED", failed + 1
        took = time.monotonic() - began
        section = [
            f"## {(script.__doc__ or name).splitlines()[0]}", "",
            f"`python -m tests.verified {name}` · {result} in {took:.0f} s", "", "```", *lines, "```", "",
        ]  # fmt: skip
        print("\n".join(section), flush=True)
        sections.append("\n".join(section))
    if wanted == list(NAMES):
        head = (
            "# Verified\n\nThe last output of `python -m tests.verified`, written by it.\n\n"
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · revision {revision} · {platform.system()} {platform.release()}, "
            f"Python {platform.python_version()}, {platform.machine()}\n\n"
        )
        (ROOT / "docs/VERIFIED.md").write_text(head + "\n".join(sections))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
