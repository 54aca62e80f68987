"""The plain bank but for its orders: the clock, the market, roubles in and out, tax, the house."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from tests.desk.market import Swings
from tests.desk.plain import (
    COIN,
    LARGE,
    MOSCOW,
    ROUBLE,
    Client,
    Fill,
    Order,
    Quote,
    Withdrawal,
    Year,
    quotient,
    remit_by,
)
from tests.kyc.clients import AT


class Treasury:
    """What one bank keeps. What a method is refused by it returns, and then changes nothing."""

    def __init__(self, names: Sequence[str]) -> None:
        self.now = AT
        self.clients = {name: Client(name) for name in names}
        self.house: dict[tuple[str, str], int] = defaultdict(int)  # (line, asset): normal side
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.withdrawals: list[Withdrawal] = []
        self.withheld: list[tuple[date, int]] = []  # by when it is remitted, how much
        self.licensed = self.open = True

    # --- The market and the clock ---

    @property
    def today(self) -> date:
        return (self.now + MOSCOW).date()

    def midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=AT.tzinfo) - MOSCOW

    def prices(self) -> tuple[int, int] | None:
        """Bid and ask: the middle less and plus half a per cent, to the rouble, for the desk."""
        middle = Swings.mid(self.now)
        if middle is None:
            return None
        kopecks = int(middle * ROUBLE)
        return (
            kopecks * 199 // (200 * ROUBLE) * ROUBLE,
            -(-kopecks * 201 // (200 * ROUBLE)) * ROUBLE,
        )

    def quote(self, most: int) -> Quote | str:
        """Two prices that hold for a quarter of a minute, or why there are none."""
        prices = self.prices()
        if not self.open:
            return "INSTRUMENT_HALTED"
        if prices is None:
            return "PRICE_UNAVAILABLE"
        return Quote(prices, self.now + timedelta(seconds=15), most)

    # --- Roubles in and out ---

    def deposit(self, name: str, amount: int, *, own: bool) -> str | None:
        client = self.clients[name]
        if amount <= 0:
            return "AMOUNT_INVALID"
        if not self.licensed:
            return "LICENCE_SUSPENDED"
        if client.status == "FROZEN":
            return "CLIENT_FROZEN"
        if not own:
            return "ACCOUNT_NOT_OWN"
        client.cash += amount
        self.house["segregated_nostro", "RUB"] += amount
        return None

    def withdraw(self, name: str, amount: int, *, own: bool) -> str | None:
        """Large ones wait for a second person. Neither limit nor licence holds clients in."""
        client = self.clients[name]
        if amount <= 0:
            return "AMOUNT_INVALID"
        rules = {
            "CLIENT_FROZEN": client.status == "FROZEN",
            "ACCOUNT_NOT_OWN": not own,
            "INSUFFICIENT_FUNDS": amount > client.free_cash,
        }
        row = Withdrawal(
            name, "REFUSED", [code for code, broken in rules.items() if broken], amount
        )
        self.withdrawals.append(row)
        if row.codes:
            return None
        if amount >= LARGE:
            row.status = "IN_REVIEW"
            client.held_cash += amount
        else:
            self._pay(row)
        return None

    def decide(self, row: Withdrawal, *, approve: bool, same: bool) -> str | None:
        client = self.clients[row.client]
        if row.status != "IN_REVIEW":
            return "STATUS_CONFLICT"
        if same:
            return "MAKER_IS_CHECKER"
        if approve and client.status == "FROZEN":
            return "CLIENT_FROZEN"
        client.held_cash -= row.gross
        if approve:
            self._pay(row)
        else:
            row.status, row.codes = "REFUSED", ["REVIEW_REFUSED"]
        return None

    def _pay(self, row: Withdrawal) -> None:
        """Withhold: in January first what the old year owes, then of the running one.

        Of that all that is due if its whole tax is within what is left of the payout, else a part.
        """
        client, left = self.clients[row.client], row.gross
        old = client.years.get(self.today.year - 1)
        if old is not None and self.today <= date(self.today.year, 1, 31):
            left -= self._withhold(client, old, left)
            if left < row.gross:
                old.short = client.missing(old)
        year = client.years.get(self.today.year, Year())
        most = left
        if client.tax_on(year.realised) > left:
            most = quotient(left * client.rate(year.realised), 100 * ROUBLE) * ROUBLE
        row.tax = row.gross - left + self._withhold(client, year, min(most, left))
        row.net, row.status = row.gross - row.tax, "PAID"
        client.cash -= row.gross
        self.house["payouts_in_flight", "RUB"] += row.net

    def _withhold(self, client: Client, year: Year, most: int) -> int:
        """Withhold what a year still owes, in whole roubles; return it."""
        tax = min(client.missing(year), most // ROUBLE * ROUBLE)
        if tax:
            year.withheld += tax
            year.over = 0
            self.house["tax_payable", "RUB"] += tax
            self.withheld.append((remit_by(self.today), tax))
        return tax

    def settle(self, row: Withdrawal) -> str | None:
        if row.status != "PAID":
            return "STATUS_CONFLICT"
        if row.net > self.house["segregated_nostro", "RUB"]:
            return "INVENTORY_SHORT"
        self.house["payouts_in_flight", "RUB"] -= row.net
        self.house["segregated_nostro", "RUB"] -= row.net
        row.status = "SETTLED"
        return None

    # --- The house ---

    def restock(self, quantity: int) -> str | None:
        """Buy coins on the venue at the middle of the market, from own roubles, under a licence."""
        middle = Swings.mid(self.now)
        if middle is None:
            return "PRICE_UNAVAILABLE"
        if not self.licensed:
            return "LICENCE_SUSPENDED"
        value = quotient(quantity * int(middle * ROUBLE), COIN)
        if value > self.house["own_nostro", "RUB"]:
            return "INVENTORY_SHORT"
        self.house["own_nostro", "RUB"] -= value
        self.house["currency_position", "RUB"] -= value
        self.house["own_custody", "BTC"] += quantity
        self.house["position", "BTC"] += quantity
        return None

    def due(self) -> dict[str, int]:
        """What clients, the state and payouts are owed, less what is set apart for them."""
        house, clients = self.house, self.clients.values()
        owed = house["tax_payable", "RUB"] + house["payouts_in_flight", "RUB"]
        return {
            "BTC": sum(each.coins for each in clients) - house["segregated_custody", "BTC"],
            "RUB": owed + sum(each.cash for each in clients) - house["segregated_nostro", "RUB"],
        }

    def close(self) -> str | None:
        """Sweep what is due, both ways."""
        due = self.due()
        if due["RUB"] > self.house["own_nostro", "RUB"]:
            return "INVENTORY_SHORT"
        for asset, kind in (("RUB", "nostro"), ("BTC", "custody")):
            self.house[f"segregated_{kind}", asset] += due[asset]
            self.house[f"own_{kind}", asset] -= due[asset]
        return None

    def year_end(self, year: int) -> str | None:
        """In January take what free roubles there are; later only say what is missing.

        A year is closed when it owes nothing, or when January is over. One that owes is asked again
        when there are roubles.
        """
        if self.today.year <= year:
            return "YEAR_NOT_OVER"
        late = self.today > date(year + 1, 1, 31)
        for client in self.clients.values():
            row = client.years.get(year)
            can_pay = client.free_cash >= ROUBLE
            if row is None or row.closed or not (late or can_pay or not row.short):
                continue
            if not late:
                client.cash -= self._withhold(client, row, client.free_cash)
            row.short = client.missing(row)
            row.closed = late or not row.short
        return None

    def years_to_end(self) -> list[int]:
        """Return the years that some client's is not closed of."""
        each = [client.years.items() for client in self.clients.values()]
        return sorted({year for rows in each for year, row in rows if not row.closed})

    def remit(self, until: date) -> tuple[str | None, int]:
        """Send what was withheld and is due; return what refuses it, and how much it is."""
        due = [row for row in self.withheld if row[0] <= until]
        amount = sum(tax for _, tax in due)
        if amount > self.house["segregated_nostro", "RUB"]:
            return "INVENTORY_SHORT", amount
        self.withheld = [row for row in self.withheld if row[0] > until]
        self.house["tax_payable", "RUB"] -= amount
        self.house["segregated_nostro", "RUB"] -= amount
        return None, amount
