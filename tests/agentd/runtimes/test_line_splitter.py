"""Bytes into lines, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from agentd.runtimes.line_splitter import LineSplitter


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=20), st.integers(1, 7))
def test_lines_come_out_as_they_went_in_however_they_are_chopped(lines: list[bytes], size: int) -> None:
    data = b"".join(line + b"\n" for line in lines)
    splitter = LineSplitter()
    found = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    assert found == lines
    assert splitter.rest() is None


def test_the_last_line_needs_no_end() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\ntw") == [b"one"]
    assert splitter.feed(b"o") == []
    assert splitter.rest() == b"two"


def test_a_line_over_the_limit_is_dropped_and_counted_and_its_neighbours_are_not() -> None:
    splitter = LineSplitter(limit=10)
    found = splitter.feed(b"short\n" + b"x" * 8)
    found += splitter.feed(b"x" * 8)
    found += splitter.feed(b"x" * 4 + b"\nafter\n")
    assert found == [b"short", b"after"]
    assert splitter.dropped == [20]


def test_an_over_long_line_takes_no_memory() -> None:
    splitter = LineSplitter(limit=1000)
    for _ in range(1000):
        splitter.feed(b"x" * 900)
    assert splitter._held <= 1000
    assert splitter.rest() is None
    assert splitter.dropped == [900_000]
