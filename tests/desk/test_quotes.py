"""Quotes: prices that the desk holds to, for one client's one order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections

from common import errors, ids
from desk import operations
from desk.models import Order, Quote
from tests.common.neighbours import as_owner
from tests.desk.desks import Desk, ask, codes
from tests.kyc.clients import AT

D = Decimal


def test_a_quote_holds_until_it_expires(desk: Desk) -> None:
    anna = desk.client("400000")
    with desk.acting():
        quote = operations.give_quote(client_id=anna.pk, instrument="BTC-RUB", at=AT)
    assert (quote.bid_rub, quote.ask_rub) == (2_985_000, 3_015_000)
    late = AT + operations.market.QUOTE_LASTS
    assert not desk.buy(anna, at=late - timedelta(microseconds=1), quantity="0.01",
                        quote_id=quote.pk).refusals  # fmt: skip
    with desk.acting():
        other = operations.give_quote(client_id=anna.pk, instrument="BTC-RUB", at=AT)
    assert codes(desk.buy(anna, at=late, quantity="0.01", quote_id=other.pk)) == ["QUOTE_EXPIRED"]


def test_a_quote_is_good_for_one_order_that_is_accepted(desk: Desk) -> None:
    anna = desk.client("400000")
    with desk.acting():
        quote = operations.give_quote(client_id=anna.pk, instrument="BTC-RUB", at=AT)
    much = desk.buy(anna, quantity="0.15", quote_id=quote.pk)
    assert codes(much) == ["INSUFFICIENT_FUNDS"]
    twice = desk.place(*(ask(anna, "BUY", quantity="0.01", quote_id=quote.pk) for _ in "ab"))
    assert [codes(each) for each in twice] == [[], ["QUOTE_USED"]]
    assert codes(desk.buy(anna, quantity="0.01", quote_id=quote.pk)) == ["QUOTE_USED"]


def test_a_quote_is_for_as_much_as_was_asked(desk: Desk) -> None:
    anna = desk.client("900000")
    named: Any = {"client_id": anna.pk, "instrument": "BTC-RUB", "at": AT}
    with desk.acting():
        quote = operations.give_quote(quantity=D("0.1"), **named)
    assert codes(desk.buy(anna, quantity="0.1001", quote_id=quote.pk)) == ["QUANTITY_OUT_OF_BOUNDS"]
    assert codes(desk.buy(anna, amount_rub="400000", quote_id=quote.pk)) == [
        "QUANTITY_OUT_OF_BOUNDS"
    ]
    assert codes(desk.buy(anna, quantity="0.1", quote_id=quote.pk)) == []
    for quantity, code in (
        ("0.0000000001", "AMOUNT_TOO_FINE"),
        ("0.00001", "QUANTITY_OUT_OF_BOUNDS"),
    ):
        with desk.acting(), pytest.raises(errors.Refused, match=code):
            operations.give_quote(quantity=D(quantity), **named)


def test_anothers_quote_is_not_found(desk: Desk) -> None:
    anna, boris = desk.client("400000"), desk.client("400000")
    with desk.acting():
        quote = operations.give_quote(client_id=anna.pk, instrument="BTC-RUB", at=AT)
    with pytest.raises(errors.Refused, match="NOT_FOUND"):
        desk.buy(boris, quantity="0.01", quote_id=quote.pk)
    with desk.acting():
        assert Quote.objects.count() == 1


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("other", ["client", "instrument"])
def test_a_list_takes_no_quote_for_another(desk: Desk, other: str, turned: bool) -> None:
    """Each line is held against the quote that it names, whatever the line beside it says."""
    desk.instrument("ETH")
    anna, boris = desk.client("400000"), desk.client("400000")
    with desk.acting():
        quote = operations.give_quote(client_id=anna.pk, instrument="BTC-RUB", at=AT)
    own = ask(anna, "BUY", quantity="0.01", quote_id=quote.pk)
    another = (
        ask(boris, "BUY", quantity="0.01", quote_id=quote.pk)
        if other == "client"
        else ask(anna, "BUY", instrument="ETH-RUB", quantity="0.01", quote_id=quote.pk)
    )
    with pytest.raises(errors.Refused, match="NOT_FOUND"):
        desk.place(*([another, own] if turned else [own, another]))
    with desk.acting():
        assert not Order.objects.exists()


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE desk_quote SET client_id = %(other)s WHERE id = %(quote)s",
        "UPDATE desk_quote SET expires_at = at WHERE id = %(quote)s",
        "UPDATE desk_quote SET quantity = 0.009 WHERE id = %(quote)s",
        "UPDATE desk_quote SET ask_rub = ask_rub - 1 WHERE id = %(quote)s",
        "UPDATE desk_order SET quote_id = gen_random_uuid() WHERE id = %(order)s",
        "UPDATE desk_order SET quote_id = %(quote)s WHERE id = %(beside)s",
    ],
)
def test_verify_names_the_order_that_a_quote_was_not_kept_to(desk: Desk, forgery: str) -> None:
    anna, boris = desk.client("400000"), desk.client("400000")
    with desk.acting():
        quote = operations.give_quote(client_id=anna.pk, instrument="BTC-RUB", at=AT)
    order = desk.buy(anna, quantity="0.01", quote_id=quote.pk).order.pk
    beside = desk.buy(anna, quantity="0.01").order.pk
    assert desk.broken() == []
    rows = {"quote": quote.pk, "order": order, "beside": beside, "other": boris.pk}
    with as_owner(desk.bank.pk) as using, connections[using].cursor() as cursor:
        cursor.execute(forgery, rows)
        assert cursor.rowcount == 1
    named = ids.show("ord", order)
    assert ("quotes_were_kept_to", named) in {found[:2] for found in desk.broken()}
