"""To whom each row belongs, and the one door through which a bank's rows are touched.

Here: the declarations of tenancy, the SQL derived from them (row-level security, grants, composite
foreign keys) and `acting`. Not here: who somebody is (`users`), what they may do (`users.ROLES`).
"""

from common.tenancy.declarations import (
    APP,
    OWNER,
    SUPERVISOR,
    Kind,
    bank,
    check_declared,
    check_role,
    declared,
    market,
    platform,
    principal,
    refuse_role,
)
from common.tenancy.door import (
    Acting,
    Claim,
    Claimed,
    acting,
    acting_bank,
    at_the_end,
    bank_ids,
    current,
)
from common.tenancy.schema import apply_schema, bank_tables, schema_digest

__all__ = [
    "APP",
    "OWNER",
    "SUPERVISOR",
    "Acting",
    "Claim",
    "Claimed",
    "Kind",
    "acting",
    "acting_bank",
    "apply_schema",
    "at_the_end",
    "bank",
    "bank_ids",
    "bank_tables",
    "check_declared",
    "check_role",
    "current",
    "declared",
    "market",
    "platform",
    "principal",
    "refuse_role",
    "schema_digest",
]
