"""A planned day, done: every step over HTTP by whose it is, at its moment of business time.

One bank's steps go one after the other, for each may change what the next one finds; two banks
share nothing and go side by side. Between the moments the desk does what is due. So the same plan
on the same market ends the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.management import call_command

from simulation import identities, opening, plan
from simulation.caller import Answer, Unexpected
from simulation.house import Bank, House, patiently
from simulation.onboarding import Known
from simulation.plan import Step
from simulation.population import Applicant

CREATED, REFUSED = 201, 422  # by rules, and kept
_BPS, _KOPECK = Decimal(10_000), Decimal("0.01")


class Day:
    """A day in the making: `people` and `known` by number, `licences` by bank."""

    def __init__(
        self,
        house: House,
        people: Mapping[int, Applicant],
        known: Mapping[int, Known],
        licences: Mapping[str, str],
    ) -> None:
        self.house, self.people, self.known = house, people, known
        self.licences = {**licences}
        self._prices: dict[tuple[str, Any], Mapping[str, Mapping[str, str]]] = {}
        self._quotes: dict[tuple[int, str], str] = {}
        self._orders: dict[int, list[str]] = {}

    def run(self, steps: Sequence[Step], told: Callable[[int], None]) -> None:
        """Do the steps; `told` hears how many were done at each moment. Raises: Unexpected."""
        numbered = list(enumerate(steps))
        with ThreadPoolExecutor(max_workers=len(self.house.banks)) as banks:
            for at, group in itertools.groupby(numbered, key=lambda each: each[1].at):
                self.house.be_at(at)
                work_desk()
                due = list(group)
                streams = [
                    [each for each in due if each[1].bank == code] for code in self.house.banks
                ]
                list(banks.map(self._stream, streams))
                told(len(due))

    def _stream(self, steps: Sequence[tuple[int, Step]]) -> None:
        for number, step in steps:
            self._do(step, f"{self.house.stem}/{step.at:%Y-%m-%d}/{number}")

    def _do(self, step: Step, key: str) -> None:
        bank = self.house.banks[step.bank]
        match step.act:
            case plan.Order():
                self._order(bank, step, step.act, key)
            case plan.Quote(name, instrument):
                answer = bank.clients[step.client].post(
                    "quotes", {"instrument": instrument}, key=key
                )
                if answer.status == CREATED:
                    self._quotes[step.client, name] = answer.said["id"]
            case plan.Cancel():
                self._cancel(bank, step, key)
            case plan.Deposit():
                self._deposit(bank, step, step.act, key)
            case plan.Withdraw(amount_rub):
                account = self.known[step.client].account
                body = {"bank_account_id": account, "amount_rub": f"{amount_rub:.2f}"}
                _outcome(bank.clients[step.client].post("withdrawals", body, key=key))
            case plan.Decide(approves):
                self._decide(bank, step, approves, key)
            case plan.Freeze():
                body = {"code": "SUSPICION", "reason": "Odd sums from many hands."}
                path = f"clients/{self.known[step.client].client}/freeze"
                bank.staff["compliance"].post(path, body, key=key).done()
            case plan.Bust():
                self._bust(bank, step, key)
            case plan.Halt(instrument, stops):
                self._halt(bank, instrument, stops, key)
            case plan.License(anew):
                self._license(bank, anew)
            case plan.Revoke():
                self._end(bank, "revoke", "Given back: it does not permit to keep coins.", key)
            case plan.Suspend():
                self._end(bank, "suspend", "The register of the day before was not sent.", key)

    # --- Clients ---------------------------------------------------------------------------------

    def _order(self, bank: Bank, step: Step, order: plan.Order, key: str) -> None:
        body: dict[str, str] = {
            "client_order_id": key,
            "instrument": order.instrument,
            "side": order.side,
            "kind": "MARKET" if order.away_bps is None else "LIMIT",
            "time_in_force": order.time_in_force,
        }
        if order.quantity is not None:
            body["quantity"] = f"{order.quantity:f}"
        if order.amount_rub is not None:
            body["amount_rub"] = f"{order.amount_rub:.2f}"
        if order.away_bps is not None:
            body["limit_price_rub"] = self._limit(bank, step, order, order.away_bps)
        if order.quote:
            quote = self._quotes.get((step.client, order.quote))
            if quote is None:  # the instrument was halted when it was asked for
                return
            body["quote_id"] = quote
        answer = _outcome(bank.clients[step.client].post("orders", body, key=key))
        if answer.status == CREATED:
            self._orders.setdefault(step.client, []).append(answer.said["id"])

    def _limit(self, bank: Bank, step: Step, order: plan.Order, away_bps: int) -> str:
        prices = self._prices.get((bank.code, step.at))
        if prices is None:
            lines = bank.clients[step.client].get("prices")
            prices = {line["instrument"]: line for line in lines}
            self._prices[bank.code, step.at] = prices
        buys = order.side == "BUY"
        price = Decimal(prices[order.instrument]["ask_rub" if buys else "bid_rub"])
        moved = price * away_bps / _BPS
        return f"{(price - moved if buys else price + moved).quantize(_KOPECK)}"

    def _cancel(self, bank: Bank, step: Step, key: str) -> None:
        own = bank.clients[step.client]
        for order in reversed(self._orders.get(step.client, [])):
            if own.get(f"orders/{order}")["status"] in ("NEW", "PARTIALLY_FILLED"):
                answer = own.post(f"orders/{order}/cancel", key=key)
                if not _was_another(answer):
                    answer.done()
                return

    def _deposit(self, bank: Bank, step: Step, deposit: plan.Deposit, key: str) -> None:
        person = self.people[step.client]
        number = person.account if deposit.is_own else identities.account(1, of_firm=False)
        body = {
            "client_id": self.known[step.client].client,
            "bic": identities.BIC,
            "account_number": number,
            "amount_rub": f"{deposit.amount_rub:.2f}",
        }
        _outcome(bank.staff["operations"].post("deposits", body, key=key))

    # --- Staff -----------------------------------------------------------------------------------

    def _decide(self, bank: Bank, step: Step, approves: bool, key: str) -> None:
        head, client = bank.staff["head"], self.known[step.client].client
        for row in head.get("withdrawals?status=IN_REVIEW&limit=200")["data"]:
            if row["client_id"] == client:
                verb = "approve" if approves else "refuse"
                body = None if approves else {"reason": "Where the roubles go is not clear."}
                head.post(f"withdrawals/{row['id']}/{verb}", body, key=key).done()

    def _bust(self, bank: Bank, step: Step, key: str) -> None:
        order = self._orders[step.client][-1]
        (fill,) = bank.clients[step.client].get(f"fills?order_id={order}")["data"]
        reason = {"reason": "The price was mistyped."}
        path = f"fills/{fill['id']}/propose-bust"
        proposed = bank.staff["dealer"].post(path, reason, key=key).done()["proposal_id"]
        path = f"proposals/{proposed}/approve"
        bank.staff["head"].post(path, reason, key=f"{key}/second").done()

    def _halt(self, bank: Bank, instrument: str, stops: bool, key: str) -> None:
        head = bank.staff["head"]
        (row,) = [row for row in head.get("instruments")["data"] if row["code"] == instrument]
        reason = {"reason": "The venue's prices jump." if stops else "They are quiet again."}
        verb = "halt" if stops else "reopen"
        head.post(f"instruments/{row['id']}/{verb}", reason, key=key).done()

    # --- The state -------------------------------------------------------------------------------

    def _license(self, bank: Bank, anew: bool) -> None:
        if anew:
            self.licences[bank.code] = opening.apply_for_licence(self.house, bank, anew=True)
        opening.grant_licence(self.house, bank, self.licences[bank.code], anew=anew)
        if anew:
            opening.lay_in(self.house, bank)

    def _end(self, bank: Bank, verb: str, reason: str, key: str) -> None:
        path = f"licences/{self.licences[bank.code]}/{verb}"
        self.house.officers["supervisor"].post(path, {"reason": reason}, key=key).done()


def close_day(house: House, day: date) -> None:
    """Close a business day in every bank once it is over, and let go what waited for that.

    What is due at a closed day, its reports above all, follows here.
    """
    house.be_at(plan.moment(day + timedelta(days=1), "00:05"))
    work_desk()  # the day's orders run out
    for bank in house.banks.values():
        path = f"books/{opening.book_of(bank)}/closes"
        body = {"business_date": day.isoformat()}
        bank.staff["operations"].post(path, body, key=f"{house.stem}/close/{day}").done()
    work_desk()  # payouts that waited for the sweep


def work_desk() -> None:
    """Do once what the desk's process does: events, orders that rest, payouts in flight."""
    patiently(lambda: call_command("desk", once=True))


def _was_another(answer: Answer) -> bool:
    """Say whether the command was sent before, in a run that was cut off, with other words.

    Prices and what rests may be others by now. What was done then stands.
    """
    return answer.codes == ["IDEMPOTENCY_KEY_REUSED"]


def _outcome(answer: Answer) -> Answer:
    """Return an answer that is one: done, or refused by rules. Raises: Unexpected."""
    if answer.status not in (CREATED, REFUSED):
        raise Unexpected(f"{answer.status}: {answer.said}")
    return answer
