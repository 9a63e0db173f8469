"""What a scenario may hold: each step's verb with its value and keys, what a replay may say, what `[engine]` knows.

Standard library only: the player loads it.
"""

OUTCOMES = ("ok", "failed", "cancelled", "prompt_too_long", "rate_limited", "needs_login", "over_budget")
CONDITIONS = ("needs_login", "rate_limited", "over_budget")
"""Those that an engine knows of."""
MESSAGE_KINDS = ("message", "question", "answer", "reminder", "report")
WAKES = ("message", "checkpoint", "compact")
ALWAYS = -1
MOST_TIMES = 1_000_000

TEXT, NUMBER, COUNT, FLAG, TABLE = "a text", "a number from 0 up", "a whole number from 0 up", "true", "a table"
CODE, BOOLEAN = "an exit code from 0 to 255", "true or false"
NAMES, JSON = "a list of names, each once", "a table, or a text that holds one as JSON"
TEXTS, CHOSEN = "a list of texts", "a list of numbers from 1 up and of texts"
FLAG_OR_TABLE, TEXT_OR_TABLE = "true, or a table", "a text, or a table"
VERDICT = "allowed or denied"

STEPS: dict[str, tuple[str, dict[str, str]]] = {
    "say": (TEXT, {"pace": NUMBER}),
    "say_settings": (FLAG, {}),
    "think": (TEXT, {"pace": NUMBER, "hidden": FLAG}),
    "note": (TEXT, {"level": TEXT}),
    "shell": (TEXT, {"timeout_seconds": NUMBER}),
    "write": (TABLE, {}),
    "edit": (TABLE, {}),
    "read": (TABLE, {}),
    "send": (TABLE, {}),
    "reply_all": (TEXT, {}),
    "ask": (TABLE, {}),
    "escalate": (TEXT_OR_TABLE, {}),
    "answer": (TEXT_OR_TABLE, {}),
    "answer_all": (TEXT_OR_TABLE, {}),
    "reply_escalation": (TEXT_OR_TABLE, {}),
    "remind": (TABLE, {}),
    "cancel_reminder": (TEXT, {}),
    "open_threads": (FLAG, {}),
    "receipts": (FLAG_OR_TABLE, {}),
    "spawn": (TABLE, {}),
    "propose": (TABLE, {}),
    "inbox": (FLAG_OR_TABLE, {}),
    "peers": (FLAG, {}),
    "whoami": (FLAG, {}),
    "ask_permission": (TABLE, {}),
    "wait_seconds": (NUMBER, {}),
    "work_seconds": (NUMBER, {}),
    "wait_for_file": (TEXT, {"timeout_seconds": NUMBER}),
    "usage": (TABLE, {}),
    "model": (TEXT, {}),
    "condition": (TABLE, {}),
    "fail": (TABLE, {}),
    "limit": (TABLE, {}),
    "needs_login": (TEXT, {}),
    "exit": (CODE, {}),
    "replay": (TABLE, {}),
}
"""Each step's verb, what its value is, and the further keys beside it; `times` goes with every one."""

UNTIL = {"until": TEXT, "until_seconds": NUMBER}
_ASKED = {"options": TEXTS, "multi": BOOLEAN, "deadline": TEXT, "deadline_seconds": NUMBER}
FIELDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "write": ({"path": TEXT, "text": TEXT}, {}),
    "edit": ({"path": TEXT, "find": TEXT, "replace": TEXT}, {}),
    "read": ({"path": TEXT}, {}),
    "send": ({"to": TEXT, "body": TEXT}, {"reply_to": TEXT}),
    "ask": ({"text": TEXT}, {"to": TEXT, "escalate": BOOLEAN, **_ASKED}),
    "escalate": ({"text": TEXT}, _ASKED),
    "answer": ({}, {"question_id": TEXT, "text": TEXT, "options": CHOSEN}),
    "answer_all": ({}, {"text": TEXT, "options": CHOSEN}),
    "reply_escalation": ({}, {"request_id": TEXT, "text": TEXT, "options": CHOSEN}),
    "remind": ({"text": TEXT}, {"delay_seconds": NUMBER, "at": TEXT}),
    "propose": ({"agent": TEXT}, {"commit": TEXT, "repo": TEXT, "reason": TEXT}),
    "receipts": ({}, {"message_id": TEXT}),
    "inbox": ({}, {"wait": NUMBER, "max": COUNT}),
    "ask_permission": ({"tool": TEXT, "input": TABLE}, {"expect": VERDICT, "run": FLAG}),
    "condition": ({"kind": TEXT}, {"on": BOOLEAN, "detail": TEXT, **UNTIL}),
    "fail": ({"outcome": TEXT}, {"error": TEXT, "retryable": BOOLEAN, "until_compacted": FLAG, **UNTIL}),
    "limit": ({}, {"detail": TEXT, **UNTIL}),
}
"""Of the steps whose value is a table: the keys it must have, and those it may have. Others hold whatever they hold."""

HAVE_A_MOMENT = ("condition", "fail", "limit", "replay")

CTX, COST = {"tokens": COUNT, "window": COUNT}, {"tokens": COUNT, "usd": NUMBER, "estimated": BOOLEAN}
REPLAYED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "text": ({"text": TEXT}, {}),
    "thinking": ({"text": TEXT}, {"hidden": BOOLEAN}),
    "note": ({"text": TEXT}, {"level": TEXT}),
    "tool_use": ({"tool_use_id": TEXT, "tool": TEXT, "input": JSON}, {}),
    "tool_result": ({"tool_use_id": TEXT, "tool": TEXT, "is_error": BOOLEAN, "text": TEXT}, {}),
    "token_usage_changed": ({}, {"ctx": TABLE, "cost": TABLE}),
    "model_changed": ({"model": TEXT}, {}),
    "status_changed": ({"condition": TEXT, "on": BOOLEAN}, {"detail": TEXT, **UNTIL}),
    "message_out": ({"to": TEXT, "body": TEXT}, {}),
    "turn_end": (
        {"outcome": TEXT},
        {"error": TEXT, "retryable": BOOLEAN, "ctx": TABLE, "cost": TABLE, **UNTIL},
    ),
}
"""Of `replay`, by the `kind` of the recorded event: the keys of its payload that an engine says."""

ENGINE = {
    "models": "a list of names, or of tables with a name",
    "closed_models": BOOLEAN,
    "efforts": NAMES,
    "permission_modes": NAMES,
    "at_once": BOOLEAN,
    "window": COUNT,
    "compact": 'true, false or "fails"',
    "resume": '"ok", "refused" or "refused once"',
    "steer": BOOLEAN,
    "forgets": BOOLEAN,
}
MODEL = {"name": TEXT, "title": TEXT, "description": TEXT, "window": COUNT}
DEFAULTS = {"pace": NUMBER, "timeout_seconds": NUMBER}
