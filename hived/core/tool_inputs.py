"""A tool's input as one value: the same ask again has the same hash."""

import hashlib
import json
from typing import Any


def input_hash(tool: str, input: dict[str, Any]) -> str:
    """SHA-256, in hex, of the tool's name and its exact input: what a one-shot grant and a rule `exact:…` fit."""
    canonical = json.dumps([tool, input], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
