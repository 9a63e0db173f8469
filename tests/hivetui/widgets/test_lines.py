import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from hivetui.widgets.lines import Line, cells, clean, cropped, dollars, justified, one_line, plain, thousands, wrapped

HOSTILE = [
    "[red]not markup[/red] [link=file:///etc/passwd]x[/link]",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x9b31m",
    "a\x00b\x07c\x08d\x7fe\rf",
    "\u202etxt.exe\u202c \u2066x\u2069 \u200f",
    "日本語のテキストが続く長い行はどこで折り返されるべきか",
    "👨‍👩‍👧‍👦 family 👍🏽 flag 🇩🇪",
    "e\u0301" * 20 + "z" + "\u0300" * 500,
    "مرحبا بالعالم שלום עולם",
    "x" * 5000,
    " " * 300,
    "\t\tindented\n\n\ntwo",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [10, 24, 80])
def test_no_text_makes_a_line_wider_than_it_may_be(text: str, width: int) -> None:
    lines = wrapped([(clean(text), "text")], width, (("• ", "dim"),))
    assert lines
    assert max(cell_len(plain(line)) for line in lines) <= width


@given(st.text(max_size=300), st.integers(12, 60))
def test_any_text_fits_and_holds_no_control_character(text: str, width: int) -> None:
    for line in wrapped([(clean(text), "text")], width, (("> ", ""),)):
        assert cell_len(plain(line)) <= width
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in plain(line))


@given(st.text(alphabet="ab c日\n", max_size=200), st.integers(12, 40))
def test_wrapping_loses_no_word(text: str, width: int) -> None:
    lines = wrapped([(text, "text")], width)
    assert "".join(plain(line) for line in lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")


def test_escapes_go_with_all_that_belongs_to_them() -> None:
    assert clean(HOSTILE[1]) == "red  link "
    assert clean("\x1b[2J\x1b[Hgone") == "gone"
    assert clean("half \x1b") == "half "


def test_markup_is_text() -> None:
    assert clean("[bold]x[/]") == "[bold]x[/]"


def test_characters_that_turn_text_around_are_taken_out() -> None:
    assert clean(HOSTILE[3]) == "txt.exe x "


def test_at_most_two_marks_are_stacked_on_a_letter() -> None:
    assert clean("z" + "\u0300" * 500) == "z\u0300\u0300"


def test_what_terminals_disagree_about_the_width_of_is_made_plain() -> None:
    assert clean("👩\u200d👧 \u26a0\ufe0f 👍🏽 🇩🇪 co\xadop a\u200bb") == "👩👧 \u26a0 👍 DE coop ab"
    assert clean("\u0915\u094d\u200d\u0937") == "\u0915\u094d\u200d\u0937"


def test_a_wrapped_line_hangs_under_its_beginning() -> None:
    lines = wrapped([("the tokenizer moved out behind the same names", "text")], 24, (("✓ ", "good"),))
    assert [plain(line) for line in lines] == ["✓ the tokenizer moved", "  out behind the same", "  names"]


def test_a_word_of_several_tones_is_not_torn() -> None:
    lines = wrapped([("see ", "text"), ("api/tokens.py", "strong"), (";", "text"), (" done", "text")], 16)
    assert [plain(line) for line in lines] == ["see ", "api/tokens.py;", "done"] or [plain(line) for line in lines] == [
        "see",
        "api/tokens.py;",
        "done",
    ]


def test_cropping_says_that_something_is_missing() -> None:
    line: Line = (("日本語", "text"), (" text", "dim"))
    assert plain(cropped(line, 5)) == "日本…"
    assert cropped(line, 40) == line
    assert cropped(line, 0) == ()


def test_two_ends_of_a_line_fill_it_and_the_left_gives_way() -> None:
    line = justified([("a long name that is too long", "text")], [("42%", "dim")], 16)
    assert (cells(line), plain(line)) == (16, "a long name… 42%")


def test_one_line_has_no_line_end() -> None:
    assert one_line("a\n b\t c") == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_what_is_less_than_a_cent_is_not_said_to_be_nothing() -> None:
    assert [dollars(usd) for usd in (1.844, 0.01, 0.004, 0.0002, 0)] == ["$1.84", "$0.01", "$0.004", "<$0.001", "$0.00"]
    assert dollars(2, estimated=True) == "~$2.00"


def test_tokens_are_said_in_thousands() -> None:
    assert [thousands(count) for count in (812, 31_400, 999_499, 1_000_000, 1_250_000)] == [
        "812",
        "31k",
        "999k",
        "1M",
        "1.2M",
    ]
