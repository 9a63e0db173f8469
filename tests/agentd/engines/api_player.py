"""A harness's engine in a process of its own, for a test that kills it: `python -m … ROOT BASE_URL PROMPT`."""

import asyncio
import sys
from pathlib import Path

from tests.support.api import ApiSetting, played


async def main(root: str, base_url: str, prompt: str) -> None:
    async with ApiSetting(Path(root), options={"base_url": base_url}).engine() as engine:
        await played(engine, prompt)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
