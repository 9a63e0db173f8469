"""Shell commands as rules read them, beside what real shells run."""

import shutil

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hived.core.command_guards import RUNNERS, guarded
from hived.core.shell_commands import MOST_CHARACTERS, MOST_SPECIAL, read, readings
from tests.support.cost import costs_at_most
from tests.support.real_shell import programs_run

PROGRAMS = ("git", "ls", "cat", "rm", "echo", "touch")
DANGEROUS = (
    "echo ", "git ", "rm ", "a", " ", "  ", "x.y", '"', "'", '"a b"', "'c d'", '""', "''", "$", "`", "$(rm x)", "`rm x`", "${x}",
    "$((1))", "\\", "\n", "\r", "\r\n", "\t", "\0", "\v", "|", "||", "&", "&&", ";", ";;", "|&", "<", ">", "<<", "<<<", ">>", "2>",
    "&>", "2>&1", "(", ")", "{", "}", "{a,b}", "{1..3}", "[", "]", "*", "?", "~", "!", "!!", "!$", "#", " #", "=", "a=b", "^", "%",
    "@", "+", "-", "--", "/", "./", "..", ":", "1", "0x1", "10#1", "$'x'", '$"x"', "if ", "then ", "fi", "do", "done", "while ",
    "for ", "in", "case ", "esac", "time ", "coproc ", "function ", "select ", "[[", "]]", "((", "))", "\u00a0", "\u2028",
    "\u200b", "é", "；", "｜", "\\\n", "\\'", "@(a)", "+(a)", "=ls", "a[1]=2", "a+=b", "<(ls)", ">(ls)", "\x01", "\x7f", "\x85",
    "\ufeff", "x()", "<<E\n", "E\n", "&\n", "'\\''", "-n", "--x=y", ",", "true", "eval ", "exec ", ". ",
)  # fmt: skip
HARMLESS = (
    "git", "ls", "a", "-x", "--y=z", '"a b"', "'c'", "1", "a.b", "x/y", "&&", ";", "|", "||", "cat", "'$x'", '"&&"', "';'",
    'a"b"c',
)  # fmt: skip

commands = st.one_of(
    st.lists(st.sampled_from(DANGEROUS), min_size=1, max_size=8).map("".join),
    st.lists(st.sampled_from(HARMLESS), max_size=8).map(lambda words: " ".join(["git", *words])),
    st.tuples(
        st.lists(st.sampled_from(HARMLESS), max_size=5).map(lambda words: " ".join(["echo", *words])),
        st.sampled_from(DANGEROUS),
        st.integers(0, 40),
    ).map(lambda drawn: drawn[0][: drawn[2]] + drawn[1] + drawn[0][drawn[2] :]),
    st.text(alphabet="ab '\"|&;-=/1.\\$`\n", max_size=14).map(lambda text: f"echo {text}"),
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("git status", [["git", "status"]]),
        ("  ls   -l  ", [["ls", "-l"]]),
        ("git log --oneline -5 | head -3", [["git", "log", "--oneline", "-5"], ["head", "-3"]]),
        ("a && b || c; d", [["a"], ["b"], ["c"], ["d"]]),
        ("make;", [["make"]]),
        ("""grep "a b" 'c; d' e"f"'g h'""", [["grep", "a b", "c; d", "efg h"]]),
        ("echo '$(rm x)' 'a > b' '*'", [["echo", "$(rm x)", "a > b", "*"]]),
        ("echo '' \"\"", [["echo", "", ""]]),
        ("git commit -m 'été'", [["git", "commit", "-m", "été"]]),
        ("./build.sh --all 0x1F", [["./build.sh", "--all", "0x1F"]]),
    ],
)
def test_plain_words_are_taken_part_by_part(text: str, parts: list[list[str]]) -> None:
    assert [list(words) for words in read(text).parts] == parts


@pytest.mark.parametrize(
    "text",
    [
        "git status $(rm x)", "git status `rm x`", "git status <(rm x)", "git status >(rm x)", "echo $HOME", "echo ${HOME}",
        "echo $((1))", 'echo "$HOME"', 'echo "$(rm x)"', 'echo "`rm x`"', "echo $'\\x72'", 'echo $"x"', "cat x > y", "cat < x",
        "cat x >> y", "cat x 2>&1", "cat x &> y", "cat <<< x", "cat <<E\nrm x\nE", "cat <<'E'\nx\nE", "git status\nrm x",
        "git status\r\nrm x", "git status\rrm x", "git status #\nrm x", "git status # x", "git status\0rm", "git\tstatus", "ls *",
        "ls a?", "ls [ab]", "ls {a,b}", "ls {1..3}", "ls ~", "ls ~root", "echo !!", "echo !$", 'echo "!x"', "! ls", "ls &",
        "ls & rm x", "FOO=bar ls", "FOO=bar", "a+=b ls", "(ls)", "{ ls; }", "if ls; then rm; fi", "while ls; do rm; done",
        "for x in a; do rm; done", "case a in a) rm;; esac", "x() { rm; }", "function x { rm; }", "x() { rm; }; x", "[[ a ]]",
        "[ a ]", "((1))", "coproc rm", "time rm", "select x in a; do rm; done", "ls |& sh", "ls a\\ b", "\\ls", "ls \\", "l\\s",
        "ls;;", "ls &&", "| ls", "&& ls", "", "   ", ";", "'ls' -l", '"git" status', "g'i't status", "gіt status",
        "ls\u00a0-l", "ls\u2028rm", "ls\u200b", "ls；rm x", "ls ｜ sh", "ls é", "echo a#b", "echo =ls", "echo 10#5", "exec 3<x",
        "declare x=1", "export A=b", "unset A", "a[$(rm)]=1", "echo (ls)", "echo @(a|b)", "if", "then", "ls 'a", 'ls "a',
        "..", "bin/", "-x", "^a^b", "%1", ": x", "echo \x1b[31m", "echo \ud800", "ls \x85 x", "echo a\x7f", "noglob ls", "repeat 3 ls",
    ],
)  # fmt: skip
def test_what_a_shell_may_take_otherwise_is_never_read(text: str) -> None:
    command = read(text)
    assert command.flaw
    assert not command.parts


def test_a_very_long_command_and_one_full_of_signs_are_not_read() -> None:
    assert read("echo " + "a" * (MOST_CHARACTERS - 5)).flaw is None
    assert read("echo " + "a" * MOST_CHARACTERS).flaw
    assert read("a|" * 150 + "a").flaw is None
    assert read("a|" * (MOST_SPECIAL + 1) + "a").flaw


def test_two_texts_are_one_where_they_run_the_same_words() -> None:
    assert read("git  status ; ls 'a' \"b c\"").text == read("git status; ls a 'b c'").text
    assert read('git "status x"').text != read("git status x").text
    assert read("echo 'a ;'").text != read("echo 'a;'").text
    assert read("echo 'a' && b").text != read("echo 'a && b'").text


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(command=commands)
@example("echo '$(rm x)' \"a b\" | git ';' && ls")
@example("git status;rm x")
@example("git status|rm")
@example("echo a\\\n;rm x")
@example("echo 'a'\\''b'")
@example('echo "a\nrm x"')
def test_of_what_is_read_bash_runs_just_these_programs_with_just_these_words(command: str) -> None:
    found = read(command)
    if found.flaw is not None or any(guarded(words) for words in found.parts):
        return
    ran, files = programs_run(command, PROGRAMS)
    assert files == []
    assert set(ran) <= set(found.parts)
    known = all(words[0] in PROGRAMS for words in found.parts)
    if known and "||" not in found.text:
        assert sorted(ran) == sorted(found.parts)


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not on this machine")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(command=commands)
def test_dash_runs_no_other_words_either(command: str) -> None:
    found = read(command)
    if found.flaw is not None or any(guarded(words) for words in found.parts):
        return
    ran, files = programs_run(command, PROGRAMS, "dash")
    assert files == []
    assert set(ran) <= set(found.parts)


@settings(max_examples=200, deadline=None)
@given(command=st.lists(st.sampled_from(DANGEROUS), min_size=1, max_size=200).map("".join))
def test_no_text_keeps_a_reader_busy(command: str) -> None:
    with costs_at_most(1):
        read(command)
        readings(command, RUNNERS)


@pytest.mark.parametrize("piece", ["a|", "a=(", "for((;;", "<<<", "${", "<<A ", "$(", "((", "[[ ", "sudo bash -c '"])
def test_no_text_of_a_megabyte_does_either(piece: str) -> None:
    with costs_at_most(2):
        assert read(piece * (1_000_000 // len(piece))).flaw
        readings(piece * (1_000_000 // len(piece)), RUNNERS)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("ls; rm x", "rm x"), ("ls && (cd a; rm x)", "rm x"), ("echo $(rm x)", "rm x"), ("echo `rm x`", "rm x"),
        ('echo "a $(rm x)"', "rm x"), ("cat <(rm x)", "rm x"), ("if a; then rm x; fi", "rm x"), ("f() { rm x; }", "rm x"),
        ("A=b rm x", "rm x"), ("rm x > y", "rm x"), ("! rm x", "rm x"), ("rm x &", "rm x"), ("sudo rm x", "rm x"),
        ("sudo -u a env B=c nice rm x", "rm x"), ("bash -c 'ls; rm x'", "rm x"), ('sh -c "sudo bash -c \'rm x\'"', "rm x"),
        ("echo 'rm x' | sh", "rm x"), ("bash <<< 'rm x'", "rm x"), ("bash <<E\nrm x\nE", "rm x"), ("eval 'rm x'", "rm x"),
        ("'rm' x", "rm x"), ("r\\m x", "rm x"), ("$'\\x72m' x", "rm x"), ('"r"m x', "rm x"), ("/bin/rm x", "rm x"),
        ("rm \\\n x", "rm x"), ("ls\nrm x", "rm x"), ("ls )) ; rm x", "rm x"), ("git -C a push", "git push"),
        ("git --no-pager push", "git push"), ("find . -exec rm {} +", "find . -exec rm {} +"), ("export A=b", "export A=b"),
        ("xargs rm", "rm"), ("time rm x", "rm x"), ("cat x > y", "cat x > y"),
    ],
)  # fmt: skip
def test_a_deny_finds_the_command_wherever_it_is(text: str, hidden: str) -> None:
    assert hidden in readings(text, RUNNERS)
