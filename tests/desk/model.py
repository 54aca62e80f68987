"""A desk in plain words: what `test_state_machine` holds the real one against.

One order after the other, one client after the other; what is counted and how is in `plain`.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeGuard

from tests.desk.plain import (
    COIN,
    MAX,
    MIN,
    Ask,
    Client,
    Fill,
    Lot,
    Order,
    Quote,
    amount,
    cost,
    quotient,
)
from tests.desk.treasury import Treasury


class Model(Treasury):
    """The desk of one bank: its orders, what becomes of them, and all that is kept."""

    # --- Orders ---

    def place(self, ask: Ask) -> Order:
        client, year = self.clients[ask.client], self.today.year
        desk, good, judged = self._look(ask)
        ordered = self._ordered(ask, judged)
        within = MIN <= ordered <= (ask.quote.most if self._holds(ask.quote) else MAX)
        done = ordered if within and good else 0
        if ask.buys and ask.force != "FOK":
            done = min(done, self.house["position", "BTC"])
        waits = within and ask.rests and done < ordered
        reserved = takes = 0
        if ask.buys and waits:
            assert ask.limit is not None
            takes = reserved = sum(cost(ordered - done, ask.limit))
        if ask.buys and done:
            assert desk is not None
            takes += sum(cost(done, desk))
        asks = takes  # what takes nothing is judged on the whole
        if ask.buys and not takes and judged:
            asks = sum(cost(ordered, judged))
        exceeds = bool(asks) and asks > client.limit_left(year)
        bad = "PRICE_UNAVAILABLE"
        if ask.quote:
            bad = "QUOTE_USED" if ask.quote.used else "QUOTE_EXPIRED"
        rules = {
            "LICENCE_SUSPENDED": not self.licensed,
            "CLIENT_FROZEN": client.status == "FROZEN",
            "TEST_REQUIRED": client.name == "untested" and exceeds,
            "LIMIT_EXCEEDED": exceeds,
            "INSTRUMENT_HALTED": not self.open,
            "QUANTITY_OUT_OF_BOUNDS": not within and bool(judged or ask.quantity is not None),
            bad: desk is None and not ask.rests,
            "INSUFFICIENT_FUNDS": asks > client.free_cash
            if ask.buys
            else ordered > client.free_coins,
            "INVENTORY_SHORT": ask.buys
            and good
            and within
            and (done > self.house["position", "BTC"] or not (done or waits)),
            "PRICE_NOT_REACHED": desk is not None and not good and not ask.rests,
        }
        codes = [code for code, broken in rules.items() if broken]
        order = Order(ask, year, "REJECTED", codes, ordered)
        self.orders.append(order)
        if ask.rests:
            ends = date(year + 1, 1, 1) if ask.force == "GTC" else self.today + timedelta(days=1)
            order.expires_at = self.midnight(ends)
        if codes:
            return order
        if ask.quote:
            ask.quote.used = True
        if done:
            assert desk is not None
            self._fill(order, done, desk, *cost(done, desk))
        order.status = "FILLED" if done == ordered else "CANCELED"
        if waits:
            order.status = "PARTIALLY_FILLED" if done else "NEW"
            self._reserve(order, reserved)
        return order

    def _look(self, ask: Ask, *, works: bool = False) -> tuple[int | None, bool, int | None]:
        """The desk's price, whether it is as good as the limit, and at which amounts count."""
        prices = self.prices()
        if ask.quote and not works:
            prices = ask.quote.prices if self._holds(ask.quote) else None
        if prices is None:
            return None, False, ask.limit
        desk = prices[ask.buys]
        good = ask.limit is None or (desk <= ask.limit if ask.buys else desk >= ask.limit)
        return desk, good, desk if good else ask.limit

    def _holds(self, quote: Quote | None) -> TypeGuard[Quote]:
        """Whether there is a quote that the desk holds to."""
        return quote is not None and self.now < quote.expires_at and not quote.used

    def _ordered(self, ask: Ask, price: int | None) -> int:
        """By amount, as much as it pays for, fee and rounding included; nothing without a price."""
        if ask.quantity is not None:
            return ask.quantity
        assert ask.amount is not None
        if not price:
            return 0
        gross = 10_000 if not ask.buys else 10_050
        quantity = ask.amount * COIN * 10_000 // (price * gross)
        while sum(cost(quantity, price)[: 1 + ask.buys]) > ask.amount:
            quantity -= 1
        return quantity

    def _reserve(self, order: Order, reserved: int) -> None:
        """Hold what rests: roubles, which count in the limit, or coins."""
        client = self.clients[order.ask.client]
        if order.ask.buys:
            client.used[order.year] += reserved - order.reserved
            client.held_cash += reserved - order.reserved
            order.reserved = reserved
        else:
            client.held_coins += order.left

    def _release(self, order: Order) -> None:
        client = self.clients[order.ask.client]
        if order.ask.buys:
            client.used[order.year] -= order.reserved
            client.held_cash -= order.reserved
            order.reserved = 0
        else:
            client.held_coins -= order.left

    def end(self, order: Order, status: str) -> str | None:
        if not order.is_resting:
            return "STATUS_CONFLICT"
        self._release(order)
        order.status = status
        return None

    def work(self) -> list[Order]:
        """Execute and expire, the oldest first; return the orders that the desk looks at."""
        due = [order for order in self.orders if order.is_resting and self._is_due(order)]
        for order in due:
            assert order.expires_at is not None
            if order.expires_at <= self.now:
                self.end(order, "EXPIRED")
            elif self.licensed and self.clients[order.ask.client].status == "OPEN":
                self._work(order)
        return due

    def _is_due(self, order: Order) -> bool:
        assert order.expires_at is not None
        return order.expires_at <= self.now or (self.open and self._look(order.ask, works=True)[1])

    def _work(self, order: Order) -> None:
        """Parts cost no more than what was reserved, and what a better price leaves is free."""
        ask, there = order.ask, self.house["position", "BTC"]
        desk, _, _ = self._look(ask, works=True)
        assert desk is not None
        assert ask.limit is not None
        done = min(order.left, there) if ask.buys else order.left
        notional, fee = cost(done, desk)
        if not notional:  # nothing to sell, or less than a kopeck's worth
            return
        before = order.reserved
        self._release(order)
        reserved = 0
        if ask.buys:
            notional = min(notional, before)
            fee = min(fee, before - notional)
            rest = sum(cost(order.left - done, ask.limit))
            reserved = min(rest, before - notional - fee)
        self._fill(order, done, desk, notional, fee)
        order.status = "PARTIALLY_FILLED" if order.left else "FILLED"
        self._reserve(order, reserved)

    def _fill(self, order: Order, quantity: int, price: int, notional: int, fee: int) -> None:
        client = self.clients[order.ask.client]
        fill = Fill(order, quantity, price, notional, fee, self.today.year)
        self.fills.append(fill)
        order.filled += quantity
        if order.ask.buys:
            client.used[order.year] += notional + fee
            client.lots.append(Lot(fill, quantity, quantity, notional + fee))
        else:
            self._sell(client, fill)
        self._deliver(fill, 1)

    def _deliver(self, fill: Fill, times: int) -> None:
        """Against payment, the fee apart; with -1 for `times`, back again."""
        client, sign = self.clients[fill.order.ask.client], times if fill.order.ask.buys else -times
        client.cash -= sign * fill.notional + times * fill.fee
        client.coins += sign * fill.quantity
        self.house["currency_position", "RUB"] += sign * fill.notional
        self.house["fees", "RUB"] += times * fill.fee
        self.house["position", "BTC"] -= sign * fill.quantity

    def _sell(self, client: Client, fill: Fill) -> None:
        """First in, first out; a lot's last part takes what is left of its cost."""
        missing = fill.quantity
        for lot in client.lots:
            part = min(missing, lot.left)
            if not part:
                continue
            taken = quotient(lot.cost_left * part, lot.left)
            lot.left -= part
            lot.cost_left -= taken
            fill.slices.append((lot, part, taken))
            missing -= part
        assert not missing
        fill.result = fill.notional - fill.fee - sum(taken for _, _, taken in fill.slices)
        client.realise(fill.year, fill.result)

    def bust(self, fill: Fill) -> str | None:
        """As if it had never been, if what it brought is still there."""
        buys, client = fill.order.ask.buys, self.clients[fill.order.ask.client]
        mine = [each for each in self.fills if each.order.ask.client == client.name]
        lots = [lot for lot in client.lots if lot.fill is fill]
        later = [each for each in mine[mine.index(fill) + 1 :] if each.slices and not each.busted]
        if fill.busted:
            return "FILL_BUSTED"
        if (lots and lots[0].left != fill.quantity) or (not buys and later):
            return "FILL_SPENT"
        if (fill.quantity > client.free_coins) if buys else (fill.brought > client.free_cash):
            return "INSUFFICIENT_FUNDS"
        if not buys and fill.quantity > self.house["position", "BTC"]:
            return "INVENTORY_SHORT"
        fill.busted = True
        self._deliver(fill, -1)
        if buys:
            client.used[fill.order.year] -= fill.notional + fill.fee
            client.lots.remove(lots[0])
            return None
        for lot, part, taken in fill.slices:
            lot.left += part
            lot.cost_left += taken
        client.realise(fill.year, -fill.result)
        return None

    # --- All of it ---

    def kept(self) -> dict[str, list[Any]]:
        """Return the rows that the bank's tables are to have, each with its client first."""

        def roubles(*kopecks: int) -> list[Decimal]:
            return [amount("RUB", each) for each in kopecks]

        accounts = [("", *key, units, 0) for key, units in self.house.items()]
        for each in self.clients.values():
            accounts.append((each.name, "client_cash", "RUB", each.cash, each.held_cash))
            accounts.append((each.name, "client_crypto", "BTC", each.coins, each.held_coins))
        clients = list(self.clients.values())
        return {
            "accounts": sorted(
                [owner, line, asset, amount(asset, balance), amount(asset, held)]
                for owner, line, asset, balance, held in accounts
                if balance or held
            ),
            "clients": [
                [each.name, each.status, *roubles(each.used[self.today.year])] for each in clients
            ],
            "orders": [
                [
                    each.ask.client,
                    str(each.ask.number),
                    each.status,
                    each.codes,
                    amount("BTC", each.ordered),
                    amount("BTC", each.filled),
                    *roubles(each.reserved),
                ]
                for each in self.orders
            ],
            "fills": [
                [
                    each.order.ask.client,
                    str(each.order.ask.number),
                    amount("BTC", each.quantity),
                    *roubles(each.price, each.notional, each.fee),
                    each.busted,
                ]
                for each in self.fills
            ],
            "lots": [
                [each.name, amount("BTC", lot.left), *roubles(lot.cost_left)]
                for each in clients
                for lot in each.lots
                if lot.left
            ],
            "years": [
                [
                    each.name,
                    year,
                    *roubles(row.realised, row.withheld, row.over, row.short),
                    row.closed,
                ]
                for each in clients
                for year, row in sorted(each.years.items())
            ],
            "withdrawals": [
                [each.client, each.status, each.codes, *roubles(each.gross, each.tax, each.net)]
                for each in self.withdrawals
            ],
        }
