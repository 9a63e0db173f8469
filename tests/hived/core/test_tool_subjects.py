"""The one line by which a tool use is listed says what would be done, not what its agent calls it."""

from typing import Any

import pytest

from hived.core.tool_uses import tool_subject


@pytest.mark.parametrize(
    ("input", "line"),
    [
        ({"command": "make", "description": "Look around"}, "Bash make"),
        ({"command": ["rm", "-rf", "a b"], "description": "List files"}, "Bash rm -rf 'a b'"),
        ({"command": " ", "file_path": "/etc/hosts"}, "Bash /etc/hosts"),
        ({"command": "echo ok # done\nrm x"}, "Bash echo ok # done⏎ rm x"),
        ({"command": f"ls{' ' * 5000}; rm x"}, "Bash ls…"),
        ({"command": "ls", "dangerouslyDisableSandbox": True}, "Bash OUTSIDE ITS SANDBOX ls"),
        ({"description": "Tidy up", "prompt": "Look", "subagent_type": "x"}, "Bash Tidy up"),
        ({"description": "Tidy up", "sql": "DROP x"}, 'Bash {"description": "Tidy up", "sql": "DROP x"}'),
        ({"description": 5}, 'Bash {"description": 5}'),
        ({}, "Bash {}"),
    ],
)
def test_a_tool_use_is_listed_by_what_it_does(input: dict[str, Any], line: str) -> None:
    assert tool_subject("Bash", input) == line
