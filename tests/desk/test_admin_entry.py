"""What staff enter at the desk: deposits, withdrawals, orders, instruments, the desk's stock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser

import kyc.queries
from common import ids, models, tenancy, users
from desk.models import Deposit, Fill, Instrument, LargeWithdrawal, Order, Withdrawal
from desk.refusals import NOT_KEPT, WORDS
from kyc import masking
from kyc.models import BankAccount, Client
from ledger.models import Entry, Hold, Posting
from tests.config.test_admin import add, session_of
from tests.desk.desks import Desk, open_desk
from tests.desk.test_admin import listed, one, opened, url
from tests.kyc.test_admin import submitted
from tests.kyc.test_admin_intake import wrong

CLERK, DEALER, HEAD = users.Role.OPERATIONS, users.Role.DEALER, users.Role.HEAD_OF_DESK
COIN = {
    "asset": "ETH",
    "spread_bps": "100",
    "fee_bps": "50",
    "min_quantity": "0.01",
    "max_quantity": "500",
    "tick_rub": "0.5",
}
MARKET = {"instrument": "BTC-RUB", "side": "BUY", "kind": "MARKET", "quantity": "0.01"}
LIMIT = {
    "instrument": "BTC-RUB",
    "side": "BUY",
    "kind": "LIMIT",
    "amount_rub": "30000",
    "limit_price_rub": "2500000.00",
    "time_in_force": "DAY",
}
_PAGES: dict[str, Any] = {
    "record_deposit": Deposit,
    "request_withdrawal": Withdrawal,
    "place_order": Order,
    "open_instrument": Instrument,
    "buy_stock": Instrument,
    "sell_stock": Instrument,
}
_BY_CLERK = {"record_deposit", "request_withdrawal"}
_REQUIRED = "This field is required."
_NONE, _NOT_OWN = NOT_KEPT["NOT_FOUND"], WORDS["ACCOUNT_NOT_OWN"]
_BAC, _CLI = "bac_01fwp5eqm0e0000000000000k1", "cli_01fwp5eqm0e0000000000000d1"
_NUMBER = "40817810300029000000"


@pytest.fixture
def anna(desk: Desk) -> Client:
    return desk.client("100000")


@pytest.fixture
def login(desk: Desk) -> Callable[[users.Role], Browser]:
    return lambda role: session_of(add(desk.bank.code, role))


Login = Callable[[users.Role], Browser]


def account_of(desk: Desk, client: Client) -> BankAccount:
    with desk.acting():
        return kyc.queries.bank_accounts(client)[0]


def typed(desk: Desk, client: Client, command: str) -> dict[str, str]:
    """Return what is typed in a dialog that is good."""
    named, account = {"client_id": ids.show("cli", client.pk)}, account_of(desk, client)
    said: dict[str, Mapping[str, str]] = {
        "record_deposit": named
        | {"bic": account.bic, "account_number": account.number, "amount_rub": "1500.00"},
        "request_withdrawal": named
        | {"bank_account_id": ids.show("bac", account.pk), "amount_rub": "1500.00"},
        "place_order": named | MARKET,
        "open_instrument": COIN,
        "buy_stock": {"quantity": "1.5"},
        "sell_stock": {"quantity": "1.5"},
    }
    return dict(said[command])


def where(desk: Desk, command: str) -> str:
    on = [one(desk, Instrument).pk] if "stock" in command else []
    return url(_PAGES[command], command, *on)


def seen(browser: Browser, desk: Desk, command: str, said: Mapping[str, str]) -> dict[str, str]:
    """Return what a dialog sends in the end: of a payout with the figures that were seen."""
    whole = submitted(**said)
    if command == "request_withdrawal":
        form = browser.post(where(desk, command), whole).context["form"]
        whole["_seen"] = form.data.get("_seen", "")
    return whole


def sent(browser: Browser, desk: Desk, command: str, said: Mapping[str, str]) -> Any:
    """Press a button's last word and return the answer."""
    return browser.post(where(desk, command), seen(browser, desk, command, said))


def told(browser: Browser, desk: Desk, command: str, said: Mapping[str, str]) -> str:
    """Give a command and return what the page says after it."""
    answer = sent(browser, desk, command, said)
    assert answer.get("HX-Redirect"), answer.content.decode()
    return browser.get(answer["HX-Redirect"]).content.decode()


def counts(desk: Desk) -> list[int]:
    """How much there is of all that a dialog could write."""
    with desk.acting():
        tables: tuple[Any, ...] = (
            *(Deposit, Withdrawal, Order, Fill, Instrument, Entry, Hold, LogEntry),
            *(models.OutboxEvent, models.IdempotencyKey),
        )
        return [table.objects.count() for table in tables]


def postings(desk: Desk, entry_id: Any) -> dict[str, Decimal]:
    with desk.acting():
        found = Posting.objects.filter(entry_id=entry_id).select_related("account")
        return {each.account.line: each.amount for each in found}


# --- Roubles --------------------------------------------------------------------------------------


def test_a_deposit_is_recorded(desk: Desk, anna: Client, login: Login) -> None:
    browser = login(CLERK)
    assert url(Deposit, "record_deposit") in listed(browser, Deposit)
    assert "Booked: 1,500.00 roubles." in told(
        browser, desk, "record_deposit", typed(desk, anna, "record_deposit")
    )
    with desk.acting():
        row = Deposit.objects.latest("id")
        assert (row.client_id, row.amount_rub) == (anna.pk, Decimal(1500))
        assert users.actor_of(models.User.objects.get(role=CLERK)).label == row.actor
    assert postings(desk, row.entry_id) == {"segregated_nostro": 1500, "client_cash": -1500}
    assert desk.broken() == []


def test_a_payout_is_made_once_its_figures_were_seen(
    desk: Desk, anna: Client, login: Login
) -> None:
    browser, before = login(CLERK), counts(desk)
    said = submitted(**typed(desk, anna, "request_withdrawal"))
    first = browser.post(where(desk, "request_withdrawal"), said)
    number = masking.number(account_of(desk, anna).number)
    shown = first.content.decode()
    assert "Of 1,500.00 roubles 0.00 are withheld as tax, 1,500.00 go to" in shown
    assert f"{number}. Submit once more" in shown
    assert counts(desk) == before
    seen = {"_seen": first.context["form"].data["_seen"]}
    other = browser.post(where(desk, "request_withdrawal"), said | seen | {"amount_rub": "2000.00"})
    assert "Of 2,000.00 roubles" in other.content.decode()  # not what was seen
    assert counts(desk) == before
    second = browser.post(where(desk, "request_withdrawal"), said | seen)
    page = browser.get(second["HX-Redirect"]).content.decode()
    assert "Paid: 1,500.00 roubles leave, 0.00 are withheld." in page
    with desk.acting():
        row = Withdrawal.objects.get()
    assert (row.client_id, row.gross_rub, row.status) == (anna.pk, Decimal(1500), "PAID")
    assert postings(desk, row.entry_id) == {"client_cash": 1500, "payouts_in_flight": -1500}
    assert desk.broken() == []


def test_a_large_payout_waits_and_one_that_cannot_be_is_refused(
    desk: Desk, anna: Client, login: Login
) -> None:
    browser, rich = login(CLERK), desk.client("5000000")
    said = typed(desk, rich, "request_withdrawal") | {"amount_rub": "4000000.00"}
    page = told(browser, desk, "request_withdrawal", said)
    assert "waits for a second person" in page
    assert one(desk, Withdrawal, client=rich).status == "IN_REVIEW"
    assert "request_withdrawal" not in listed(browser, LargeWithdrawal)
    said = typed(desk, anna, "request_withdrawal") | {"amount_rub": "4000000.00"}
    page = told(browser, desk, "request_withdrawal", said)
    assert f"Refused. {WORDS['INSUFFICIENT_FUNDS']}" in page
    assert one(desk, Withdrawal, client=anna).codes == ["INSUFFICIENT_FUNDS"]


# --- Orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [DEALER, HEAD])
def test_an_order_is_placed_and_filled(
    desk: Desk, anna: Client, login: Login, role: users.Role
) -> None:
    browser = login(role)
    assert url(Order, "place_order") in listed(browser, Order)
    said = typed(desk, anna, "place_order")
    assert "Placed: filled." in told(browser, desk, "place_order", said)
    with desk.acting():
        order = Order.objects.get()
        fill = Fill.objects.get(order=order)
    assert (order.client_id, order.status, order.quote_id) == (anna.pk, "FILLED", None)
    assert order.client_order_id.startswith("dlg_")
    assert (fill.quantity, fill.price_rub) == (Decimal("0.01"), Decimal(3_015_000))
    assert desk.coins(anna) == {"BTC": Decimal("0.01")}
    assert "client_crypto" in postings(desk, fill.entry_id)
    assert desk.broken() == []


def test_a_limit_order_by_amount_rests(desk: Desk, anna: Client, login: Login) -> None:
    said = {"client_id": ids.show("cli", anna.pk)} | LIMIT
    assert "Placed: new." in told(login(DEALER), desk, "place_order", said)
    order = one(desk, Order)
    assert (order.kind, order.time_in_force, order.amount_rub) == ("LIMIT", "DAY", Decimal(30000))
    assert order.hold_id is not None
    assert desk.broken() == []


def test_an_order_that_rules_refuse_is_kept_and_says_why(
    desk: Desk, anna: Client, login: Login
) -> None:
    said = typed(desk, anna, "place_order") | {"quantity": "5"}
    page = told(login(DEALER), desk, "place_order", said)
    order = one(desk, Order)
    assert (order.status, "INSUFFICIENT_FUNDS" in order.codes) == ("REJECTED", True)
    for code in order.codes:
        assert WORDS[code].replace("'", "&#x27;") in page
    assert "Rejected. " in page


# --- Instruments and stock ------------------------------------------------------------------------


@pytest.mark.parametrize("role", [DEALER, HEAD])
def test_an_instrument_is_opened(desk: Desk, login: Login, role: users.Role) -> None:
    browser = login(role)
    assert url(Instrument, "open_instrument") in listed(browser, Instrument)
    assert "ETH-RUB is open." in told(browser, desk, "open_instrument", COIN)
    row = one(desk, Instrument, code="ETH-RUB")
    assert (row.spread_bps, row.fee_bps, row.tick_rub) == (100, 50, Decimal("0.5"))
    assert (row.min_quantity, row.max_quantity) == (Decimal("0.01"), Decimal(500))
    again = sent(browser, desk, "open_instrument", COIN)
    assert NOT_KEPT["INSTRUMENT_EXISTS"] in str(wrong(again))


@pytest.mark.parametrize(("command", "sign"), [("buy_stock", 1), ("sell_stock", -1)])
def test_stock_is_traded_on_the_venue(desk: Desk, login: Login, command: str, sign: int) -> None:
    browser, row = login(DEALER), one(desk, Instrument)
    assert url(Instrument, command, row.pk) in opened(browser, row)
    page = told(browser, desk, command, {"quantity": "1.5"})
    assert f"1.5 BTC {'bought' if sign > 0 else 'sold'} on the venue." in page
    with desk.acting():
        entry = Entry.objects.filter(kind="venue_trade").latest("id")
    assert url(Entry, "change", entry.pk) in page
    coins, roubles = Decimal("1.5") * sign, Decimal(4_500_000) * sign
    assert postings(desk, entry.pk) == {
        "own_custody": coins,
        "position": -coins,
        "currency_position": roubles,
        "own_nostro": -roubles,
    }
    assert desk.broken() == []


# --- What is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "field", "said", "place", "wrongly"),
    [
        ("record_deposit", "client_id", "", "", _REQUIRED),
        ("record_deposit", "client_id", "anna", "", "begins with cli_"),
        ("record_deposit", "amount_rub", "", "", _REQUIRED),
        ("record_deposit", "amount_rub", "1e3", "", "1 to 20 digits"),
        ("record_deposit", "amount_rub", "1,500.00", "", "1 to 20 digits"),
        ("record_deposit", "amount_rub", "١٥٠٠", "", "1 to 20 digits"),
        ("record_deposit", "amount_rub", "-1", "", "1 to 20 digits"),
        ("record_deposit", "amount_rub", "1.001", "", "2 decimals"),
        ("record_deposit", "amount_rub", "0", "", NOT_KEPT["AMOUNT_INVALID"]),
        ("record_deposit", "account_number", _NUMBER, "", _NOT_OWN),
        ("record_deposit", "bic", "044525000", "account_number", _NOT_OWN),
        ("request_withdrawal", "client_id", "", "", _REQUIRED),
        ("request_withdrawal", "amount_rub", "1.001", "", "2 decimals"),
        ("request_withdrawal", "amount_rub", "0.00", "", NOT_KEPT["AMOUNT_INVALID"]),
        ("request_withdrawal", "bank_account_id", "", "", _REQUIRED),
        ("request_withdrawal", "bank_account_id", _BAC, "", _NONE),
        ("place_order", "client_id", "", "", _REQUIRED),
        ("place_order", "client_id", _CLI, "", _NONE),
        ("place_order", "instrument", "", "", _REQUIRED),
        ("place_order", "instrument", "XMR-RUB", "", NOT_KEPT["INSTRUMENT_UNKNOWN"]),
        ("place_order", "side", "HOLD", "", "is not a valid choice"),
        ("place_order", "kind", "LIMIT", "limit_price_rub", "A LIMIT order has a limit price"),
        ("place_order", "time_in_force", "GTC", "", "A MARKET order is IOC or FOK."),
        ("place_order", "quantity", "", "", "Say either a quantity or an amount in roubles."),
        ("place_order", "quantity", "0.000000001", "", NOT_KEPT["AMOUNT_TOO_FINE"]),
        ("place_order", "quantity", "٠.٠١", "", "1 to 20 digits"),
        ("place_order", "quantity", "1e-2", "", "1 to 20 digits"),
        ("place_order", "amount_rub", "5", "quantity", "an amount in roubles"),
        ("open_instrument", "asset", "TULIP", "", NOT_KEPT["ASSET_UNKNOWN"]),
        ("open_instrument", "asset", "RUB", "", NOT_KEPT["NOT_A_COIN"]),
        ("open_instrument", "spread_bps", "", "", _REQUIRED),
        ("open_instrument", "spread_bps", "1.5", "", "A whole number, in digits."),
        ("open_instrument", "spread_bps", "١٠٠", "", "A whole number, in digits."),
        ("open_instrument", "fee_bps", "-1", "", "greater than or equal to 0"),
        ("open_instrument", "fee_bps", "5001", "", "less than or equal to 5000"),
        ("open_instrument", "max_quantity", "0.001", "__all__", NOT_KEPT["BOUNDS_INVALID"]),
        ("open_instrument", "tick_rub", "0.001", "", "2 decimals"),
        ("buy_stock", "quantity", "", "", _REQUIRED),
        ("buy_stock", "quantity", "0", "", NOT_KEPT["AMOUNT_INVALID"]),
        ("buy_stock", "quantity", "0.000000001", "", NOT_KEPT["AMOUNT_INVALID"]),
        ("buy_stock", "quantity", "1e1", "", "1 to 20 digits"),
        ("buy_stock", "quantity", "900", "__all__", NOT_KEPT["EXPOSURE_EXCEEDED"]),
        ("sell_stock", "quantity", "900", "__all__", WORDS["INVENTORY_SHORT"]),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_writes_nothing(
    desk: Desk,
    anna: Client,
    login: Login,
    command: str,
    field: str,
    said: str,
    place: str,
    wrongly: str,
) -> None:
    browser, before = login(CLERK if command in _BY_CLERK else DEALER), counts(desk)
    found = wrong(sent(browser, desk, command, typed(desk, anna, command) | {field: said}))
    assert list(found) == [place or field]
    assert wrongly in found[place or field][0]
    assert counts(desk) == before


@pytest.mark.parametrize("command", list(_PAGES))
def test_a_dialog_that_is_sent_twice_is_done_once(
    desk: Desk, anna: Client, login: Login, command: str
) -> None:
    browser = login(CLERK if command in _BY_CLERK else DEALER)
    said = seen(browser, desk, command, typed(desk, anna, command))
    first = browser.post(where(desk, command), said)
    after = counts(desk)
    second = browser.post(where(desk, command), said)
    assert second["HX-Redirect"] == first["HX-Redirect"]
    field = next(name for name in ("amount_rub", "quantity", "tick_rub") if name in said)
    changed = said | {field: "1"}
    assert "open a new dialog" in str(wrong(browser.post(where(desk, command), changed)))
    assert counts(desk) == after


def test_two_dialogs_that_say_the_same_are_two_orders(
    desk: Desk, anna: Client, login: Login
) -> None:
    browser, said = login(DEALER), typed(desk, anna, "place_order")
    for _ in range(2):
        told(browser, desk, "place_order", said)
    with desk.acting():
        assert Order.objects.count() == 2


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (CLERK, _BY_CLERK),
        (DEALER, set(_PAGES) - _BY_CLERK),
        (HEAD, set(_PAGES) - _BY_CLERK),
        (users.Role.COMPLIANCE, set()),
        (users.Role.AUDITOR, set()),
    ],
)
def test_who_may_not_is_not_offered_it(
    desk: Desk, anna: Client, login: Login, role: users.Role, may: set[str]
) -> None:
    browser, before = login(role), counts(desk)
    row = one(desk, Instrument)
    pages = "".join(listed(browser, model) for model in (Deposit, Withdrawal, Order, Instrument))
    pages += opened(browser, row)
    assert {command for command in _PAGES if where(desk, command) in pages} == may
    for command in set(_PAGES) - may:
        said = submitted(**typed(desk, anna, command))
        assert browser.post(where(desk, command), said).status_code == 403
    assert counts(desk) == before


def test_the_supervisor_enters_nothing(desk: Desk, anna: Client) -> None:
    with tenancy.acting(None, users.supervisor_of(desk.bank.jurisdiction_id)):
        person = users.create_user(
            username="vera", name="Vera", role=users.Role.SUPERVISOR, password=None
        )
    browser = session_of(person)
    for command in _PAGES:
        said = submitted(**typed(desk, anna, command))
        assert browser.post(where(desk, command), said).status_code == 403


@pytest.mark.parametrize("command", ["record_deposit", "request_withdrawal", "place_order"])
def test_another_bank_s_client_is_not_found(
    desk: Desk, login: Login, make_bank: Callable[[], models.Bank], command: str
) -> None:
    neighbour = Desk(make_bank())
    stranger = neighbour.client()
    browser, before = login(CLERK if command in _BY_CLERK else DEALER), counts(desk)
    said = typed(neighbour, stranger, command)
    found = wrong(sent(browser, desk, command, said))
    assert found == {"client_id": [_NONE]}
    assert counts(desk) == before
    with neighbour.acting():
        assert not Order.objects.exists()
        assert not Deposit.objects.exists()


def test_another_bank_s_account_and_instrument_are_not_reached(
    desk: Desk, anna: Client, login: Login, make_bank: Callable[[], models.Bank]
) -> None:
    neighbour = open_desk(make_bank())
    account = account_of(neighbour, neighbour.client())
    said = typed(desk, anna, "request_withdrawal")
    said |= {"bank_account_id": ids.show("bac", account.pk)}
    found = wrong(sent(login(CLERK), desk, "request_withdrawal", said))
    assert found == {"bank_account_id": [_NONE]}
    browser, theirs = login(DEALER), one(neighbour, Instrument).pk
    for command in ("buy_stock", "sell_stock"):
        answer = browser.post(url(Instrument, command, theirs), submitted(quantity="1"))
        assert answer.status_code == 403
