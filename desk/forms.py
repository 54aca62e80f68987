"""What the admin asks of staff who take orders, roubles and coins in. No rule lives here.

How a dialog asks and has it judged is said in `common.admin.dialogs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpResponse
from django.template.loader import render_to_string

from common import errors
from common.admin import dialogs
from desk import queries, refusals
from desk.api import serializers as io
from ledger.admin.shown import RUB
from ledger.queries import assets

_SEEN = "_seen"
_NOT_SEEN = "NOT_SEEN"


class BodyForm(dialogs.BodyForm):
    """A dialog of the desk."""

    words = refusals.WORDS | refusals.NOT_KEPT
    labels = {
        "account_number": "From account",
        "amount_rub": "Amount, RUB",
        "bank_account_id": "To account",
        "bic": "BIC",
        "client_id": "Client",
        "fee_bps": "Fee, bps",
        "limit_price_rub": "Limit price, RUB",
        "max_quantity": "Largest order",
        "min_quantity": "Smallest order",
        "spread_bps": "Spread, bps",
        "tick_rub": "Tick, RUB",
    }
    helps = {
        "account_number": "Its twenty digits: the client's own, on file.",
        "amount_rub": "As 1500.00.",
        "bank_account_id": "The id of the client's own account, bac_…",
        "bic": "Of the bank that they came from.",
        "client_id": "The client's id, cli_…",
        "fee_bps": "Basis points of the notional: 50 are 0.5 %.",
        "quantity": "Coins, as 0.25.",
        "spread_bps": "Basis points of the middle of the market: 100 are 1 %.",
        "tick_rub": "What prices are rounded to.",
    }


class OrderForm(BodyForm):
    """An order for a client; how the client calls it is the dialog's own id."""

    body, leaves_out = io.OrderIn, ("client_order_id", "quote_id")
    insists = ("client_id",)
    field_order = (
        "client_id",
        "instrument",
        "side",
        "kind",
        "quantity",
        "amount_rub",
        "limit_price_rub",
    )
    labels = BodyForm.labels | {"kind": "Order", "amount_rub": "Or amount, RUB"}
    helps = BodyForm.helps | {
        "amount_rub": "Instead of a quantity; of a purchase its fee is a part.",
        "limit_price_rub": "Of a limit order: for one coin.",
        "time_in_force": "If not said: fill or kill at the market, good till cancel at a limit.",
    }

    def choices(self) -> Mapping[str, dialogs.Choices]:
        return {"instrument": [(each.code, each.code) for each in queries.instruments()]}


class InstrumentForm(BodyForm):
    body = io.InstrumentIn
    labels = BodyForm.labels | {"asset": "Coin"}
    helps = BodyForm.helps | {"min_quantity": "Coins.", "max_quantity": "Coins."}

    def choices(self) -> Mapping[str, dialogs.Choices]:
        return {"asset": [(code, code) for code in sorted(assets()) if code != RUB.code]}


class StockForm(BodyForm):
    body, places = io.StockIn, {"AMOUNT_INVALID": "quantity"}


class BuyStockForm(StockForm):
    words = BodyForm.words | {"INVENTORY_SHORT": "The bank has too few roubles of its own."}


class DepositForm(BodyForm):
    body, places = io.DepositIn, {"ACCOUNT_NOT_OWN": "account_number"}
    words = BodyForm.words | {
        "ACTIVITY_NOT_PERMITTED": "The licence does not permit to take clients' roubles.",
    }
    field_order = ("client_id", "amount_rub")


class WithdrawalForm(BodyForm):
    """A payout, which is asked for once what it comes to was seen."""

    body, insists = io.WithdrawalIn, ("client_id",)
    field_order = ("client_id", "amount_rub")
    helps = BodyForm.helps | {"amount_rub": "The tax included, as 1500.00."}

    _seen = forms.CharField(required=False, widget=forms.HiddenInput)
    _figures = ""

    def insist_on(self, figures: str) -> None:
        """Refuse what was not submitted with these figures in sight."""
        if self.cleaned_data[_SEEN] != figures:
            raise errors.Refused(_NOT_SEEN, {"figures": figures})

    def again(self, refusal: errors.Refused) -> HttpResponse:
        """Return the dialog with the refusal, or with the figures that are to be seen first."""
        if refusal.code != _NOT_SEEN:
            return super().again(refusal)
        self._figures = refusal.facts["figures"]
        self.data: Any = {**self.data.dict(), _SEEN: self._figures}
        return self.show()

    def render_before_template(self) -> str:
        above = super().render_before_template()
        if not self._figures:
            return above
        told = {"message": f"{self._figures} Submit once more and it is done."}
        return above + render_to_string("unfold/helpers/messages/info.html", told)
