"""The cellar: money, ids, errors, users, tenancy, idempotency, outbox and clock."""
