"""Every write of clients. All run inside the caller's `tenancy.acting` transaction.

Lock order: clients by id, then what hangs on each, then the ledger.
"""

from kyc.operations.applications import (
    add_bank_account,
    apply_as_entity,
    apply_as_person,
    close_bank_account,
    identify_client,
    replace_document,
    reseal_identities,
)
from kyc.operations.decisions import (
    approve_client,
    close_client,
    freeze_client,
    refuse_client,
    review_client,
    unfreeze_client,
)
from kyc.operations.limits import use_limit, using_limit
from kyc.operations.lists import load_list
from kyc.operations.screenings import confirm_hit, dismiss_hit, rescreen_client, screen_client
from kyc.operations.suitability import answer_test, draw_test, qualify_client

__all__ = [
    "add_bank_account",
    "answer_test",
    "apply_as_entity",
    "apply_as_person",
    "approve_client",
    "close_bank_account",
    "close_client",
    "confirm_hit",
    "dismiss_hit",
    "draw_test",
    "freeze_client",
    "identify_client",
    "load_list",
    "qualify_client",
    "refuse_client",
    "replace_document",
    "rescreen_client",
    "reseal_identities",
    "review_client",
    "screen_client",
    "unfreeze_client",
    "use_limit",
    "using_limit",
]
