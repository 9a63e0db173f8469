"""A diff as rows: what stands where, in one column and side by side; whatever the text is, nothing is lost and nothing raises."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivetui.state.diff_lines import Side
from hivetui.state.diffs import Diff, Row
from tests.support.cost import costs_at_most

SIMPLE = """diff --git a/src/one.py b/src/one.py
index 3b6eeed..5ea2ed4 100644
--- a/src/one.py
+++ b/src/one.py
@@ -1,4 +1,5 @@ def first():
 same
-old line here
+new line here
+another
 same too
@@ -40,2 +41,1 @@
-gone
 kept
"""
SEVERAL = """diff --git a/old name b/new name
similarity index 95%
rename from old name
rename to new name
index 1..2 100755
--- a/old name\t
+++ b/new name\t
@@ -1 +1 @@
-a
\\ No newline at end of file
+b
\\ No newline at end of file
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git a/gone b/gone
deleted file mode 100644
index 1..0
--- a/gone
+++ /dev/null
@@ -1,2 +0,0 @@
-one
--- two
diff --git a/pic.png b/pic.png
new file mode 100644
index 0..1
Binary files /dev/null and b/pic.png differ
diff --git "a/gr\\303\\274n\\t.txt" "b/gr\\303\\274n\\t.txt"
new file mode 100644
--- /dev/null
+++ "b/gr\\303\\274n\\t.txt"
@@ -0,0 +1 @@
+diff --git a/x b/x
"""
COMBINED = """diff --cc a.txt
index 1,2..3
--- a/a.txt
+++ b/a.txt
@@@ -1,2 -1,2 +1,3 @@@
  both
- ours
 -theirs
++merged
"""
PLAIN = """--- one.txt\t2026-01-01
+++ one.txt\t2026-01-02
@@ -1 +1 @@
-a
+b
--- two.txt
+++ two.txt
@@ -1 +1 @@
-c
+d
"""


def said(side: Side | None) -> str:
    if side is None:
        return ""
    text = "".join(part for part, _ in side.spans)
    sign = {"same": " ", "removed": "-", "added": "+"}[side.tone]
    return f"{'' if side.number is None else side.number}{sign}{text}{'⏎' if side.unended else ''}"


def single(row: Row) -> str:
    if row.kind == "file":
        assert row.facts is not None
        return f"= {row.facts.path}"
    if row.kind == "hunk":
        return f"@ {row.heading}"
    if row.kind == "other":
        return f"? {said(row.new)[1:]}"
    return said(row.new or row.old)


def beside(row: Row) -> str:
    return f"{said(row.old)} | {said(row.new)}" if row.kind == "line" else single(row)


def all_rows(diff: Diff, *, sides: bool) -> list[Row]:
    return diff.rows(0, diff.count(sides=sides), sides=sides)


def test_in_one_column_it_reads_as_git_wrote_it() -> None:
    assert [single(row) for row in all_rows(Diff(SIMPLE), sides=False)] == [
        "= src/one.py", "@ def first():", "1 same", "2-old line here", "2+new line here", "3+another", "4 same too", "@ ", "40-gone",
        "41 kept",
    ]  # fmt: skip


def test_side_by_side_what_changed_stands_beside_what_it_was() -> None:
    assert [beside(row) for row in all_rows(Diff(SIMPLE), sides=True)] == [
        "= src/one.py", "@ def first():", "1 same | 1 same", "2-old line here | 2+new line here", " | 3+another",
        "3 same too | 4 same too", "@ ", "40-gone | ", "41 kept | 41 kept",
    ]  # fmt: skip


def test_words_that_changed_are_marked_in_both() -> None:
    row = Diff(SIMPLE).row(3, sides=True)
    assert row.old is not None
    assert row.new is not None
    assert row.old.spans == (("old", "word"), (" line here", ""))
    assert row.new.spans == (("new", "word"), (" line here", ""))
    assert Diff(SIMPLE).row(3, sides=False).old == row.old


def test_every_kind_of_file_says_what_it_is() -> None:
    diff = Diff(SEVERAL)
    facts = [diff.facts(number) for number in range(diff.files)]
    assert [(fact.path, fact.status) for fact in facts] == [
        ("new name", "renamed"), ("run.sh", "changed"), ("gone", "deleted"), ("pic.png", "added"), ("grün\t.txt", "added"),
    ]  # fmt: skip
    assert (facts[0].old_path, facts[0].similarity) == ("old name", "95%")
    assert facts[1].modes == ("100644", "100755")
    assert [fact.binary for fact in facts] == [False, False, False, True, False]
    assert [diff.counts(number) for number in range(diff.files)] == [(1, 1), (0, 0), (0, 2), (0, 0), (1, 0)]


def test_markers_and_lines_that_look_like_heads_are_what_they_are() -> None:
    rows = [single(row) for row in all_rows(Diff(SEVERAL), sides=False)]
    assert rows == [
        "= new name", "@ ", "1-a⏎", "1+b⏎", "= run.sh", "= gone", "@ ", "1-one", "2--- two", "= pic.png", "= grün\t.txt", "@ ",
        "1+diff --git a/x b/x",
    ]  # fmt: skip
    assert "1-a⏎ | 1+b⏎" in [beside(row) for row in all_rows(Diff(SEVERAL), sides=True)]


def test_a_combined_diff_is_read_by_all_its_signs() -> None:
    diff = Diff(COMBINED)
    assert [single(row) for row in all_rows(diff, sides=False)] == [
        "= a.txt", "@ ", "1 both", "-ours", "-theirs", "2+merged"
    ]  # fmt: skip
    assert [beside(row) for row in all_rows(diff, sides=True)][2:] == [
        " both | 1 both",
        "-ours | 2+merged",
        "-theirs | ",
    ]


def test_a_diff_without_git_has_files_too() -> None:
    diff = Diff(PLAIN)
    assert [diff.facts(number).path for number in range(diff.files)] == ["one.txt", "two.txt"]
    assert [single(row) for row in all_rows(diff, sides=False)][-3:] == ["@ ", "1-c", "1+d"]


def test_what_is_no_diff_is_shown_as_it_is() -> None:
    assert [single(row) for row in all_rows(Diff("commit 1\n\n    words\n" + SIMPLE + "-- \n2.39.5\n"), sides=True)][:4] == [
        "? commit 1", "? ", "?     words", "= src/one.py",
    ]  # fmt: skip
    assert [single(row) for row in all_rows(Diff(SIMPLE + "-- \n2.39.5\n"), sides=False)][-2:] == ["? -- ", "? 2.39.5"]
    assert [single(row) for row in all_rows(Diff("nothing of the kind"), sides=False)] == ["? nothing of the kind"]
    assert Diff("").count(sides=True) == Diff("\n\n").count(sides=False) == 0


@pytest.mark.parametrize("head", ["@@", "@@ -x +y @@", "@@ -1 +1", "@@@@ nonsense", "@@ -99999999999999999999,1 +1 @@"])
def test_a_hunk_that_one_cannot_count_by_is_shown_as_it_is(head: str) -> None:
    rows = [single(row) for row in all_rows(Diff(f"diff --git a/x b/x\n{head}\n-a\n+b\n"), sides=True)]
    assert rows == ["= x", f"@ {head}", "? -a", "? +b"]


def test_hostile_lines_are_shown_with_their_codes_and_tabs_as_blanks() -> None:
    diff = Diff("diff --git a/x b/x\n@@ -0,0 +1,4 @@ \x1b[31mfn\n+\x1b]0;t\x07\n+a\tb\n+漢\tb\n+safe\u202egnp\r\n")
    assert [single(row) for row in all_rows(diff, sides=False)] == [
        "= x", "@ \\e[31mfn", "1+\\e]0;t\\x07", "2+a   b", "3+漢  b", "4+safe\\u202egnp\\r",
    ]  # fmt: skip
    marks = [mark for _, mark in diff.row(2, sides=False).new.spans]  # type: ignore[union-attr]
    assert marks == ["code", "", "code"]


def test_one_goes_from_file_to_file_and_from_change_to_change() -> None:
    diff = Diff(SIMPLE + SEVERAL)
    for sides in (False, True):
        rows = all_rows(diff, sides=sides)
        for kind, go in (("file", diff.next_file), ("hunk", diff.next_hunk)):
            expected = [number for number, row in enumerate(rows) if row.kind == kind]
            found, at = [], -1
            while (number := go(at, 1, sides=sides)) is not None:
                found.append(number)
                at = number
            assert found == expected
            assert go(expected[-1], -1, sides=sides) == expected[-2]
            assert go(expected[0], -1, sides=sides) is None
        assert [diff.file_row(file, sides=sides) for file in range(diff.files)] == [
            number for number, row in enumerate(rows) if row.kind == "file"
        ]


def test_words_are_found_forwards_backwards_and_round_the_end() -> None:
    diff = Diff(SIMPLE + SEVERAL)
    for sides in (False, True):
        rows = [beside(row) for row in all_rows(diff, sides=sides)]
        wanted = [number for number, row in enumerate(rows) if "line here" in row and not row.startswith(("=", "@"))]
        first = diff.find("LINE here".lower(), -1, 1, sides=sides)
        assert first == wanted[0]
        assert diff.find("line here", wanted[-1], 1, sides=sides) == wanted[0]
        assert diff.find("line here", wanted[0], -1, sides=sides) == wanted[-1]
        assert diff.find("Line Here", 0, 1, sides=sides) is None
        assert diff.find("first():", -1, 1, sides=sides) == 1
        assert diff.find("kept", 0, 1, sides=sides) == rows.index("41 kept | 41 kept")
        assert diff.find("b", rows.index("41 kept | 41 kept"), 1, sides=sides) is not None


def test_nothing_is_found_where_it_is_not_or_in_what_is_not_shown() -> None:
    diff = Diff(SIMPLE)
    assert [diff.find(words, 0, 1, sides=False) for words in ("nowhere", "", "a\nb", "index 3b6eeed", "+new")] == [
        None
    ] * 5
    assert Diff("").find("x", 0, 1, sides=True) is None


@pytest.mark.parametrize("number", [-1, 10, 10_000])
def test_a_row_that_is_not_there_is_an_error_and_a_stretch_ends_there(number: int) -> None:
    diff = Diff(SIMPLE)
    with pytest.raises(IndexError):
        diff.row(number, sides=False)
    assert len(diff.rows(-5, 10_000, sides=False)) == diff.count(sides=False) == 10


ROW = st.text(alphabet="ab \t-+@\\\x1b漢", max_size=8)


@st.composite
def versions(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    lines = st.lists(ROW, max_size=30)
    old = draw(lines)
    new = list(old)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(new)))
        new[at : at + draw(st.integers(0, 3))] = draw(st.lists(ROW, max_size=3))
    return old, new


@settings(max_examples=60, deadline=None)
@given(versions(), st.booleans())
def test_real_diffs_of_any_two_texts_say_both(
    tmp_path_factory: pytest.TempPathFactory, both: tuple[list[str], list[str]], ended: bool
) -> None:
    """Read back from the rows, the old side is the old text and the new side the new one, in both layouts."""
    folder = tmp_path_factory.mktemp("diff")
    for name, lines in zip(("old", "new"), both, strict=True):
        (folder / name).write_bytes(("\n".join(lines) + ("\n" if ended and lines else "")).encode())
    words = ["git", "diff", "--no-index", "--no-color", "-U999", "old", "new"]
    text = subprocess.run(words, cwd=folder, capture_output=True, check=False).stdout.decode()
    old = (folder / "old").read_bytes().decode()
    diff = Diff(text)
    if text == "":
        assert old == (folder / "new").read_bytes().decode()
        return
    for sides in (False, True):
        rows = [row for row in all_rows(diff, sides=sides) if row.kind == "line"]
        for name, side_of in (("old", lambda row: row.old), ("new", lambda row: row.new)):
            shown = [side for side in map(side_of, rows) if side is not None]
            assert [side.number for side in shown] == list(range(1, len(shown) + 1))
            written = (folder / name).read_bytes().decode()
            assert len(shown) == len(written.split("\n")) - (1 if written.endswith("\n") or not written else 0)
            assert [side.unended for side in shown[:-1]] == [False] * (len(shown) - 1 if shown else 0)


GARBAGE = st.lists(
    st.sampled_from(
        ["diff --git a/x b/x", "diff --cc y", "@@ -1,2 +1,2 @@", "@@@ -1 -1 +1 @@@", "@@ -0,0 +1 @@", "@@", "--- a/x", "+++ b/x", "-a",
         "+b", " c", "", "\\ No newline", "\\", "rename from q", "rename to \"", "Binary files", "\x00\x1b", "\ud800", "- -", "++x"]
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(GARBAGE, st.sampled_from(["\n", "\r\n"]), st.text(alphabet="ab-+ @", min_size=1, max_size=2))
def test_whatever_it_is_nothing_raises_and_no_line_is_shown_twice(lines: list[str], ending: str, wanted: str) -> None:
    text = ending.join(lines)
    diff = Diff(text)
    counted = []
    for sides in (False, True):
        rows = all_rows(diff, sides=sides)
        counted.append(
            sum(
                (row.old is not None and row.old.tone == "removed") + (row.new is not None and row.new.tone == "added")
                for row in rows
            )
        )
        for number in range(-1, len(rows)):
            for step in (1, -1):
                found = diff.find(wanted, number, step, sides=sides)
                assert found is None or 0 <= found < len(rows)
    assert counted[0] == counted[1]
    assert diff.count(sides=False) <= text.count("\n") + 1


def test_search_agrees_with_the_rows() -> None:
    text = Path(__file__).read_text()
    body = re.sub("^", "+", text.rstrip("\n"), flags=re.MULTILINE)
    made = f"diff --git a/t b/t\n@@ -0,0 +1,{text.count(chr(10))} @@\n{body}"
    diff = Diff(made)
    rows = [single(row) for row in all_rows(diff, sides=False)]
    expected = [number for number, row in enumerate(rows) if "side" in row.lower()]
    found, at = [], -1
    while (number := diff.find("side", at, 1, sides=False)) is not None and number > at:
        found.append(number)
        at = number
    assert found == expected


def big(lines: int) -> str:
    """One hunk in ten lines is a change; files of 1,000 lines."""
    out = []
    for file in range(lines // 1000):
        out.append(f"diff --git a/f{file}.py b/f{file}.py\n--- a/f{file}.py\n+++ b/f{file}.py\n")
        for hunk in range(100):
            at = hunk * 12 + 1
            out.append(f"@@ -{at},9 +{at},9 @@ def function_{hunk}():\n")
            out += [f" unchanged line number {line} of the hunk\n" for line in range(8)]
            out += [f"-the value is {at} here\n", f"+the value is {at + 1} here\n"]
    return "".join(out)


def test_a_large_diff_opens_soon_and_its_end_too() -> None:
    text = big(200_000)
    with costs_at_most(2):
        diff = Diff(text)
        diff.rows(0, 60, sides=False)
        count = diff.count(sides=False)
        diff.rows(count - 60, count, sides=False)
    assert count == 200 * (1 + 100 * 11)
    assert diff.count(sides=True) == 200 * (1 + 100 * 10)
    assert (
        beside(diff.row(diff.count(sides=True) - 1, sides=True))
        == "1197-the value is 1189 here | 1197+the value is 1190 here"
    )
