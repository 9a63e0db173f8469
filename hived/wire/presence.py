"""Presence: whether somebody looks at a screen just now, so that nothing is notified that is seen anyway."""

from pydantic import Field

from hived.wire.base import Answer, WireModel

CLIENT_ID = r"^[A-Za-z0-9_.-]{1,64}$"
"""What a client calls itself for as long as it runs: a random one, made anew at each start."""


class PresenceSaid(WireModel):
    """`POST /v1/presence`. It counts while that client's feed (`GET /v1/feed?client_id=`) is open, and is forgotten with it."""

    client_id: str = Field(pattern=CLIENT_ID)
    focused: bool
    """Its screen has the focus: somebody sees what arrives."""


class Presence(Answer):
    client_id: str
    attached: bool
    """Whether a feed of that client is open. Where none is, what it says counts for nothing."""
    focused: bool
    """Whether hived takes it for focused now."""
    somebody: bool
    """Whether any client is: then the notify command is not run."""
