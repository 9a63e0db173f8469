"""What every error is, and the four families that errors.py fills. Standard library only: the CLI loads it on every call."""

from typing import Any, ClassVar


class HiveError(Exception):
    """Base of all. `detail` fills the template and travels with the answer."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    template: ClassVar[str] = "Something failed inside hived; its log says more."

    def __init__(self, message: str | None = None, **detail: Any) -> None:
        self.detail: dict[str, Any] = detail
        self.message = message if message is not None else self.template.format_map(_Blank(detail))
        super().__init__(self.message)

    def to_wire(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "detail": self.detail}


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


class Refused(HiveError):
    status = 400


class Missing(HiveError):
    status = 404
    exit_code = 4


class Conflict(HiveError):
    status = 409
    exit_code = 5


class Unavailable(HiveError):
    status = 503
