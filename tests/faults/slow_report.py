"""The daily register, made so slowly that a worker can be killed in the middle of a part."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from common import tenancy
from desk.reports import DailyRegister
from reporting import catalogue
from reporting.catalogue import Bounds, Cut, Period

MARK = "SLOW_REPORT_MARK"  # names a file: the part that makes it takes a minute, all others none

BANK = "SLOW_REPORT_BANK"  # the bank that a worker works for: other tests leave a thousand

if BANK in os.environ:
    tenancy.bank_ids = lambda: [UUID(os.environ[BANK])]


@catalogue.report
class SlowRegister(DailyRegister):
    """Asked for by hand only."""

    code: ClassVar[str] = "slow-register"

    def due(self) -> list[Period]:
        return []

    def params(self, cut: Cut, bounds: Bounds) -> Mapping[str, Any]:
        mark = Path(os.environ.get(MARK, os.devnull))
        if not mark.exists():
            mark.touch()
            time.sleep(60)
        return super().params(cut, bounds)
