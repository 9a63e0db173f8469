"""An answer of hived becomes the error that it was."""

import json

import pytest

from hived.client.errors import error_from_wire
from hived.wire.errors import (
    BY_CODE,
    AgentNotFound,
    Conflict,
    EventGap,
    HiveError,
    Internal,
    Missing,
    Refused,
    Unavailable,
)


@pytest.mark.parametrize("code", BY_CODE)
def test_every_code_comes_back_as_its_class(code: str) -> None:
    error = error_from_wire(BY_CODE[code].status, {"code": code, "message": "so it is", "detail": {"message": "x"}})
    assert type(error) is BY_CODE[code]
    assert error.message == "so it is"
    assert error.detail == {"message": "x"}


def test_bytes_and_text_are_read_as_json() -> None:
    body = json.dumps(AgentNotFound(name="ann").to_wire())
    assert isinstance(error_from_wire(404, body), AgentNotFound)
    assert error_from_wire(404, body.encode()).message == "There is no agent 'ann'."


def test_the_detail_survives() -> None:
    error = error_from_wire(409, EventGap(first=9, expected=3).to_wire())
    assert error.detail["expected"] == 3


@pytest.mark.parametrize(("status", "family"), [(404, Missing), (409, Conflict), (422, Refused), (503, Unavailable)])
def test_a_code_of_a_newer_hived_keeps_its_name_in_its_family(status: int, family: type[HiveError]) -> None:
    error = error_from_wire(status, {"code": "brand_new", "message": "unheard of", "detail": {}})
    assert isinstance(error, family)
    assert (error.code, error.status, error.message) == ("brand_new", status, "unheard of")


@pytest.mark.parametrize("body", [b"<html>bad gateway</html>", b"", b"[1]", b'{"message": "x"}', None, b"\xff\xfe"])
def test_what_is_no_error_of_ours_is_internal_and_shown(body: object) -> None:
    error = error_from_wire(502, body)
    assert isinstance(error, Internal)
    assert "502" in error.message
