"""The investor test: how questions are drawn from the pool, shown and judged. Pure.

The same seed draws the same questions with the same order of choices, on any machine. What is
right is in the pool and is never part of what is shown.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

from kyc.questions import POOL, Question

DIFFICULTIES = ("easy", "medium", "hard")
LETTERS = "abcdefgh"


class PoolTooSmall(ValueError):
    """More questions of a difficulty are wanted than the pool has."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A question as a client sees it: its choices by letter."""

    code: str
    difficulty: str
    text: str
    choices: Mapping[str, str]


_BY_CODE = {question.code: question for question in POOL}


def pool_digest() -> str:
    """Return what tells one pool from another: questions, choices and what is right."""
    text = "\n".join(repr(dataclasses.astuple(question)) for question in POOL)
    return hashlib.sha256(text.encode()).hexdigest()


def draw(seed: str, wanted: Mapping[str, int]) -> list[str]:
    """Return the codes of so many questions of each difficulty, the easy ones first.

    Raises: PoolTooSmall.
    """
    drawn: list[str] = []
    for difficulty in DIFFICULTIES:
        number = wanted.get(difficulty, 0)
        codes = [question.code for question in POOL if question.difficulty == difficulty]
        if number > len(codes):
            raise PoolTooSmall(f"The pool has {len(codes)} {difficulty} questions.")
        drawn += _shuffled(seed, codes)[:number]
    return drawn


def show(seed: str, codes: Sequence[str]) -> list[Shown]:
    """Return drawn questions as the client sees them."""
    return [_shown(seed, _BY_CODE[code]) for code in codes]


def judge(seed: str, codes: Sequence[str], answers: Mapping[str, str]) -> int:
    """Return how many of the drawn questions are answered rightly; letters by question's code."""
    right = 0
    for code in codes:
        question = _BY_CODE[code]
        chosen = _shown(seed, question).choices.get(answers.get(code, ""))
        right += chosen == question.choices[0]
    return right


def _shown(seed: str, question: Question) -> Shown:
    order = _shuffled(f"{seed}:{question.code}", question.choices)
    choices = dict(zip(LETTERS, order, strict=False))
    return Shown(question.code, question.difficulty, question.text, choices)


def _shuffled(seed: str, texts: Sequence[str]) -> list[str]:
    """Put texts into an order that follows from the seed alone."""
    return sorted(texts, key=lambda text: hashlib.sha256(f"{seed}|{text}".encode()).digest())
