"""What something may cost, by this process's own time: a machine that does much else takes nothing from it."""

import contextlib
import time
from collections.abc import Iterator


@contextlib.contextmanager
def costs_at_most(seconds: float) -> Iterator[None]:
    began = time.process_time()
    yield
    spent = time.process_time() - began
    assert spent < seconds, f"{spent:.1f} s, and not {seconds:g} s at most"
