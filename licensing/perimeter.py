"""The perimeter: what a licence permits at a moment, as one frozen value. Pure."""

from __future__ import annotations

import dataclasses
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from licensing.rulebook import Rulebook

EXCHANGE, CUSTODY, CASH, CASH_OUT = "exchange", "custody", "cash", "cash_out"
ACTIVITIES = (CASH, CUSTODY, EXCHANGE)
PURCHASE, SALE = "purchase", "sale"  # a client's; what is bought stays in the bank's keeping
_NEEDED = {PURCHASE: {CUSTODY, EXCHANGE}, SALE: {EXCHANGE}}
CATEGORIES = ("LEGAL_ENTITY", "NON_QUALIFIED", "QUALIFIED")
ALL = "all"  # of `assets_for_non_qualified`: the regime narrows nothing
_KOPECK = Decimal("0.01")


@dataclasses.dataclass(frozen=True, slots=True)
class Perimeter:
    """What a bank may do. `activities` and `categories`: permitted by the licence and the regime.

    `assets` are those in the register of admitted assets, `non_qualified_assets` those that the
    regime lets clients who are not qualified have, None if it narrows nothing. `version` counts the
    licence's changes. `exposure_limit_rub` is None where there is no licence to hold it to;
    `exposure_base` names what the regime's share is of.
    """

    rulebook: Rulebook
    licence_id: UUID | None
    licence_status: str | None
    version: int
    activities: frozenset[str]
    categories: frozenset[str]
    assets: frozenset[str]
    non_qualified_assets: frozenset[str] | None
    exposure_base: str
    exposure_limit_rub: Decimal | None

    def refusals(
        self, *, activity: str, asset: str | None = None, category: str | None = None
    ) -> list[str]:
        """Return why something is not permitted, in order of precedence; empty: it is.

        LICENCE_MISSING, LICENCE_SUSPENDED or LICENCE_REVOKED; ACTIVITY_NOT_PERMITTED;
        ASSET_NOT_ADMITTED; ASSET_NOT_FOR_CATEGORY; CATEGORY_NOT_PERMITTED. Clients are let out:
        they are paid (`CASH_OUT`) whatever the licence, and sell what they hold (`SALE`) whatever
        the coin and their category, under a revoked licence too. Source: ADR 19.
        """
        if activity == CASH_OUT or (activity == SALE and self.licence_status == "REVOKED"):
            return []
        found = []
        if self.licence_status is None:
            found.append("LICENCE_MISSING")
        elif self.licence_status != "GRANTED":
            found.append(f"LICENCE_{self.licence_status}")
        elif not _NEEDED.get(activity, {activity}) <= self.activities:
            found.append("ACTIVITY_NOT_PERMITTED")
        if activity == SALE:
            return found
        if asset is not None and asset not in self.assets:
            found.append("ASSET_NOT_ADMITTED")
        if asset is not None and category == "NON_QUALIFIED" and not self._open_to_all(asset):
            found.append("ASSET_NOT_FOR_CATEGORY")
        # Without a licence in force nobody is let in: the licence's code says it.
        if self.licence_status == "GRANTED" and category not in (None, *self.categories):
            found.append("CATEGORY_NOT_PERMITTED")
        return found

    def _open_to_all(self, asset: str) -> bool:
        return self.non_qualified_assets is None or asset in self.non_qualified_assets


def narrowed(written: str | tuple[str, ...]) -> frozenset[str] | None:
    """Return what `assets_for_non_qualified` says: the coins, or None where it is all of them."""
    return None if written == ALL else frozenset(written)


def exposure_limit(own_rub: Decimal | None, share: Decimal, base_rub: Decimal) -> Decimal:
    """Return how much a bank may hold, in roubles: the regime's share, or less by its licence."""
    by_law = (share * base_rub).quantize(_KOPECK, ROUND_DOWN)
    return by_law if own_rub is None else min(own_rub, by_law)
