"""Every write of the registers. A bank applies and answers; the state's supervisor does the rest.

All run inside the caller's `tenancy.acting`. What one officer may not do alone is proposed and
decided by another (`common.changes`): to grant a licence, to admit an asset.
"""

from licensing.operations.applications import answer_question, apply_for_licence
from licensing.operations.decisions import (
    acknowledge,
    ask_question,
    declare_complete,
    propose_grant,
    refuse_application,
    reinstate_licence,
    revoke_licence,
    suspend_licence,
)
from licensing.operations.registers import (
    propose_admission,
    register_participant,
    remove_participant,
    set_regime,
    withdraw_asset,
)

__all__ = [
    "acknowledge",
    "answer_question",
    "apply_for_licence",
    "ask_question",
    "declare_complete",
    "propose_admission",
    "propose_grant",
    "refuse_application",
    "register_participant",
    "reinstate_licence",
    "remove_participant",
    "revoke_licence",
    "set_regime",
    "suspend_licence",
    "withdraw_asset",
]
