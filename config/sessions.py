"""Sessions in the database, under the hash of their key: who reads the table can be nobody."""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Django's, but the key that the cookie carries is nowhere kept."""

    def exists(self, session_key: str) -> bool:
        return super().exists(_kept(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(_kept(key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = _kept(row.session_key)
        return row

    def _get_session_from_db(self) -> Any:
        plain = self.session_key
        if plain is None:
            return None
        self._session_key = _kept(plain)
        try:
            return super()._get_session_from_db()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self._session_key = self._session_key and plain


def _kept(key: str) -> str:
    """Return what stands in the table: 160 of the hash's bits, which is what its column holds."""
    return hashlib.sha256(key.encode()).hexdigest()[:40]
