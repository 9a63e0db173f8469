"""A server over stdio around McpResponder, for the real client library to talk to."""

import asyncio
import json
import sys

from agentd.tools.mcp_responder import McpResponder
from tests.support.claude import RecordedTools


async def serve() -> None:
    responder = McpResponder(RecordedTools(), "hive", "1", log=lambda line: print(line, file=sys.stderr))
    while line := await asyncio.to_thread(sys.stdin.readline):
        answer = await responder.respond(json.loads(line))
        if answer is not None:
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
