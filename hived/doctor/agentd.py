"""What only agentd can say, of engines, runtimes and their options: asked of `python -m agentd …`, one short process each."""

import asyncio
import json
import os
import sys

from hived.wire.errors import Internal

ASK_SECONDS = 30.0
"""agentd asks each engine for its version."""


async def ask_agentd(*words: str, given: bytes = b"") -> object:
    """The JSON that `agentd WORDS` prints, with `given` on its stdin. Raises Internal where it gives none in time."""
    what = " ".join(("agentd", *words))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "agentd", *words,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ), start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(ASK_SECONDS):
            out, complaint = await child.communicate(given)
    except TimeoutError:
        child.kill()
        await child.wait()
        raise Internal(f"{what} did not answer within {ASK_SECONDS:g} s.") from None
    if child.returncode:
        last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Internal(f"{what} exited with code {child.returncode}: {' '.join(last)}")
    try:
        found: object = json.loads(out)
    except ValueError as error:
        raise Internal(f"{what} printed something that is no JSON.") from error
    return found
