"""A report that only tests have: texts that people could write, in parts of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import ledger.queries
from common import users
from reporting import catalogue
from reporting.catalogue import Bounds, Close, Column, Cut, Period

TEXTS = [
    "plain", "=1+1", "+7", "-5", "@SUM(A1)", "\tx", "\rx", "a,b", 'say "hi"', "line\nbreak",
    "<b>&amp;</b>", "back\\slash", "N", "\\N", "", "Ёлка 🌲", "bell\x07", "'quoted'", "\\.",
]  # fmt: skip


@catalogue.report
class OddTexts:
    """Its parts fail while `broken` says with what."""

    code: ClassVar[str] = "odd-texts"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Odd texts"
    recipient: ClassVar[users.Role] = users.Role.SUPERVISOR
    personal: ClassVar[bool] = False
    element: ClassVar[str] = "text"
    schema: ClassVar[Path] = Path(__file__)
    columns: ClassVar[Sequence[Column]] = (
        Column("number", "t.n::text"),
        Column("said", "t.said", free=True),
        Column("nothing", "NULL::text"),
    )
    source: ClassVar[str] = """
        FROM unnest(%(texts)s::text[]) WITH ORDINALITY AS t (said, n)
        WHERE n > %(low)s AND n <= %(high)s ORDER BY t.n"""
    broken: ClassVar[str] = ""

    def closes(self, period: Period) -> Sequence[Close]:
        return ledger.queries.closes_between(period.first, period.last)

    def due(self) -> list[Period]:
        return []

    def slices(self, cut: Cut, rows: int) -> list[Bounds]:
        return [(str(low), str(low + 2)) for low in range(0, len(TEXTS), 2)]

    def params(self, cut: Cut, bounds: Bounds) -> Mapping[str, Any]:
        if self.broken:
            raise RuntimeError(self.broken)
        return {"texts": TEXTS, "low": int(bounds[0]), "high": int(bounds[1])}

    def totals(self, cut: Cut) -> list[Mapping[str, str]]:
        return []

    def records(self, cut: Cut, row: int) -> list[str]:
        return []
