"""The pool of questions, and how a test is drawn from it and judged."""

from collections import Counter

import pytest

from kyc import suitability
from kyc.questions import POOL

WANTED = {"easy": 1, "medium": 2, "hard": 1}


def test_the_pool_is_sound() -> None:
    assert len({question.code for question in POOL}) == len(POOL)
    assert len({question.text for question in POOL}) == len(POOL)
    count = Counter(question.difficulty for question in POOL)
    assert set(count) == set(suitability.DIFFICULTIES)
    assert min(count.values()) >= 8
    for question in POOL:
        assert len(set(question.choices)) == 4
        assert question.text.endswith(("?", "."))


def test_the_same_seed_draws_the_same_on_any_machine() -> None:
    assert suitability.draw("a seed", WANTED) == suitability.draw("a seed", WANTED)
    # Written down once: another machine, another version of Python must say so too.
    assert suitability.draw("x", WANTED) == ["E-LOSS", "M-RECOVERY", "M-STABLE", "H-FORK"]
    [shown] = suitability.show("x", ["E-LOSS"])
    assert shown.choices["b"] == "All of it"


def test_seeds_draw_every_question_and_put_what_is_right_anywhere() -> None:
    drawn: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for number in range(800):
        codes = suitability.draw(f"seed {number}", WANTED)
        assert len(set(codes)) == 4
        drawn.update(codes)
        for code, shown in zip(codes, suitability.show(f"seed {number}", codes), strict=True):
            right = next(question.choices[0] for question in POOL if question.code == code)
            places.update(key for key, text in shown.choices.items() if text == right)
    assert set(drawn) == {question.code for question in POOL}
    assert set(places) == set("abcd")
    assert min(places.values()) > 600


def test_answers_are_judged_one_by_one() -> None:
    codes = suitability.draw("x", WANTED)
    right = {
        shown.code: next(
            key
            for key, text in shown.choices.items()
            if text == next(q.choices[0] for q in POOL if q.code == shown.code)
        )
        for shown in suitability.show("x", codes)
    }
    assert suitability.judge("x", codes, right) == 4
    assert suitability.judge("y", codes, right) < 4  # another seed, another order of choices
    assert suitability.judge("x", codes, {}) == 0
    assert suitability.judge("x", codes, dict.fromkeys(codes, "z")) == 0


def test_more_than_the_pool_has_is_not_drawn() -> None:
    with pytest.raises(suitability.PoolTooSmall):
        suitability.draw("x", {"easy": 99})
