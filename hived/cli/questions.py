"""`hive questions`, `ask`, `answer` and `withdraw`: what is asked of the operator, and what he asks."""

import argparse
import sys
from typing import Any

from hived.cli.command import Arguments, Command, checked_id, checked_size, listed, positive
from hived.cli.each import each
from hived.cli.output import clean, colour, exact, line, print_json, short_id
from hived.cli.pages import all_pages
from hived.cli.times import age, day_and_clock, moment, until
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import QuestionNotFound, UsageError
from hived.wire.names import OPERATOR, checked_name
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES

Question = dict[str, Any]


def _declare_questions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="answered, expired and cancelled ones too")
    parser.add_argument("--agent", metavar="NAME", help="only those asked by it or of it")


def _questions(arguments: Arguments) -> int:
    agent = arguments.agent
    if agent is not None and agent != OPERATOR:
        checked_name(agent)
    document = all_pages(routes.QUESTIONS, "questions", all=arguments.all, agent=agent)
    if arguments.json:
        print_json(document)
        return 0
    questions = listed(document, "questions")
    if not questions:
        print("There are no questions." if arguments.all else "No question is open.")
    for question in questions:
        _print(question)
    return 0


def _print(question: Question) -> None:
    """Who asks whom, how it stands, the words, the options and the answer, each as a line of its own."""
    up = ", operator" if question["with_operator"] and question["recipient"] != OPERATOR else ""
    head = f"{short_id(question['id'])}  {question['asker']} → {question['recipient']}{up}"
    said = [question["kind"]] if question["kind"] != "question" else []
    said += [question["status"], f"{age(question['created_at'])} ago"]
    if question["status"] == "pending" and question["deadline"]:
        said.append(until(question["deadline"]))
    print(f"{colour(line(head), 'bold')}  {colour(line(', '.join(said)), 'dim')}")
    for text in exact(question["text"]).split("\n"):
        print(f"    {text}")
    for number, option in enumerate(question["options"], 1):
        mark = "*" if number - 1 in (question["answer_options"] or []) else " "
        print(f"    {mark} {number}) {line(option)}")
    if question["answered_by"]:
        who = f"{question['answered_by']['who']}, {day_and_clock(question['answered_at'])}"
        words = clean(question["answer_text"] or "").split("\n")
        print(f"    {colour(line(f'answered by {who}:'), 'dim')} {words[0]}")
        for text in words[1:]:
            print(f"    {text}")
    elif question["reason"]:
        print(f"    {colour(line(question['reason']), 'dim')}")
    if question["status"] == "pending" and question["with_operator"]:
        several = " (several may be chosen)" if question["multi"] else ""
        way = f"--option N{several}, or TEXT" if question["options"] else "TEXT"
        print(f"    hive answer {short_id(question['id'])} {way}")


def _declare_ask(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="an agent")
    parser.add_argument("text", metavar="TEXT", help="`-` reads it from stdin")
    parser.add_argument(
        "--option", action="append", default=[], metavar="TEXT", help="one that may be chosen; again for more"
    )
    parser.add_argument("--multi", action="store_true", help="several options may be chosen")
    parser.add_argument("--deadline", metavar="WHEN", help="90s, 2h30m, 14:30, or a time in ISO 8601; then it expires")


def _ask(arguments: Arguments) -> int:
    draft: dict[str, Any] = {
        "to": checked_name(arguments.name),
        "text": _text(arguments.text, "question"),
        "options": arguments.option,
        "multi": arguments.multi,
    }
    if arguments.multi and not arguments.option:
        raise UsageError(reason="--multi goes with options: name each with --option TEXT.")
    if arguments.deadline is not None:
        draft["deadline"] = moment(arguments.deadline)
    asked = oneshot.call("POST", routes.QUESTIONS, draft, idempotency_key=oneshot.new_key())
    if arguments.json:
        print_json(asked)
    else:
        print(f"asked {line(asked['recipient'])}: {asked['id']}")
    return 0


def _declare_answer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="a question's id, or a unique beginning of it")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="`-` reads it from stdin")
    parser.add_argument(
        "--option", action="append", type=positive, default=[], metavar="N",
        help="the option of that number, from 1; again for more where several may be chosen",
    )  # fmt: skip


def _answer(arguments: Arguments) -> int:
    draft: dict[str, Any] = {"options": [number - 1 for number in arguments.option]}
    if arguments.text is not None:
        draft["text"] = _text(arguments.text, "answer")
    elif not arguments.option:
        raise UsageError(reason="An answer is TEXT, --option N, or both.")
    wanted = checked_id(arguments.id, QuestionNotFound)
    if not arguments.option and arguments.text != "-" and arguments.text.strip().isdecimal():
        _check_it_is_no_option(wanted, arguments.text.strip())
    path = oneshot.path_of(routes.QUESTION_ANSWER, id=wanted)
    answered = oneshot.call("POST", path, draft, idempotency_key=oneshot.new_key())
    if arguments.json:
        print_json(answered)
    else:
        said = [f"{number + 1}) {answered['options'][number]}" for number in answered["answer_options"] or []]
        said += [f"“{answered['answer_text']}”"] if answered["answer_text"] else []
        print(f"answered {line(answered['asker'])}: {line(', '.join(said))}")
    return 0


def _check_it_is_no_option(question_id: str, number: str) -> None:
    """Raises UsageError where the words are a number and there are options: one of the two may not be meant."""
    if oneshot.call("GET", oneshot.path_of(routes.QUESTION, id=question_id))["options"]:
        raise UsageError(
            reason=f"'{number}' as words, or as an option? Say --option {number}, or give the words on stdin with `-`."
        )


def _declare_withdraw(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "ids", nargs="+", metavar="ID", help="the id of a question of yours, or a unique beginning of it"
    )


def _withdraw(arguments: Arguments) -> int:
    def withdraw(given: str) -> Question:
        path = oneshot.path_of(routes.QUESTION_CANCEL, id=checked_id(given, QuestionNotFound))
        question: Question = oneshot.call("POST", path, idempotency_key=oneshot.new_key())
        return question

    return each(
        arguments, withdraw, "questions",
        lambda question: f"withdrawn: {question['id']} to {line(question['recipient'])}",
    )  # fmt: skip


def _text(given: str, what: str) -> str:
    text = sys.stdin.read() if given == "-" else given
    if not text.strip():
        raise UsageError(reason=f"The {what} is empty.")
    return checked_size(text, MAX_MESSAGE_BODY_BYTES, what)


COMMANDS = {
    "questions": Command(_declare_questions, _questions),
    "ask": Command(_declare_ask, _ask),
    "answer": Command(_declare_answer, _answer),
    "withdraw": Command(_declare_withdraw, _withdraw),
}
