"""From the first deposit to the withheld tax, over HTTP, each step as who does it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

import desk.invariants
import kyc.invariants
import ledger.invariants
import ledger.operations
import tax.invariants
from common import clock, errors, ids, models, tenancy, users
from tests.conftest import AT
from tests.desk.market import FALLEN_AT, RISEN_AT
from tests.kyc import clients
from tests.licensing import licences
from tests.stories.test_onboarding import Person

_numbers = itertools.count(1)
D = Decimal


class House:
    """A licensed bank in a state of its own, whose clock stands at AT; its people by role."""

    def __init__(self, bank: models.Bank, stock: str = "10") -> None:
        self.bank, self.office = bank, users.job("office", bank.pk)
        self.clerk = self.somebody(users.Role.OPERATIONS)
        self.dealer = self.somebody(users.Role.DEALER)
        self.head, self.deputy = (self.somebody(users.Role.HEAD_OF_DESK) for _ in "ab")

    def somebody(self, role: users.Role) -> Person:
        return Person(role, self.office)

    def trade(self, stock: str = "10", **changed: Any) -> None:
        """Open BTC-RUB; capital comes in by two people, coins by the dealer."""
        clients.load_fiction(self.bank.jurisdiction_id)
        bounds = {"min_quantity": "0.0001", "max_quantity": "100", "tick_rub": "1.00"}
        terms = {"asset": "BTC", "spread_bps": 100, "fee_bps": 50, **bounds, **changed}
        self.instrument = self.head.post("instruments", terms, status=201)["id"]
        (book,) = self.clerk.get("books")["data"]
        proposed = self.clerk.post(
            f"books/{book['id']}/manual-entries",
            {
                "lines": [
                    {"line": "own_nostro", "asset": "RUB", "amount": "100000000.00"},
                    {"line": "capital", "asset": "RUB", "amount": "-100000000.00"},
                ],
                "reason": "The owners pay in capital.",
            },
            status=202,
        )
        self.head.post(f"proposals/{proposed['proposal_id']}/approve", {"reason": "seen"})
        if stock:
            path = f"instruments/{self.instrument}/stock"
            self.dealer.post(path, {"quantity": stock}, status=201)

    def client(self, roubles: str = "", **named: Any) -> tuple[Person, dict[str, str]]:
        """Return a client with a key, and the client's bank account; so many roubles paid in."""
        with tenancy.acting(self.bank.pk, self.office):
            user = users.create_user(
                username=f"client{next(_numbers)}",
                name="Anna",
                role=users.Role.CLIENT,
                password="a long walk on the quay",
            )
        row = clients.open_client(self.bank, user=user, **named)
        person = Person.of(user, self.office)
        (account,) = person.get(f"clients/{ids.show('cli', row.pk)}/bank-accounts")["data"]
        whose = {"id": ids.show("cli", row.pk), "account": account["id"], **_where(account)}
        if roubles:
            self.deposit(whose, roubles)
        return person, whose

    def deposit(self, whose: dict[str, str], roubles: str, status: int = 201) -> Any:
        paid = {name: whose[name] for name in ("bic", "account_number")}
        body = {"client_id": whose["id"], "amount_rub": roubles, **paid}
        return self.clerk.post("deposits", body, status=status)

    def at(self, moment: datetime) -> None:
        supervisor = users.supervisor_of(self.bank.jurisdiction_id)
        clock.set_clock(actor=supervisor, at=moment, wall_at=timezone.now())

    def broken(self) -> list[Any]:
        with tenancy.acting(self.bank.pk, self.office):
            floors = (ledger.invariants, kyc.invariants, tax.invariants, desk.invariants)
            return [
                (rule.__name__, *each)
                for floor in floors
                for rule in floor.INVARIANTS
                for each in rule()
            ]


def _where(account: dict[str, str]) -> dict[str, str]:
    return {"bic": account["bic"], "account_number": account["number"]}


def order(side: str = "BUY", **said: str) -> dict[str, str]:
    """An order at the market, under an id of its own."""
    kind = "LIMIT" if "limit_price_rub" in said else "MARKET"
    own = f"own-{next(_numbers)}"
    return {"client_order_id": own, "instrument": "BTC-RUB", "side": side, "kind": kind, **said}


def told(problem: dict[str, Any]) -> list[str]:
    """Return the codes of a refusal, in order."""
    assert problem["code"] == problem["errors"][0]["code"]
    return [each["code"] for each in problem["errors"]]


_states = itertools.count(1)


@pytest.fixture
def make_house(house: None) -> Callable[[], House]:
    def make() -> House:
        code = f"trading{next(_states)}"
        state = users.register_jurisdiction(code=code, name=code, at=AT, wall_at=timezone.now())
        office = users.supervisor_of(state.pk)
        return House(users.register_bank(actor=office, code=f"{code}bank", name="North Bank"))

    return make


@pytest.fixture
def bank(make_house: Callable[[], House]) -> Iterator[House]:
    """A bank that trades, whose books are proved when the story is over."""
    made = make_house()
    licences.licensed(made.bank)
    made.trade()
    yield made
    assert made.broken() == []


def test_a_person_buys_up_to_the_limit_to_the_kopeck_and_not_beyond(bank: House) -> None:
    anna, _ = bank.client("700000")
    for _ in range(5):
        anna.post("orders", order(amount_rub="119000.00"), status=201)
    client = anna.get("clients")["data"][0]["id"]
    left = D(anna.get(f"clients/{client}/limit")["left_rub"])
    over = anna.post("orders", order(amount_rub=f"{left + 100}"), status=422)
    assert told(over) == ["LIMIT_EXCEEDED"]
    facts = over["errors"][0]["facts"]
    assert D(facts["used_rub"]) + left == 600_000
    filled = anna.post("orders", order(amount_rub=f"{left}"), status=201)
    assert filled["status"] == "FILLED"
    left = D(anna.get(f"clients/{client}/limit")["left_rub"])
    assert D(0) <= left < D("0.04")  # less than the smallest part of a coin costs
    assert told(anna.post("orders", order(quantity="0.0001"), status=422)) == ["LIMIT_EXCEEDED"]


def test_an_entity_trades_without_a_limit(bank: House) -> None:
    firm, whose = bank.client("5000000", kind="ENTITY", tested=False)
    bought = firm.post("orders", order(quantity="1"), status=201)
    assert (bought["status"], bought["filled_quantity"]) == ("FILLED", "1.00000000")
    found = firm.get("positions")
    (position,) = found["positions"]
    assert (found["client_id"], position["asset"]) == (whose["id"], "BTC")
    assert position["cost_rub"] == position["average_cost_rub"] == "3030075.00"
    assert position["value_rub"] == "2985000.00"
    assert position["unrealised_rub"] == "-45075.00"
    assert found["cash_rub"] == "1969925.00"


def test_a_refused_order_names_every_rule_and_stays_refused_on_replay(bank: House) -> None:
    anna, whose = bank.client(tested=False)
    wanted = order(quantity="0.1")
    first = anna.sent("orders", wanted, key="one key")
    assert first.status_code == 422
    document = json.loads(first.content)
    assert told(document) == ["TEST_REQUIRED", "LIMIT_EXCEEDED", "INSUFFICIENT_FUNDS"]
    shown = document["errors"][0]["facts"]["order"]
    kept = anna.get(f"orders/{shown}")
    assert (kept["status"], kept["codes"]) == ("REJECTED", told(document))
    bank.deposit(whose, "400000.00")
    again = anna.sent("orders", wanted, key="one key")
    assert (again.status_code, again.content) == (422, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    # The same under another key is another order, whose own id is taken.
    assert anna.post("orders", wanted, status=409)["code"] == "CLIENT_ORDER_ID_TAKEN"


def test_an_order_that_was_overtaken_is_decided_once_more(
    bank: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if another had taken the coins between the decision and the posting, and left some."""
    anna, _ = bank.client("400000")
    post, tries = ledger.operations.post_entry, []

    def overtaken(**said: Any) -> Any:
        tries.append(said)
        if len(tries) == 1:
            raise errors.Refused("INVENTORY_SHORT")
        return post(**said)

    monkeypatch.setattr(ledger.operations, "post_entry", overtaken)
    wanted = order(quantity="0.1")
    first, again = (anna.sent("orders", wanted, key="one key") for _ in "ab")
    assert len(tries) == 2
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    (kept,) = anna.get("orders")["data"]
    assert kept == json.loads(first.content)
    assert bank.broken() == []


def test_without_a_licence_nothing_is_sold(make_house: Callable[[], House]) -> None:
    grey = make_house()
    licences.under(grey.bank.jurisdiction_id, assets=())
    grey.trade(stock="")
    path = f"instruments/{grey.instrument}/stock"
    assert grey.dealer.post(path, {"quantity": "1"}, status=422)["code"] == "LICENCE_MISSING"
    anna, _ = grey.client()
    refused = anna.post("orders", order(quantity="0.1"), status=422)
    assert told(refused) == [
        "LICENCE_MISSING",
        "ASSET_NOT_ADMITTED",
        "INSUFFICIENT_FUNDS",
        "INVENTORY_SHORT",
    ]
    assert grey.broken() == []


def test_a_suspended_banks_next_order_is_refused_and_its_client_gets_out(bank: House) -> None:
    anna, whose = bank.client("400000")
    anna.post("orders", order(quantity="0.1"), status=201)
    resting = anna.post("orders", order("SELL", quantity="0.05", limit_price_rub="9000000.00"), status=201)  # fmt: skip  # noqa: E501
    irina = Person(users.Role.SUPERVISOR, users.supervisor_of(bank.bank.jurisdiction_id))
    (licence,) = irina.get("licences")["data"]
    irina.post(f"licences/{licence['id']}/suspend", {"reason": "Reports were late."})
    for side in ("BUY", "SELL"):
        refused = anna.post("orders", order(side, quantity="0.01"), status=422)
        assert told(refused) == ["LICENCE_SUSPENDED"]
    assert bank.deposit(whose, "1.00", status=422)["code"] == "LICENCE_SUSPENDED"
    assert anna.post(f"orders/{resting['id']}/cancel")["status"] == "CANCELED"
    paid = anna.post(
        "withdrawals", {"bank_account_id": whose["account"], "amount_rub": "50000.00"}, status=201
    )
    assert (paid["status"], paid["net_rub"]) == ("PAID", "50000.00")


@pytest.mark.parametrize("quantity", ["9" * 20, f"{'9' * 20}.{'9' * 18}", f"{'9' * 14}.18"])
def test_quantities_of_as_many_digits_as_there_are_are_refused(bank: House, quantity: str) -> None:
    bounds = {"min_quantity": "0.0001", "max_quantity": "9" * 20, "tick_rub": "1.00"}
    terms = {"asset": "ETH", "spread_bps": 100, "fee_bps": 50, **bounds}
    ether = bank.head.post("instruments", terms, status=201)["id"]
    bank.dealer.post(f"instruments/{ether}/stock", {"quantity": quantity}, status=422)
    bank.dealer.post(f"instruments/{bank.instrument}/stock", {"quantity": quantity}, status=422)
    firm, _ = bank.client("5000000", kind="ENTITY", tested=False)
    for said in ({}, {"limit_price_rub": "1000000.00"}, {"limit_price_rub": "9" * 20}):
        wanted = order(quantity=quantity, **said) | {"instrument": "ETH-RUB"}
        refused = firm.post("orders", wanted, status=422)
        assert "INSUFFICIENT_FUNDS" in told(refused) or told(refused) == ["AMOUNT_TOO_FINE"]
    (book,) = bank.clerk.get("books")["data"]
    lines = [
        {"line": "own_custody", "asset": "ETH", "amount": quantity},
        {"line": "position", "asset": "ETH", "amount": f"-{quantity}"},
    ]
    body = {"lines": lines, "reason": "An error of the pen."}
    answer = bank.clerk.sent(f"books/{book['id']}/manual-entries", body)
    assert answer.status_code in (202, 422)


def test_a_frozen_client_neither_trades_nor_is_paid(bank: House) -> None:
    anna, whose = bank.client("400000")
    vera = bank.somebody(users.Role.COMPLIANCE)
    vera.post(f"clients/{whose['id']}/freeze", {"code": "SUSPICION", "reason": "Odd sums."})
    refused = anna.post("orders", order(quantity="0.01"), status=422)
    assert told(refused) == ["CLIENT_FROZEN"]
    asked = {"bank_account_id": whose["account"], "amount_rub": "1.00"}
    assert told(anna.post("withdrawals", asked, status=422)) == ["CLIENT_FROZEN"]


def test_a_withdrawal_withholds_what_its_preview_said(bank: House) -> None:
    anna, whose = bank.client("400000")
    bank.at(FALLEN_AT)
    anna.post("orders", order(quantity="0.1"), status=201)
    bank.at(RISEN_AT)
    anna.post("orders", order("SELL", quantity="0.1"), status=201)
    # Proceeds 298,500.00 - 1,492.50, cost 286,425.00 + 1,432.13: 9,150.37, of which 13 % is 1,190.
    preview = anna.get("withdrawals/preview?amount_rub=5000.00")
    assert (preview["base_rub"], preview["tax_rub"]) == ("9150.37", "1190.00")
    asked = {"bank_account_id": whose["account"], "amount_rub": "5000.00"}
    paid = anna.post("withdrawals", asked, status=201)
    assert (paid["gross_rub"], paid["tax_rub"], paid["net_rub"]) == (
        "5000.00",
        "1190.00",
        "3810.00",
    )
    (withheld,) = anna.get("tax/withholdings")["data"]
    assert (withheld["withheld_rub"], withheld["base_rub"]) == ("1190.00", "9150.37")
    (year,) = anna.get("tax/years")["data"]
    assert (year["realised_rub"], year["withheld_rub"]) == ("9150.37", "1190.00")
    # A small payout first: no more than its part at the rate is taken of it.
    assert anna.get("withdrawals/preview?amount_rub=100.00")["tax_rub"] == "0.00"
    remitted = bank.clerk.post("tax/remittances", {"until": "2022-12-31"}, status=201)
    assert remitted["amount_rub"] == "1190.00"


def test_a_supervisor_sees_a_clients_portfolio_as_the_client_does(bank: House) -> None:
    anna, whose = bank.client("400000")
    anna.post("orders", order(quantity="0.1"), status=201)
    irina = Person(users.Role.SUPERVISOR, users.supervisor_of(bank.bank.jurisdiction_id))
    seen = irina.get(f"positions?client_id={whose['id']}")
    assert seen == anna.get("positions")
    assert seen["cash_rub"] != "0.00"


def test_a_fill_is_bust_by_two_people(bank: House) -> None:
    anna, whose = bank.client("400000")
    bought = anna.post("orders", order(quantity="0.1"), status=201)
    (fill,) = anna.get(f"fills?order_id={bought['id']}")["data"]
    reason = {"reason": "The price was wrong."}
    assert anna.post(f"fills/{fill['id']}/propose-bust", reason, status=403)
    proposed = bank.head.post(f"fills/{fill['id']}/propose-bust", reason, status=202)
    path = f"proposals/{proposed['proposal_id']}/approve"
    assert bank.head.post(path, {"reason": "seen"}, status=403)["code"] == "MAKER_IS_CHECKER"
    bank.deputy.post(path, {"reason": "seen"})
    assert anna.get(f"fills/{fill['id']}")["busted_at"] is not None
    found = anna.get("positions")
    assert (found["positions"], found["cash_rub"]) == ([], "400000.00")
    limit = anna.get(f"clients/{whose['id']}/limit")
    assert limit["left_rub"] == "600000.00"


def test_a_large_withdrawal_is_let_go_by_another(bank: House) -> None:
    anna, whose = bank.client("4000000")
    asked = {"bank_account_id": whose["account"], "amount_rub": "3000000.00"}
    waiting = anna.post("withdrawals", asked, status=201)
    assert waiting["status"] == "IN_REVIEW"
    (seen,) = bank.clerk.get("withdrawals?status=IN_REVIEW")["data"]
    assert seen["id"] == waiting["id"]
    done = bank.head.post(f"withdrawals/{waiting['id']}/approve")
    assert (done["status"], done["net_rub"]) == ("PAID", "3000000.00")


def test_a_list_of_orders_is_taken_line_by_line(bank: House) -> None:
    _, anna = bank.client("310000")
    _, boris = bank.client("310000")
    lines = [
        {**order(quantity="0.1"), "client_id": anna["id"]},
        {**order(quantity="0.1"), "client_id": anna["id"]},
        {**order(quantity="0.1"), "client_id": boris["id"]},
    ]
    placed = bank.dealer.post("order-lists", {"orders": lines}, status=201)["orders"]
    assert [each["status"] for each in placed] == ["FILLED", "REJECTED", "FILLED"]
    assert placed[1]["codes"] == ["LIMIT_EXCEEDED", "INSUFFICIENT_FUNDS"]


def test_another_clients_things_are_not_found(bank: House) -> None:
    anna, hers = bank.client("400000")
    boris, his = bank.client("1000")
    bought = anna.post("orders", order(quantity="0.01"), status=201)
    (fill,) = anna.get("fills")["data"]
    for path in (f"orders/{bought['id']}", f"fills/{fill['id']}", f"positions?client_id={hers['id']}"):  # fmt: skip  # noqa: E501
        assert boris.get(path, status=404)["code"] == "NOT_FOUND"
    assert boris.get("orders")["data"] == boris.get("fills")["data"] == []
    theirs = {**order(quantity="0.01"), "client_id": hers["id"]}
    assert boris.post("orders", theirs, status=404)["code"] == "NOT_FOUND"
    asked = {"bank_account_id": hers["account"], "amount_rub": "1.00"}
    assert boris.post("withdrawals", asked, status=404)["code"] == "NOT_FOUND"
    assert his["id"] != hers["id"]


def test_a_halted_instrument_takes_no_orders_and_quotes_expire(bank: House) -> None:
    anna, _ = bank.client("400000")
    asked = {"instrument": "BTC-RUB", "quantity": "0.01"}
    quote = anna.post("quotes", asked, status=201)
    assert quote["quantity"] == "0.01000000"
    anna.post("orders", order(quantity="0.02", quote_id=quote["id"]), status=422)
    assert (quote["bid_rub"], quote["ask_rub"]) == ("2985000.00", "3015000.00")
    bought = anna.post("orders", order(quantity="0.01", quote_id=quote["id"]), status=201)
    assert bought["status"] == "FILLED"
    again = anna.post("orders", order(quantity="0.01", quote_id=quote["id"]), status=422)
    assert told(again) == ["QUOTE_USED"]
    other = anna.post("quotes", {"instrument": "BTC-RUB"}, status=201)
    bank.at(FALLEN_AT)
    late = anna.post("orders", order(quantity="0.01", quote_id=other["id"]), status=422)
    assert told(late) == ["QUOTE_EXPIRED"]
    bank.dealer.post(f"instruments/{bank.instrument}/halt", {"reason": "A shock."})
    refused = anna.post("orders", order(quantity="0.01"), status=422)
    assert told(refused) == ["INSTRUMENT_HALTED"]
    assert [each["bid_rub"] for each in anna.get("prices")] == ["2835750.00"]
