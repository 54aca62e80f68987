"""Lists of sanctioned parties as their publishers write them, read into one form. Pure.

A real service that hands out lists is a `ListBackend` named by `SCREENING_LISTS_BACKEND`; the one
that ships is fictional.
"""

from __future__ import annotations

import csv
import dataclasses
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Protocol

PERSON, ENTITY, OTHER = "PERSON", "ENTITY", "OTHER"
_NAME_PARTS = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_BORN = re.compile(r"(?:alt\. )?DOB ([^;]+)")
_KNOWN_AS = re.compile(r"[afn]\.k\.a\. '([^']+)'")
_DAY = re.compile(r"(?:(\d{1,2}) (" + "|".join(_MONTHS) + r") )?(\d{4})\b")


class ListMalformed(ValueError):
    """A file that is not a list of the kind it is said to be."""


@dataclasses.dataclass(frozen=True, slots=True)
class Party:
    """Somebody on a list; `ref` is the publisher's own number, `births` are days or years."""

    ref: str
    kind: str
    names: Sequence[str]
    births: Sequence[str] = ()
    programme: str = ""


class ListBackend(Protocol):
    """Whatever hands out a list."""

    def parties(self) -> Sequence[Party]:
        """Return every party of the list as it is now."""


def read_un(file: IO[bytes]) -> Iterator[Party]:
    """Read the consolidated list of the UN Security Council (XML).

    Raises: ListMalformed.
    """
    try:
        # Checked first: a document type could hold entities that grow without end.
        if re.search(rb"<!(DOCTYPE|ENTITY)", (text := file.read()), re.IGNORECASE):
            raise ListMalformed("A list has no document type.")
        root = ET.fromstring(text)  # noqa: S314 (see above)
    except ET.ParseError as error:
        raise ListMalformed(f"This is not XML: {error}.") from None
    if root.tag != "CONSOLIDATED_LIST":
        raise ListMalformed("This is not the consolidated list of the UN.")
    for tag, kind in (("INDIVIDUAL", PERSON), ("ENTITY", ENTITY)):
        for row in root.iter(tag):
            yield _un_party(row, kind)


def read_ofac(
    prime: Iterable[str], alternate: Iterable[str], programmes: Iterable[str] = ()
) -> Iterator[Party]:
    """Read the lists of OFAC (CSV): the main file, its alternate names, the consolidated one.

    Raises: ListMalformed.
    """
    aliases: dict[str, list[str]] = {}
    for row in _ofac_rows(alternate, 4):
        aliases.setdefault(row[0], []).append(row[3])
    for row in _ofac_rows([*prime, *programmes], 12):
        number, name, kind, programme, remarks = row[0], row[1], row[2], row[3], row[11]
        births = [_birth(text) for text in _BORN.findall(remarks)]
        yield Party(
            ref=number,
            kind={"individual": PERSON, "": ENTITY}.get(kind, OTHER),
            names=_names([name, *aliases.get(number, ()), *_KNOWN_AS.findall(remarks)]),
            births=tuple(sorted({birth for birth in births if birth})),
            programme=programme[:200],
        )


def _un_party(row: ET.Element, kind: str) -> Party:
    def texts(*path: str) -> list[str]:
        return [(each.text or "").strip() for each in row.findall("/".join(path))]

    ref, *_ = [*texts("DATAID"), ""]
    main = " ".join(part for name in _NAME_PARTS for part in texts(name) if part)
    aliases = texts("INDIVIDUAL_ALIAS", "ALIAS_NAME") + texts("ENTITY_ALIAS", "ALIAS_NAME")
    if not ref or not main:
        raise ListMalformed("A party of the list has no number or no name.")
    births: set[str] = set()
    for born in row.findall("INDIVIDUAL_DATE_OF_BIRTH"):
        found = {
            name: (each.text or "").strip()
            for name in ("DATE", "YEAR", "FROM_YEAR", "TO_YEAR")
            if (each := born.find(name)) is not None
        }
        births |= set(_un_births(found))
    return Party(
        ref=ref,
        kind=kind,
        names=_names([main, *texts("NAME_ORIGINAL_SCRIPT"), *aliases]),
        births=tuple(sorted(births)),
        programme=" ".join(texts("UN_LIST_TYPE"))[:200],
    )


def _un_births(found: Mapping[str, str]) -> Iterator[str]:
    if re.match(r"\d{4}-\d{2}-\d{2}", found.get("DATE", "")):
        yield found["DATE"][:10]
    if re.fullmatch(r"\d{4}", found.get("YEAR", "")):
        yield found["YEAR"]
    first, last = found.get("FROM_YEAR", ""), found.get("TO_YEAR", "")
    if re.fullmatch(r"\d{4}", first) and re.fullmatch(r"\d{4}", last):
        yield from (str(year) for year in range(int(first), min(int(last), int(first) + 30) + 1))


def _ofac_rows(lines: Iterable[str], columns: int) -> Iterator[list[str]]:
    for row in csv.reader(lines):
        if row in ([], ["\x1a"]):  # the files end as they did on a diskette
            continue
        if len(row) < columns or not row[0].strip().isdigit():
            raise ListMalformed(f"A line of the list has no {columns} columns.")
        yield ["" if cell.strip() == "-0-" else cell.strip() for cell in row]


def _birth(text: str) -> str:
    """Return a day or year of OFAC's remarks; a span or "circa" is its first year."""
    found = _DAY.search(text)
    if found is None:
        years = re.findall(r"\d{4}", text)
        return years[0] if years else ""
    day, month, year = found.groups()
    return f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}" if day else year


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name[:500] for name in names if name))
