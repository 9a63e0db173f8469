"""`python -m tests.benchmarks [NAME…]`: run them; with CHECK=1 exit 1 where one misses its mark."""

import importlib
import os
import sys

from tests.benchmarks.measure import Finding

NAMES = (
    "start",
    "approve",
    "memory",
    "pane",
    "diff",
    "events",
    "snapshot",
    "decisions",
    "broker",
    "claude",
    "hundred",
    "walls",
)


def main() -> int:
    wanted = sys.argv[1:] or list(NAMES)
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    missed = 0
    print(f"{'what':<44} {'measured':>20}  {'floor':>26}  {'ratio':>9}  {'mark':<22}")
    for name in wanted:
        findings: list[Finding] = importlib.import_module(f"tests.benchmarks.bench_{name}").run()
        for finding in findings:
            print(finding.line(), flush=True)
            missed += finding.ok is False
    return 1 if missed and os.environ.get("CHECK") == "1" else 0


if __name__ == "__main__":
    raise SystemExit(main())
