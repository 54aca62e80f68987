"""A handler of made-up events and a task, for worker processes that tests start."""

import json
import time
from pathlib import Path
from uuid import UUID

from celery import shared_task
from django.db import connection

from common import outbox, tenancy, users


@outbox.reacts_to("echo.called")
def answer(event: outbox.Event) -> None:
    """Answer a call, leave a mark outside the transaction, and take the time that it asks for."""
    outbox.emit("echo.answered", {"to": event.number}, event.at)
    Path(event.payload["mark"]).touch()
    time.sleep(event.payload["seconds"])


@shared_task(name="tests.look")
def look(bank_id: str, path: str) -> None:
    """Write down whose rows this worker's connection sees before, inside and after `acting`."""
    before = _tenants()
    with tenancy.acting(UUID(bank_id), users.job("look", UUID(bank_id))):
        inside = _tenants()
    partial = Path(f"{path}.partial")
    partial.write_text(json.dumps([before, inside, _tenants()]))
    partial.rename(path)


def _tenants() -> dict[str, list[str]]:
    """Table by table, the banks that have a row in sight."""
    seen = {}
    with connection.cursor() as cursor:
        for model in tenancy.bank_tables():
            declared = tenancy.declared(model)
            assert declared is not None
            column, table = declared.column, model._meta.db_table
            cursor.execute(
                f"SELECT DISTINCT {column}::text FROM {table} WHERE {column} IS NOT NULL"
            )
            seen[table] = [row[0] for row in cursor.fetchall()]
    return seen
