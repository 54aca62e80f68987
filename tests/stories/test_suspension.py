"""A licence is looked up at each order: whoever asks which of the house's processes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from common import users
from config import run
from simulation.caller import Answer, Caller
from tests.licensing import licences
from tests.serving import environment, served
from tests.stories.test_onboarding import Person
from tests.stories.test_trading import House, make_house, order

__all__ = ["make_house"]  # a fixture

_numbers = itertools.count(1)


def test_a_suspended_banks_next_order_is_refused_in_every_process(
    make_house: Callable[[], House],
) -> None:
    bank = make_house()
    licences.licensed(bank.bank)
    bank.trade()
    anna, _ = bank.client("400000")
    irina = Person(users.Role.SUPERVISOR, users.supervisor_of(bank.bank.jurisdiction_id))
    (licence,) = irina.get("licences")["data"]
    with served(environ=environment()) as one, served(environ=environment()) as other:
        houses = [run.address(port) for port in (one, other)]
        hers = [Caller(house, anna.key) for house in houses]
        suspends, reinstates = (Caller(house, irina.key) for house in houses)
        assert [each.done()["status"] for each in _bought(hers)] == ["FILLED", "FILLED"]

        path, reason = f"licences/{licence['id']}", {"reason": "Reports were late."}
        suspends.post(f"{path}/suspend", reason, key="suspend").done()
        for here, refused in zip(hers, _bought(hers), strict=True):
            assert refused.codes == ["LICENCE_SUSPENDED"]
            kept = here.get(f"orders/{refused.said['errors'][0]['facts']['order']}")
            assert kept["status"] == "REJECTED"

        reinstates.post(f"{path}/reinstate", {"reason": "They came."}, key="reinstate").done()
        assert [each.done()["status"] for each in _bought(hers)] == ["FILLED", "FILLED"]
    assert bank.broken() == []


def _bought(clients: Sequence[Caller]) -> list[Answer]:
    """Let the same client buy a little at each house, one after the other."""
    return [
        each.post("orders", order(quantity="0.01"), key=f"buy {next(_numbers)}") for each in clients
    ]
