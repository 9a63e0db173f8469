"""The operator's calls, for what the routes and the supervision share."""

from tests.hived.api.conftest import host

__all__ = ["host"]
