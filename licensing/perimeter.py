"""The perimeter: what a licence permits at a moment, as one frozen value. Pure."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from uuid import UUID

from licensing.rulebook import Rulebook

EXCHANGE, CUSTODY, CASH, CASH_OUT = "exchange", "custody", "cash", "cash_out"


@dataclasses.dataclass(frozen=True, slots=True)
class Perimeter:
    """What a bank may do. `activities` and `categories`: permitted by the licence and the regime.

    `assets` are those in the register of admitted assets. `version` counts the licence's changes.
    """

    rulebook: Rulebook
    licence_id: UUID | None
    licence_status: str | None
    version: int
    activities: frozenset[str]
    categories: frozenset[str]
    assets: frozenset[str]
    exposure_limit_rub: Decimal | None = None

    def refusals(
        self, *, activity: str, asset: str | None = None, category: str | None = None
    ) -> list[str]:
        """Return why something is not permitted, in order of precedence; empty: it is.

        LICENCE_MISSING, LICENCE_SUSPENDED or LICENCE_REVOKED; ACTIVITY_NOT_PERMITTED;
        ASSET_NOT_ADMITTED; CATEGORY_NOT_PERMITTED. Clients are let out (`CASH_OUT`) whatever the
        licence.
        """
        if activity == CASH_OUT:
            return []
        found = []
        if self.licence_status is None:
            found.append("LICENCE_MISSING")
        elif self.licence_status != "GRANTED":
            found.append(f"LICENCE_{self.licence_status}")
        elif activity not in self.activities:
            found.append("ACTIVITY_NOT_PERMITTED")
        if asset is not None and asset not in self.assets:
            found.append("ASSET_NOT_ADMITTED")
        # Without a licence in force nobody is let in: the licence's code says it.
        if self.licence_status == "GRANTED" and category not in (None, *self.categories):
            found.append("CATEGORY_NOT_PERMITTED")
        return found
