"""What the stand-in for the Messages API says: scenarios named `@@name` in a prompt, each a list of steps, one per request.

A step is a dict: `text`, `thinking`, `tool` + `input` (or `tools`, several), `delay` (seconds between words), `hold` (wait to
be released before the end of the text), `status` (an HTTP error), `cut` (an error event in mid-stream), `drop` (the
connection is closed in mid-stream), `empty` (a stream without a single event), `headers`, `times` (the step answers that
often before the next one counts), `unless` (the step counts only while the request holds none of these texts).
`@@script [...]` writes the steps into the prompt itself. `$CWD` in a tool's input is the CLI's working folder.
"""

import json
import re
from typing import Any

Step = dict[str, Any]

_NAMED = re.compile(r"@@([a-z0-9_]+)[ \t]*(.*)", re.IGNORECASE)
_CWD = re.compile(r"[Ww]orking directory: (.+)")
_BASH = "echo hello-from-bash > hello.txt && ls hello.txt"
_RESETS_AT = "1900000000"

_LIMIT_HEADERS = {
    "anthropic-ratelimit-unified-reset": _RESETS_AT,
    "anthropic-ratelimit-unified-representative-claim": "five_hour",
    "anthropic-ratelimit-unified-overage-status": "rejected",
    "anthropic-ratelimit-unified-overage-disabled-reason": "org_level_disabled",
    "anthropic-ratelimit-unified-5h-reset": _RESETS_AT,
}

ERRORS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "model: not found"),
    413: ("request_too_large", "Request exceeds the maximum size."),
    429: ("rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}
HELLO = "Hello from the fake model. This is a plain text turn."
WORDS = " ".join(f"word{number}" for number in range(600))


def bash(command: str, description: str = "run") -> Step:
    return {"tool": "Bash", "input": {"command": command, "description": description}}


SCENARIOS: dict[str, list[Step]] = {
    "text": [{"text": HELLO}],
    "thinking": [{"thinking": "Let me think about this. 2 + 2 is 4.", "text": "The answer is 4."}],
    "hidden": [{"thinking": "", "text": "The answer is 4."}],
    "tools": [
        {"text": "I'll run a command first.", **bash(_BASH, "Write and list")},
        {"tool": "Read", "input": {"file_path": "$CWD/hello.txt"}},
        {"text": "The file contains hello-from-bash. Done."},
    ],
    "parallel": [
        {"tools": [bash("echo one"), bash("echo two")]},
        {"text": "Done both."},
    ],
    "permission": [bash("touch made-by-bash", "make a file"), {"text": "Finished."}],
    "write": [{"tool": "Write", "input": {"file_path": "$CWD/w.txt", "content": "x"}}, {"text": "Wrote the file."}],
    "sleep": [bash("python3 -c 'import time; time.sleep(60)'", "Long job"), {"text": "Slept."}],
    "slow": [{"text": WORDS, "delay": 0.05}],
    "hold": [{"text": "Held until the test lets go.", "hold": True}],
    "send": [
        {"tool": "mcp__hive__send", "input": {"to": "operator", "body": "status: done"}},
        {"text": "Message sent."},
    ],
    "whoami": [{"tool": "mcp__hive__whoami", "input": {}}, {"text": "Now I know."}],
    "toolong": [
        {"status": 400, "message": "prompt is too long: 210345 tokens > 200000 maximum", "times": 1_000_000},
    ],
    "overflow": [
        {
            "status": 400,
            "message": "prompt is too long: 210345 tokens > 200000 maximum",
            "times": 1_000_000,
            # what Claude Code asks for, and then begins with, when it compacts
            "unless": ["detailed summary of the conversation", "continued from a previous conversation"],
        },
        {"text": "It fits now."},
    ],
    "empty": [{"empty": True, "times": 1_000_000}],
    "emptyx1": [{"empty": True, "times": 1}, {"text": "All of it."}],
    "dropped": [{"text": "This stream is always cut off in the middle.", "drop": True, "times": 1_000_000}],
    "retryafter": [{"status": 429, "headers": {"retry-after": "3600"}, "times": 1_000_000}],
    "retryafterx1": [{"status": 429, "headers": {"retry-after": "1"}}, {"text": "Recovered."}],
    "midstream": [{"text": "This is going to be", "cut": True, "times": 1_000_000}],
    "drop": [{"text": "This stream is going to be cut off in the middle.", "drop": True}, {"text": "All of it."}],
    "refusal": [{"text": "", "stop_reason": "refusal", "times": 1_000_000}],
    "ratewarn": [
        {
            "text": "You have used most of your limit.",
            "headers": {
                **_LIMIT_HEADERS,
                "anthropic-ratelimit-unified-status": "allowed_warning",
                "anthropic-ratelimit-unified-5h-utilization": "0.93",
                "anthropic-ratelimit-unified-5h-status": "allowed_warning",
                "anthropic-ratelimit-unified-5h-surpassed-threshold": "0.9",
            },
        }
    ],
    "ratereject": [
        {
            "status": 429,
            "times": 1_000_000,
            "headers": {
                **_LIMIT_HEADERS,
                "anthropic-ratelimit-unified-status": "rejected",
                "anthropic-ratelimit-unified-5h-utilization": "1",
                "anthropic-ratelimit-unified-5h-status": "rejected",
                "retry-after": "3600",
            },
        }
    ],
}


def steps_of(name: str, rest: str) -> list[Step]:
    """The steps of one scenario: a written one, `script`, a status (`429`) or a status that passes (`429x2`)."""
    if name == "script":
        try:
            found = json.JSONDecoder().raw_decode(rest)[0]
        except ValueError as broken:
            return [{"text": f"The script is not JSON: {broken}"}]
        return [dict(step) for step in found] if isinstance(found, list) else [{"text": "The script is no list."}]
    status = re.fullmatch(r"(\d{3})(?:x(\d+))?", name)
    if status:
        times = int(status[2]) if status[2] else 1_000_000
        return [{"status": int(status[1]), "times": times}, {"text": f"Recovered after {status[1]}."}]
    return SCENARIOS.get(name, [{"text": "OK (no scenario)."}])


class Script:
    """Which step answers which request. Retries of the same request count against the step's `times`."""

    def __init__(self) -> None:
        self._answered: dict[str, int] = {}

    def step_for(self, request: dict[str, Any]) -> Step:
        """The step for this request: the last user message that names a scenario decides, and the model's own messages
        after it say how far it has got."""
        messages = request.get("messages", [])
        for index in range(len(messages) - 1, -1, -1):
            message = messages[index]
            found = list(_NAMED.finditer(_text_of(message))) if message.get("role") == "user" else []
            if not found:
                continue
            named = found[-1]  # the CLI puts a message that got no answer and the next one into one
            steps = steps_of(named[1].lower(), named[2])
            done = sum(1 for later in messages[index + 1 :] if later.get("role") == "assistant")
            steps = [step for step in steps if not _held_back(step, messages)]
            return self._nth(steps, done, key=f"{len(messages)}:{_session(request)}:{named[0]}")
        return {"text": "OK (no scenario)."}

    def _nth(self, steps: list[Step], done: int, key: str) -> Step:
        seen = self._answered.get(key, 0)
        self._answered[key] = seen + 1
        position, left = done, seen
        while position < len(steps) and any(steps[position].get(kind) for kind in ("status", "drop", "empty")):
            times = int(steps[position].get("times", 1))
            if left < times:
                break
            left -= times
            position += 1
        if position >= len(steps):
            return {"text": f"(the scenario is over; step {done})"}
        return steps[position]


def _held_back(step: Step, messages: list[dict[str, Any]]) -> bool:
    return any(words in _text_of(message) for message in messages for words in step.get("unless", ()))


def working_folder(request: dict[str, Any]) -> str:
    """The CLI's working folder as its system prompt names it; `.` where it does not."""
    system = request.get("system", "")
    text = system if isinstance(system, str) else "\n".join(str(block.get("text", "")) for block in system)
    found = _CWD.search(text)
    return found[1].strip() if found else "."


def _session(request: dict[str, Any]) -> str:
    return str(request.get("metadata", {}).get("user_id", ""))


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content", "")
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content if block.get("type") == "text")
