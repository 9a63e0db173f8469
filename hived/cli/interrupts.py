"""Ctrl-C that is heard whatever the command does at that moment.

Python only notes a signal, and acts on the note between two of its own steps. So a command that is just about to wait
(for an answer, a key, a program) waits on with the note unread; and a KeyboardInterrupt that is raised in a finalizer or
a weak reference's callback is dropped there. Here a thread looks after the note: for as long as nobody has acted on it, it
nudges the main thread out of its waiting with a signal that means nothing else.
"""

import _thread
import contextlib
import os
import signal
import sys
import time
from select import select
from types import FrameType

NUDGE = signal.SIGURG
"""Where nobody listens for it, it is ignored."""
MOMENT_SECONDS = 0.05
"""In which the main thread acts on a note by itself, nearly always."""


class _Interrupts:
    def __init__(self) -> None:
        self._notes, self.note = os.pipe()
        for end in (self._notes, self.note):
            os.set_blocking(end, False)
        self._main = _thread.get_ident()
        self._dropped = False

    def interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._would_be_dropped(frame):
            self._dropped = True
            return
        self._act()
        raise KeyboardInterrupt

    def nudged(self, number: int, frame: FrameType | None) -> None:
        if self._would_be_dropped(frame):
            return
        self._act()
        if self._dropped:
            self._dropped = False
            raise KeyboardInterrupt

    def dropped(self, what: "sys.UnraisableHookArgs") -> None:
        if not issubclass(what.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(what)
            return
        self._dropped = True
        with contextlib.suppress(BlockingIOError):
            os.write(self.note, b"\0")

    def look_after(self) -> None:
        while True:
            select([self._notes], [], [])
            time.sleep(MOMENT_SECONDS)
            if select([self._notes], [], [], 0)[0]:
                signal.pthread_kill(self._main, NUDGE)

    def _act(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._notes, 4096):
                pass

    def _would_be_dropped(self, frame: FrameType | None) -> bool:
        """What is raised inside `dropped` is lost for good; anywhere else `dropped` hears of it."""
        while frame is not None:
            if frame.f_code is _Interrupts.dropped.__code__:
                return True
            frame = frame.f_back
        return False


def listen() -> None:
    """From here on every SIGINT is a KeyboardInterrupt in the main thread, within moments. One that is ignored stays so."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    interrupts = _Interrupts()
    signal.set_wakeup_fd(interrupts.note, warn_on_full_buffer=False)
    signal.signal(NUDGE, interrupts.nudged)
    sys.unraisablehook = interrupts.dropped
    signal.signal(signal.SIGINT, interrupts.interrupted)
    # A signal that the main thread holds back for a while must not come in by the other one.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        _thread.start_new_thread(interrupts.look_after, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_to_asyncio() -> None:
    """asyncio cancels what runs instead of breaking into it, but only where SIGINT is as Python sets it."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def over() -> None:
    """All is said: a Ctrl-C changes nothing any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
