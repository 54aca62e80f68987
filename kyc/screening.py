"""Whether a name is a listed one: the one door to comparing clients with lists. Pure.

Names of any script are brought to plain letters, without order, titles or legal forms, and with
the spellings of one sound made one. Equal then is exact; similar is fuzzy. A birth date narrows:
who was born in quite another year is another.
"""

from __future__ import annotations

import calendar
import dataclasses
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from anyascii import anyascii
from rapidfuzz import fuzz, process

EXACT = 100
SIMILAR = 88  # what a fuzzy likeness must reach
SIMILAR_BORN_ALIKE = 82  # where the birth year agrees
YEARS_APART = 2  # lists know many births to the year or two; further apart is another person
_COARSE = 70  # what the first pass lets through

_TITLES = re.compile(
    "mr|mrs|ms|dr|prof|hajji|haji|hadji|sheikh|shaykh|maulavi|mullah|alhaj|sayyid|general"
)
_LEGAL_FORMS = re.compile(
    "ooo|oao|zao|pao|ao|nao|llc|ltd|limited|inc|incorporated|corp|corporation|co|company|gmbh|ag|sa"
    "|srl|spa|plc|jsc|ojsc|cjsc|pjsc|bv|nv|fze|fzco|fzc|llp|lp|kg|oy|ab|as|sas"
)
# Spellings of one sound, longest first: Russian, Arabic and English habits of writing it.
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("shch|sch|sz|sj", "sh"),
        ("tch|tsch|cz", "ch"),
        ("dzh|dj", "j"),
        ("kh|ch(?=[rlmn])", "h"),
        ("zh", "j"),
        ("ph", "f"),
        ("ts|tz", "c"),
        ("ck|q", "k"),
        ("x", "ks"),
        ("w", "v"),
        ("ou|oo", "u"),
        ("ee|ie|iy|yi|ij|yy|ey|ei|ay|ai", "i"),
        ("yo|jo|io", "e"),
        ("ya|ja|ia", "a"),
        ("yu|ju|iu", "u"),
        ("ye|je", "e"),
        ("y|j(?=$)", "i"),
        (r"(.)\1+", r"\1"),
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """A party of a list: every name it is known by, and its births as days or years."""

    id: UUID
    is_person: bool
    names: Sequence[str]
    births: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """Whom to look for. A person is not compared with organisations, nor the other way round."""

    name: str
    is_person: bool
    born: date | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """A listed party that the subject resembles; `birth_agrees` is None where one is unknown."""

    party_id: UUID
    name: str
    score: int
    birth_agrees: bool | None

    @property
    def is_exact(self) -> bool:
        """Whether the names are the same once they are written alike."""
        return self.score == EXACT


class Index:
    """The lists, made ready for many questions."""

    def __init__(self, parties: Iterable[Listed]) -> None:
        self._keys: dict[bool, list[str]] = {True: [], False: []}
        self._found: dict[bool, list[tuple[Listed, str]]] = {True: [], False: []}
        for party in parties:
            seen = set()
            for name in party.names:
                key = " ".join(tokens(name))
                if key and key not in seen:
                    seen.add(key)
                    self._keys[party.is_person].append(key)
                    self._found[party.is_person].append((party, name))

    def __len__(self) -> int:
        return sum(map(len, self._keys.values()))

    def matches(self, subject: Subject) -> list[Match]:
        """Return the parties that the subject resembles, the most similar first, each once."""
        key = " ".join(tokens(subject.name))
        if not key:
            return []
        best: dict[UUID, Match] = {}
        near = process.extract(
            key,
            self._keys[subject.is_person],
            scorer=fuzz.token_set_ratio,
            processor=None,
            score_cutoff=_COARSE,
            limit=None,
        )
        for other, _, place in near:
            party, name = self._found[subject.is_person][place]
            match = _judged(subject, key, party, name, other)
            if match and (party.id not in best or best[party.id].score < match.score):
                best[party.id] = match
        return sorted(best.values(), key=lambda match: (-match.score, match.name))


def months_before(at: datetime, months: int) -> datetime:
    """Return the moment so many months earlier; where the month is shorter, on its last day."""
    year, place = divmod(at.year * 12 + at.month - 1 - months, 12)
    last = calendar.monthrange(year, place + 1)[1]
    return at.replace(year=year, month=place + 1, day=min(at.day, last))


@lru_cache(maxsize=4096)
def tokens(name: str) -> tuple[str, ...]:
    """Return a name's words in plain letters, by the alphabet, one spelling a sound."""
    plain = re.sub("['`’ʼ\"]", "", anyascii(name)).casefold()
    words = [word for word in re.split("[^a-z0-9]+", plain) if word]
    kept = [
        word for word in words if not _TITLES.fullmatch(word) and not _LEGAL_FORMS.fullmatch(word)
    ]
    return tuple(sorted(_sound(word) for word in kept or words))


def _sound(word: str) -> str:
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


def _judged(subject: Subject, key: str, party: Listed, name: str, other: str) -> Match | None:
    agrees = _birth_agrees(subject.born, party.births)
    if agrees is False:
        return None
    score = _likeness(key, other)
    if score < (SIMILAR_BORN_ALIKE if agrees else SIMILAR):
        return None
    return Match(party.id, name, score, agrees)


def _likeness(key: str, other: str) -> int:
    """Return how alike two names are, 0 to 100: 100 only where they are the same.

    Each word of the shorter name is paired with the likest of the longer. Words left over, such as
    a patronymic that one of them leaves out, cost a little; a single word in common is no likeness.
    """
    if key == other:
        return EXACT
    mine, theirs = sorted((key.split(), other.split()), key=len)
    left, likeness, letters = list(theirs), 0.0, 0
    for word in sorted(mine, key=len, reverse=True):
        likest = max(left, key=lambda candidate: fuzz.ratio(word, candidate))
        left.remove(likest)
        likeness += fuzz.ratio(word, likest) * len(word)
        letters += len(word)
    paired = likeness / letters - 4 * len(left) - (40 if len(mine) == 1 and left else 0)
    together = fuzz.ratio("".join(mine), "".join(theirs))  # Abd al-Latif, Abdallatif
    return min(EXACT - 1, int(max(paired, together)))


def _birth_agrees(born: date | None, births: Sequence[str]) -> bool | None:
    """Say whether a birth date fits one of a list's, which are days, or years."""
    if born is None or not births:
        return None
    return any(abs(int(birth[:4]) - born.year) <= YEARS_APART for birth in births)
