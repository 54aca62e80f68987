"""Personal data in the columns: sealed by AES-GCM, found by a blind index (docs/adr/0015).

A sealed text is bound to its table, column and row, so that it opens nowhere else. A blind index
is an HMAC of a text under a key of the bank's own: it finds a person within a bank and says nothing
of another bank. Keys come from `settings.SEALING_KEYS`: the first seals, all open, and the last,
which is the oldest, makes the blind index.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute

if TYPE_CHECKING:
    _TextInColumn = models.Field[str, str]
else:
    _TextInColumn = models.Field

KEY_BYTES = 32
_VERSION = b"\x01"
_KEY_ID_BYTES, _NONCE_BYTES = 4, 12
_HEAD = len(_VERSION) + _KEY_ID_BYTES + _NONCE_BYTES


class Unsealable(Exception):
    """A sealed text that no key opens here: it was moved, changed, or its key is not named."""


def seal(text: str, *, table: str, column: str, row: UUID) -> bytes:
    """Return `text` sealed for one column of one row; nothing stays nothing."""
    if not text:
        return b""
    key_id, cipher = next(iter(_ciphers(tuple(settings.SEALING_KEYS)).items()))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = cipher.encrypt(nonce, text.encode(), _bound(table, column, row))
    return _VERSION + key_id + nonce + sealed


def unseal(sealed: bytes, *, table: str, column: str, row: UUID) -> str:
    """Return what was sealed for this column of this row.

    Raises: Unsealable.
    """
    if not sealed:
        return ""
    key_id = sealed[len(_VERSION) : len(_VERSION) + _KEY_ID_BYTES]
    cipher = _ciphers(tuple(settings.SEALING_KEYS)).get(key_id)
    if sealed[: len(_VERSION)] != _VERSION or cipher is None:
        raise Unsealable(f"No key named in SEALING_KEYS sealed {table}.{column}.")
    nonce = sealed[_HEAD - _NONCE_BYTES : _HEAD]
    try:
        return cipher.decrypt(nonce, sealed[_HEAD:], _bound(table, column, row)).decode()
    except InvalidTag:
        raise Unsealable(f"{table}.{column} was not sealed for this row.") from None


def check_keys(app_configs: object, **_: Any) -> list[checks.CheckMessage]:
    """Refuse to run without a key for personal data."""
    try:
        _ciphers(tuple(settings.SEALING_KEYS))
    except ImproperlyConfigured as wrong:
        return [
            checks.Error(str(wrong), hint="Set SEALING_KEYS; README.md says how.", id="kyc.E001")
        ]
    return []


def is_current(sealed: bytes) -> bool:
    """Say whether the newest key sealed this."""
    newest = next(iter(_ciphers(tuple(settings.SEALING_KEYS))))
    return not sealed or sealed[len(_VERSION) : len(_VERSION) + _KEY_ID_BYTES] == newest


def blind(what: str, text: str, *, bank_id: UUID) -> str:
    """Return the index by which a bank finds `text` again; empty for nothing.

    `what` names the kind of text, so that equal numbers of two kinds differ.
    """
    if not text:
        return ""
    oldest = _key(settings.SEALING_KEYS[-1])
    own = hmac.digest(oldest, b"blind index of " + bank_id.bytes, "sha256")
    return hmac.new(own, f"{what}:{text}".encode(), "sha256").hexdigest()


class _Unsealing(DeferredAttribute):
    """Give the text of a sealed column."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        held = instance.__dict__.get(self.field.attname)
        if held is None:
            held = super().__get__(instance, cls)
            held = instance.__dict__[self.field.attname]
        if isinstance(held, str):
            return held
        return unseal(
            bytes(held),
            table=instance._meta.db_table,
            column=self.field.attname,
            row=instance.pk,
        )

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class SealedField(_TextInColumn):
    """A text that is sealed in its column. Read and written as text through a row; '' is none.

    Neither filtered nor updated in bulk: the text is bound to its row.
    """

    descriptor_class = _Unsealing

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(blank=True, default="", editable=False)
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for implied in ("blank", "default", "editable"):
            kwargs.pop(implied, None)
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "BinaryField"

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        held = model_instance.__dict__[self.attname]
        if isinstance(held, str):
            table = model_instance._meta.db_table
            held = seal(held, table=table, column=self.attname, row=model_instance.pk)
        return held

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        assert isinstance(value, bytes | memoryview), f"{self.name} is sealed with its row"
        return connection.Database.Binary(value)


def _bound(table: str, column: str, row: UUID) -> bytes:
    return f"{table}.{column}:{row}".encode()


@cache
def _ciphers(keys: tuple[str, ...]) -> dict[bytes, AESGCM]:
    """Return the ciphers by their key's id, the newest first."""
    if not keys:
        raise ImproperlyConfigured("SEALING_KEYS names no key.")
    raw = [_key(text) for text in keys]
    return {hashlib.sha256(b"id of " + key).digest()[:_KEY_ID_BYTES]: AESGCM(key) for key in raw}


@cache
def _key(text: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"Each of SEALING_KEYS is {KEY_BYTES} random bytes, base64 for URLs."
        )
    return key
