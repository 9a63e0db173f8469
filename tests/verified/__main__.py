"""`python -m tests.verified [NAME…]`: run them all, or those that are named, and write what each printed into docs/VERIFIED.md."""

import importlib
import os
import platform
import re
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
    failed = 0
    for name in wanted:
        script = importlib.import_module(f"tests.verified.{name}")
        began = time.monotonic()
        try:
            lines, result = script.run(), "held"
        except Failed as error:
            lines, result, failed = [str(error)], "FAILED", failed + 1
        took = time.monotonic() - began
        section = "\n".join([
            f"## {(script.__doc__ or name).splitlines()[0]}", "",
            f"`python -m tests.verified {name}` · {result} in {took:.0f} s · {datetime.now(UTC):%Y-%m-%d %H:%M} UTC ·"
            f" revision {revision}", "", "```", *lines, "```", "",
        ])  # fmt: skip
        print(section, flush=True)
        write_down(name, section)
    return 1 if failed else 0


def write_down(name: str, section: str) -> None:
    """Put the section in place of that script's last one, all in the order of NAMES."""
    file = ROOT / "docs/VERIFIED.md"
    known = {name: section}
    for text in re.split(r"(?m)^(?=## )", file.read_text() if file.exists() else "")[1:]:
        found = re.search(r"`python -m tests\.verified (\w+)`", text)
        if found:
            known.setdefault(found[1], text.rstrip("\n") + "\n")
    head = (
        "# Verified\n\nThe last output of each script of `python -m tests.verified`, written by it.\n\n"
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {platform.machine()},"
        f" {os.cpu_count()} cores\n\n"
    )
    file.write_text(head + "\n".join(known[name] for name in NAMES if name in known))


if __name__ == "__main__":
    raise SystemExit(main())
