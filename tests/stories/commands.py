"""Every command of the API with a body that is good: what the tests of bad ones begin from.

A command stands here under its `operationId`, as a function that makes what it is about and
returns who sends what where. One that is not here fails `test_nonsense`.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import licensing.operations
from common import ids, models, tenancy, users
from kyc import identification
from kyc.identification import Owner
from kyc.models import Client, ScreeningHit
from licensing.models import Licence
from tests.conftest import AT
from tests.kyc import clients
from tests.licensing import licences
from tests.stories.test_licence import APPLICATION, GRANT
from tests.stories.test_onboarding import Person, application, right_letters
from tests.stories.test_trading import House, order

_numbers = itertools.count(1)
REASON = {"reason": "It is so."}


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """A request that is good: who sends it, where, and how it is answered."""

    who: Person
    path: str
    body: dict[str, Any]
    status: int = 200


class World:
    """A state with a bank that trades, and other banks as they are needed."""

    def __init__(self, house: House) -> None:
        self.house, self.bank = house, house.bank
        self.state = users.supervisor_of(self.bank.jurisdiction_id)
        self.irina, self.pavel = (Person(users.Role.SUPERVISOR, self.state) for _ in "ab")
        self.vera = house.somebody(users.Role.COMPLIANCE)
        self.auditor = house.somebody(users.Role.AUDITOR)
        self.anna, self.hers = house.client("400000")
        self.rich, self.his = house.client("90000000", category="QUALIFIED")
        (self.book,) = house.clerk.get("books")["data"]
        self.account = house.clerk.get("accounts?limit=1")["data"][0]["id"]

    @functools.cached_property
    def fill(self) -> str:
        self.anna.post("orders", order(quantity="0.01"), status=201)
        return str(self.anna.get("fills?limit=1")["data"][0]["id"])

    @functools.cached_property
    def closed(self) -> str:
        day = self.day()
        self.house.clerk.post(f"books/{self.book['id']}/closes", day, status=201)
        return day["business_date"]

    @functools.cached_property
    def run(self) -> str:
        body = {"report": "daily-register", "first": self.closed, "last": self.closed}
        return str(self.house.clerk.post("report-runs", body, status=202)["id"])

    def day(self) -> dict[str, str]:
        """Return what closes the book's open day."""
        (book,) = self.house.clerk.get("books")["data"]
        return {"business_date": book["open_date"]}

    def client(self, made: Callable[..., Client], *said: Any) -> str:
        """Return the id of a client made as the tests of clients make one."""
        return ids.show("cli", made(self.bank, *said).pk)

    def frozen(self) -> str:
        client = self.client(clients.open_client)
        body = {"code": "SUSPICION", "reason": "Odd sums."}
        self.vera.post(f"clients/{client}/freeze", body)
        return client

    def hit(self) -> str:
        owners = [Owner("Semyon Belokrylov", date(1985, 5, 5), Decimal(100))]
        client = clients.identify(self.bank, clients.entity(owners=owners))
        with tenancy.acting(self.bank.pk, self.house.office):
            return ids.show("hit", ScreeningHit.objects.filter(client=client)[0].pk)

    def instrument(self, asset: str, status: str) -> str:
        """Return the id of an instrument of the asset in that status, which nobody trades."""
        head, bounds = self.house.head, {"min_quantity": "0.0001", "max_quantity": "100"}
        body = {"asset": asset, "spread_bps": 100, "fee_bps": 50, "tick_rub": "1.00", **bounds}
        known = {each["asset"]: each for each in head.get("instruments")["data"]}
        row = known.get(asset) or head.post("instruments", body, status=201)
        if row["status"] != status:
            move = "halt" if status == "HALTED" else "reopen"
            head.post(f"instruments/{row['id']}/{move}", REASON)
        return str(row["id"])

    def withdrawal(self) -> str:
        body = {"bank_account_id": self.his["account"], "amount_rub": "3000000.00"}
        return str(self.rich.post("withdrawals", body, status=201)["id"])

    def proposal(self) -> str:
        bought = self.anna.post("orders", order(quantity="0.001"), status=201)
        (fill,) = self.anna.get(f"fills?order_id={bought['id']}")["data"]
        path = f"fills/{fill['id']}/propose-bust"
        return str(self.house.dealer.post(path, REASON, status=202)["proposal_id"])

    def entry(self) -> dict[str, Any]:
        roubles = f"{next(_numbers)}.00"
        return {
            "lines": [
                {"line": "own_nostro", "asset": "RUB", "amount": roubles},
                {"line": "capital", "asset": "RUB", "amount": f"-{roubles}"},
            ],
            "reason": "The owners pay in capital.",
        }

    def passport(self) -> dict[str, Any]:
        document: dict[str, Any] = application()["person"]["document"]
        return document

    def account_of_hers(self) -> dict[str, str]:
        number = identification.account_number(clients.BIC, "40817", 5000 + next(_numbers))
        return {"bic": clients.BIC, "number": number, "bank_name": "Сбербанк"}

    # --- Licences --------------------------------------------------------------------------------

    def exchange(self) -> dict[str, str]:
        name = clients.entity()
        numbers = {"inn": name.inn, "ogrn": name.ogrn}
        return {"kind": "EXCHANGE_OPERATOR", "legal_name": "Quay Exchange JSC", **numbers}

    def applicant(self) -> models.Bank:
        code = f"applicant{next(_numbers)}-{self.bank.code}"
        return users.register_bank(actor=self.state, code=code, name="South Bank")

    def applied(self) -> str:
        return ids.show("lap", licences.applied(self.applicant()).pk)

    def licence(self, granted: bool = False) -> Licence:
        sent = licences.applied(self.applicant())
        with tenancy.acting(None, licences.officer(self.bank.jurisdiction_id, "maker")):
            row = licensing.operations.acknowledge(application_id=sent.pk, at=AT)
        return licences.grant(row) if granted else row

    def licence_id(self, granted: bool = False) -> str:
        return ids.show("lic", self.licence(granted).pk)

    def complete(self) -> str:
        licence = self.licence_id()
        self.irina.post(f"licences/{licence}/complete")
        return licence

    def suspended(self) -> str:
        licence = self.licence_id(granted=True)
        self.irina.post(f"licences/{licence}/suspend", REASON)
        return licence

    def question(self) -> tuple[Person, str]:
        licence = self.licence()
        path = f"licences/{ids.show('lic', licence.pk)}/questions"
        asked = self.irina.post(path, {"text": "Who audits the desk?"}, status=201)
        clerk = Person(users.Role.OPERATIONS, users.job("office", licence.bank_id))
        return clerk, asked["id"]


Make = Callable[[World], Command]
COMMANDS: dict[str, list[Make]] = {}


def command(make: Make) -> Make:
    """Register the function as a way to send the command of its name, up to a double `_`."""
    COMMANDS.setdefault(make.__name__.partition("__")[0], []).append(make)
    return make


# --- The house -----------------------------------------------------------------------------------


@command
def revoke_api_key(world: World) -> Command:
    leaver = world.house.somebody(users.Role.DEALER)
    keys = world.house.clerk.get("api-keys?limit=200")["data"]
    (key,) = (each["id"] for each in keys if each["user_id"] == leaver.label)
    return Command(world.house.clerk, f"api-keys/{key}/revoke", {})


@command
def deactivate_user(world: World) -> Command:
    leaver = world.house.somebody(users.Role.DEALER)
    return Command(world.house.clerk, f"users/{leaver.label}/deactivate", REASON)


@command
def reactivate_user(world: World) -> Command:
    leaver = world.house.somebody(users.Role.DEALER)
    world.house.clerk.post(f"users/{leaver.label}/deactivate", REASON)
    body = {"password": "seven quiet harbours", **REASON}
    return Command(world.house.clerk, f"users/{leaver.label}/reactivate", body)


@command
def set_password(world: World) -> Command:
    forgetful = world.house.somebody(users.Role.DEALER)
    body = {"password": "seven quiet harbours", **REASON}
    return Command(world.house.clerk, f"users/{forgetful.label}/set-password", body)


@command
def approve_proposal(world: World) -> Command:
    return Command(world.house.head, f"proposals/{world.proposal()}/approve", REASON)


@command
def reject_proposal(world: World) -> Command:
    return Command(world.house.head, f"proposals/{world.proposal()}/reject", REASON)


@command
def close_day(world: World) -> Command:
    return Command(world.house.clerk, f"books/{world.book['id']}/closes", world.day(), 201)


@command
def run_report(world: World) -> Command:
    body = {"report": "daily-register", "first": world.closed, "last": world.closed}
    return Command(world.house.clerk, "report-runs", body, 202)


@command
def propose_manual_entry(world: World) -> Command:
    path = f"books/{world.book['id']}/manual-entries"
    return Command(world.house.clerk, path, world.entry(), 202)


# --- The licence ---------------------------------------------------------------------------------


@command
def set_regime(world: World) -> Command:
    body = {"overlay": "concept-2025", "valid_from": "2026-07-01"}
    return Command(world.irina, "regimes", body, 201)


@command
def register_participant(world: World) -> Command:
    return Command(world.irina, "participants", world.exchange(), 201)


@command
def remove_participant(world: World) -> Command:
    entered = world.irina.post("participants", world.exchange(), status=201)
    return Command(world.irina, f"participants/{entered['id']}/remove", REASON)


@command
def propose_admission(world: World) -> Command:
    return Command(world.irina, "admitted-assets", {"asset": "XRP", **REASON}, 202)


@command
def withdraw_asset(world: World) -> Command:
    return Command(world.irina, "admitted-assets/USDT/withdraw", REASON)


@command
def apply_for_licence(world: World) -> Command:
    clerk = Person(users.Role.OPERATIONS, users.job("office", world.applicant().pk))
    body = APPLICATION | {"ogrn": clients.ogrn(f"10277{next(_numbers):07}")}
    return Command(clerk, "licence-applications", body, 201)


@command
def acknowledge_application(world: World) -> Command:
    path = f"licence-applications/{world.applied()}/acknowledge"
    return Command(world.irina, path, {}, 201)


@command
def ask_question(world: World) -> Command:
    path = f"licences/{world.licence_id()}/questions"
    return Command(world.irina, path, {"text": "Who audits the desk?"}, 201)


@command
def answer_question(world: World) -> Command:
    clerk, question = world.question()
    return Command(clerk, f"questions/{question}/answer", {"text": "The board."}, 201)


@command
def declare_complete(world: World) -> Command:
    return Command(world.irina, f"licences/{world.licence_id()}/complete", {})


@command
def propose_grant(world: World) -> Command:
    body = GRANT | {"conditions": "No lending.", "exposure_limit_rub": "1000000.00"}
    return Command(world.irina, f"licences/{world.complete()}/propose-grant", body, 202)


@command
def refuse_application(world: World) -> Command:
    return Command(world.irina, f"licences/{world.complete()}/refuse", REASON)


@command
def suspend_licence(world: World) -> Command:
    path = f"licences/{world.licence_id(granted=True)}/suspend"
    return Command(world.irina, path, REASON)


@command
def reinstate_licence(world: World) -> Command:
    return Command(world.irina, f"licences/{world.suspended()}/reinstate", REASON)


@command
def revoke_licence(world: World) -> Command:
    path = f"licences/{world.licence_id(granted=True)}/revoke"
    return Command(world.irina, path, REASON)


# --- Clients -------------------------------------------------------------------------------------


@command
def apply_for_client(world: World) -> Command:
    return Command(world.house.clerk, "clients", application(), 201)


@command
def apply_for_client__as_an_entity(world: World) -> Command:
    said = clients.entity()
    owner = {"name": "Аникеев Пётр", "birth_date": "1980-01-02", "share_percent": "100"}
    entity = {"legal_name": said.legal_name, "inn": said.inn, "ogrn": said.ogrn, "owners": [owner]}
    return Command(world.house.clerk, "clients", {"residency": "RESIDENT", "entity": entity}, 201)


@command
def replace_document(world: World) -> Command:
    path = f"clients/{world.client(clients.open_client)}/documents"
    return Command(world.house.clerk, path, world.passport())


@command
def add_bank_account(world: World) -> Command:
    path = f"clients/{world.hers['id']}/bank-accounts"
    return Command(world.anna, path, world.account_of_hers(), 201)


@command
def close_bank_account(world: World) -> Command:
    path = f"clients/{world.hers['id']}/bank-accounts"
    made = world.anna.post(path, world.account_of_hers(), status=201)
    return Command(world.anna, f"bank-accounts/{made['id']}/close", {})


@command
def draw_test(world: World) -> Command:
    return Command(world.house.clerk, f"clients/{world.client(clients.apply)}/tests", {}, 201)


@command
def answer_test(world: World) -> Command:
    path = f"clients/{world.client(clients.apply)}/tests"
    drawn = world.house.clerk.post(path, status=201)
    body = {"answers": right_letters(drawn)}
    return Command(world.house.clerk, f"tests/{drawn['id']}/answers", body)


@command
def identify_client(world: World) -> Command:
    return Command(world.vera, f"clients/{world.client(clients.apply)}/identify", {})


@command
def screen_client(world: World) -> Command:
    return Command(world.vera, f"clients/{world.client(clients.open_client)}/screen", {})


@command
def review_client(world: World) -> Command:
    return Command(world.vera, f"clients/{world.client(clients.open_client)}/review", {})


@command
def approve_client(world: World) -> Command:
    return Command(world.vera, f"clients/{world.client(clients.identify)}/approve", REASON)


@command
def refuse_client(world: World) -> Command:
    body = {"code": "PAPERS_DOUBTFUL", **REASON}
    return Command(world.vera, f"clients/{world.client(clients.identify)}/refuse", body)


@command
def freeze_client(world: World) -> Command:
    body = {"code": "COURT_ORDER", **REASON}
    return Command(world.vera, f"clients/{world.client(clients.open_client)}/freeze", body)


@command
def unfreeze_client(world: World) -> Command:
    return Command(world.vera, f"clients/{world.frozen()}/unfreeze", REASON)


@command
def close_client(world: World) -> Command:
    body = {"code": "OWN_REQUEST", **REASON}
    return Command(world.vera, f"clients/{world.client(clients.open_client)}/close", body)


@command
def qualify_client(world: World) -> Command:
    body = {"ground": "PROPERTY", "shown_rub": "50000000", **REASON}
    return Command(world.vera, f"clients/{world.client(clients.identify)}/qualify", body)


@command
def confirm_screening_hit(world: World) -> Command:
    return Command(world.vera, f"screening-hits/{world.hit()}/confirm", REASON)


@command
def dismiss_screening_hit(world: World) -> Command:
    return Command(world.vera, f"screening-hits/{world.hit()}/dismiss", REASON)


# --- The desk ------------------------------------------------------------------------------------


@command
def create_instrument(world: World) -> Command:
    bounds = {"min_quantity": "0.0001", "max_quantity": "100", "tick_rub": "1.00"}
    body = {"asset": "ETH", "spread_bps": 100, "fee_bps": 50, **bounds}
    return Command(world.house.head, "instruments", body, 201)


@command
def buy_stock(world: World) -> Command:
    path = f"instruments/{world.house.instrument}/stock"
    return Command(world.house.dealer, path, {"quantity": "0.1"}, 201)


@command
def sell_stock(world: World) -> Command:
    path = f"instruments/{world.house.instrument}/sell-stock"
    return Command(world.house.dealer, path, {"quantity": "0.1"}, 201)


@command
def halt_instrument(world: World) -> Command:
    instrument = world.instrument("LTC", "OPEN")
    return Command(world.house.dealer, f"instruments/{instrument}/halt", REASON)


@command
def reopen_instrument(world: World) -> Command:
    instrument = world.instrument("LTC", "HALTED")
    return Command(world.house.dealer, f"instruments/{instrument}/reopen", REASON)


@command
def give_quote(world: World) -> Command:
    body = {"instrument": "BTC-RUB", "client_id": world.hers["id"]}
    return Command(world.anna, "quotes", body, 201)


@command
def place_order(world: World) -> Command:
    return Command(world.anna, "orders", order(quantity="0.001"), 201)


@command
def place_order__at_a_limit(world: World) -> Command:
    body = order(amount_rub="1000.00", limit_price_rub="2000000.00", time_in_force="GTC")
    return Command(world.house.dealer, "orders", {**body, "client_id": world.hers["id"]}, 201)


@command
def place_order_list(world: World) -> Command:
    lines = [{**order(quantity="0.001"), "client_id": world.hers["id"]} for _ in "ab"]
    return Command(world.house.dealer, "order-lists", {"orders": lines}, 201)


@command
def cancel_order(world: World) -> Command:
    body = order("BUY", quantity="0.001", limit_price_rub="2000000.00")
    resting = world.anna.post("orders", body, status=201)
    return Command(world.anna, f"orders/{resting['id']}/cancel", {})


@command
def propose_bust(world: World) -> Command:
    return Command(world.house.dealer, f"fills/{world.fill}/propose-bust", REASON, 202)


@command
def record_deposit(world: World) -> Command:
    whose = {name: world.hers[name] for name in ("bic", "account_number")}
    body = {"client_id": world.hers["id"], "amount_rub": "100.00", **whose}
    return Command(world.house.clerk, "deposits", body, 201)


@command
def request_withdrawal(world: World) -> Command:
    body = {"bank_account_id": world.hers["account"], "amount_rub": "100.00"}
    return Command(world.anna, "withdrawals", body, 201)


@command
def approve_withdrawal(world: World) -> Command:
    return Command(world.house.head, f"withdrawals/{world.withdrawal()}/approve", {})


@command
def refuse_withdrawal(world: World) -> Command:
    return Command(world.house.head, f"withdrawals/{world.withdrawal()}/refuse", REASON)


# --- Tax: nothing is due yet, and the year is not over -------------------------------------------


@command
def remit_tax(world: World) -> Command:
    return Command(world.house.clerk, "tax/remittances", {"until": "2022-03-28"}, 422)


@command
def withhold_year_end(world: World) -> Command:
    return Command(world.house.clerk, "tax/year-ends", {"year": 2022}, 422)
