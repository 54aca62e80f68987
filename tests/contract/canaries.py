"""Canaries: a word of its own in every text of a bank, by which any of it is known anywhere.

Written with the rights of the schema's owner, past triggers. The database's own constraints stay,
and refuse the word where a column holds no free text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import Error, connections, models, transaction

from common import tenancy
from kyc import sealing
from tests.common import neighbours

WORD = re.compile("qzx[0-9]{5}")
_TEXTS = (models.CharField, models.TextField, models.JSONField, ArrayField, sealing.SealedField)
# What the program looks up in a table of its own: another word there is a broken row, not a text.
_LOOKED_UP = {
    "common_user.role",
    "common_proposal.kind",
    "kyc_attempt.questions",
    "reporting_reportpart.bounds",
    "reporting_reportrun.recipient",
    "reporting_reportrun.report",
}
_numbers = itertools.count(1)


def columns() -> set[str]:
    """Return the columns of banks' tables that may hold free text."""
    return {
        f"{model._meta.db_table}.{field.column}"
        for model in tenancy.bank_tables()
        for field in _texts(model)
    }


def plant(bank_id: UUID) -> dict[str, str]:
    """Put a word into each text of each row of a bank; return in which column each word stands."""
    planted: dict[str, str] = {}
    tables = tenancy.bank_tables()
    with neighbours.as_owner(bank_id) as using, connections[using].cursor() as cursor:
        for model in tables:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
        for model in tables:
            for row in model._base_manager.using(using).all():
                for field in _texts(model):
                    word = f"qzx{next(_numbers):05}"
                    with suppress(Error), transaction.atomic(using=using):
                        _write(cursor, row, field, word)
                        planted[word] = f"{model._meta.db_table}.{field.column}"
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in tables:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} ENABLE TRIGGER USER")
    return planted


def found_in(text: str) -> set[str]:
    """Return the words in a text."""
    return set(WORD.findall(text))


def _texts(model: type[models.Model]) -> Iterator[models.Field[Any, Any]]:
    for field in model._meta.concrete_fields:
        where = f"{model._meta.db_table}.{field.column}"
        if isinstance(field, _TEXTS) and not field.choices and where not in _LOOKED_UP:
            yield field


def _write(cursor: Any, row: models.Model, field: models.Field[Any, Any], word: str) -> None:
    table, column = row._meta.db_table, field.attname
    held = getattr(row, field.attname)
    if held is None and isinstance(field, models.JSONField):
        raise Error("There is no text in what is not there.")
    value: Any
    if isinstance(field, sealing.SealedField):
        value = sealing.seal(word, table=table, column=column, row=row.pk)
    else:
        value = field.get_db_prep_save(_with(held, word), connections["owner"])
    cursor.execute(
        f"UPDATE {table} SET {column} = %s WHERE {row._meta.pk.column} = %s", [value, row.pk]
    )


def _with(held: Any, word: str) -> Any:
    """Return a value with the word in it: in the place of a text, beside what is structured."""
    if isinstance(held, dict):
        return held | {word: word}
    if isinstance(held, list):
        rows = held and isinstance(held[-1], dict)
        return [*held[:-1], held[-1] | {word: word}] if rows else [*held, word]
    return word
