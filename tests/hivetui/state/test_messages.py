from hivetui.state.messages import KEPT, Letter, to_operator, with_messages
from tests.hivetui.scene import ago, ident


def letter(number: int, recipient: str = "operator") -> Letter:
    return Letter(ident(number), "queen", recipient, "hello", ago(1), "queued", False, None)


def test_only_the_newest_are_kept() -> None:
    kept = with_messages({}, [letter(number) for number in range(KEPT + 50)])
    assert len(kept) == KEPT
    assert ident(0) not in kept


def test_the_operators_inbox_is_newest_first_and_his_alone() -> None:
    known = with_messages({}, [letter(1), letter(2, "alice"), letter(3)])
    assert [found.id for found in to_operator(known)] == [ident(3), ident(1)]
