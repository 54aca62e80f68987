"""Who still gets in: logging in, the lock after wrong passwords, users ended and let in again.

It stands on `users`, `changes` and `clock`. What somebody may do once inside is said in `users`.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.contrib.auth import hashers
from django.contrib.auth.backends import BaseBackend
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from common import changes, clock, errors, ids, models, tenancy, users

# Wrong passwords of one login from one address, and from anywhere; a good one forgets them.
TRIES, TRIES_ANYWHERE = 5, 100
LOCK = timedelta(minutes=15)
FORGET = timedelta(days=1)

# --- Users ---------------------------------------------------------------------------------------


def deactivate_user(*, user_id: UUID, reason: str, at: datetime, wall_at: datetime) -> models.User:
    """End somebody's access at once, inside the caller's transaction.

    1. The user is locked, and may not be who acts.
    2. The password is taken, and with it every session, also for later: who comes back gets
       another one.
    3. The keys are revoked as of `wall_at`.

    Raises: NOT_FOUND, NOT_ONESELF, STATUS_CONFLICT.
    """
    user = _locked(user_id)
    if tenancy.current().actor.user_id == user_id:
        raise errors.Refused("NOT_ONESELF", {"user": _shown(user_id)})
    _let_in(user, False, hashers.make_password(None), reason, at)
    keys = models.ApiKey.objects.filter(user_id=user_id, revoked_at__isnull=True)
    keys.update(revoked_at=wall_at)
    return user


def reactivate_user(*, user_id: UUID, password: str, reason: str, at: datetime) -> models.User:
    """Let somebody log in again, with a new password and no keys; in the caller's transaction.

    Raises: NOT_FOUND, STATUS_CONFLICT, PASSWORD_WEAK.
    """
    user = _locked(user_id)
    _let_in(user, True, users.hashed(password, user), reason, at)
    return user


def set_password(*, user_id: UUID, password: str, reason: str, at: datetime) -> models.User:
    """Give a user another password, which ends all sessions; in the caller's transaction.

    That it was set is kept, with who did it and why. The keys stay: they were not opened by it.

    Raises: NOT_FOUND, USER_INACTIVE, PASSWORD_WEAK.
    """
    user = _locked(user_id)
    if not user.is_active:
        raise errors.Refused("USER_INACTIVE", {"user": _shown(user_id)})
    user.password = users.hashed(password, user)
    user.save(update_fields=["password"])
    changes.keep(user, before=user.status, at=at, reason=f"Password set: {reason}"[:500])
    return user


def _let_in(user: models.User, active: bool, password: str, reason: str, at: datetime) -> None:
    before = user.status
    user.is_active, user.password = active, password
    if user.status == before:
        facts = {"user": _shown(user.pk), "from": before, "to": user.status}
        raise errors.Refused("STATUS_CONFLICT", facts)
    user.save(update_fields=["is_active", "password"])
    changes.keep(user, before=before, at=at, reason=reason)


def _locked(user_id: UUID) -> models.User:
    """Return the user of the acting house, locked. Raises: NOT_FOUND."""
    user = models.User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise errors.Refused("NOT_FOUND", {"user": _shown(user_id)})
    return user


def _shown(user_id: UUID) -> str:
    return ids.show(models.User.id_prefix, user_id)


# --- Logging in ----------------------------------------------------------------------------------


class LoginBackend(BaseBackend):
    """Django's way to us: `name@bank-code`, or `name@gov.jurisdiction-code`, and the password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> models.User | None:
        """Return the active user of that login, None if the name or the password is wrong.

        Raises: LOGIN_LOCKED after too many wrong passwords, of a login that exists or not.
        """
        if username is None or password is None:
            return None
        login, address, wall_at = username.strip(), address_of(request), timezone.now()
        locks = count_try(login=login, address=address, wall_at=wall_at)
        name, _at, house = login.rpartition("@")
        found = users.lookup("SELECT * FROM perimeter_login(%s, %s)", name, house)
        if found is None:
            hashers.make_password(password)  # an unknown name takes as long as a wrong password
            return None
        user_id, bank_id, jurisdiction_id, hashed = found
        office = users.job("login", bank_id, jurisdiction_id)
        if not hashers.check_password(password, hashed):
            if locks:
                with tenancy.acting(office.bank_id, office):
                    _keep_lock(user_id, address, wall_at)
            return None
        forget_tries_of(login=login, address=address)
        with tenancy.acting(office.bank_id, office):
            return self.get_user(user_id)

    def get_user(self, user_id: Any) -> models.User | None:
        """Return the session's user if still active; inside `tenancy.acting`."""
        return models.User.objects.filter(pk=user_id, is_active=True).first()


def address_of(request: HttpRequest | None) -> str:
    """Return where a request comes from, as far as we trust what says so; of IPv6, the /64.

    Where a proxy stands before us, what it added to X-Forwarded-For, which is the last one.
    """
    if request is None:
        return ""
    said = str(request.META.get("REMOTE_ADDR", ""))
    if settings.SECURE_PROXY_SSL_HEADER:
        said = request.headers.get("X-Forwarded-For", said).rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)


# --- The lock (docs/adr/0017) --------------------------------------------------------------------


def count_try(*, login: str, address: str, wall_at: datetime) -> bool:
    """Count a try before the password is looked at, and say if a wrong one would be the last.

    Tries at the same moment are counted one by one, so none slips by. Commits by itself.

    Raises: LOGIN_LOCKED, with the time from which another try is looked at.
    """
    last = False
    for key, most in _counters(login, address):
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, {"key": key, "most": most, "at": wall_at, **_SPANS})
            failures, last_at = cursor.fetchone()
        if failures > most:
            raise errors.Refused("LOGIN_LOCKED", {"until": last_at + LOCK})
        last = last or failures == most
    return last


def forget_tries_of(*, login: str, address: str) -> None:
    """Begin to count anew: the password was right."""
    keys = [key for key, _ in _counters(login, address)]
    models.LoginTries.objects.filter(pk__in=keys).delete()


@shared_task(name="common.forget_tries")
def forget_old_tries() -> None:
    """Delete the counts that no longer count, as of now."""
    forget_tries(timezone.now())


def forget_tries(wall_at: datetime) -> int:
    """Delete the counts that no longer count, and return how many."""
    deleted, _ = models.LoginTries.objects.filter(last_at__lt=wall_at - FORGET).delete()
    return deleted


_SPANS: dict[str, Any] = {"lock": LOCK, "forget": FORGET}
# A count begins anew once its lock is over, or a day after the last try. What is refused while it
# is locked neither counts on nor makes the lock longer.
_COUNT = """
    INSERT INTO common_logintries AS known (key, failures, last_at)
    VALUES (%(key)s, 1, %(at)s)
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE
            WHEN known.last_at <= %(at)s - CASE
                WHEN known.failures >= %(most)s THEN %(lock)s ELSE %(forget)s END THEN 1
            ELSE least(known.failures, %(most)s) + 1 END,
        last_at = CASE
            WHEN known.failures >= %(most)s AND known.last_at > %(at)s - %(lock)s
                THEN known.last_at
            ELSE %(at)s END
    RETURNING failures, last_at
"""


def _counters(login: str, address: str) -> tuple[tuple[str, int], ...]:
    """Return the keys under which tries are counted, each with how many there may be."""
    pair, anywhere = (
        salted_hmac("common.access", repr(said), algorithm="sha256").hexdigest()
        for said in ((login, address), (login,))
    )
    return (pair, TRIES), (anywhere, TRIES_ANYWHERE)


def _keep_lock(user_id: UUID, address: str, wall_at: datetime) -> None:
    """Keep in the user's house that the login was locked."""
    user = models.User.objects.get(pk=user_id)
    models.StatusChange.objects.create(
        bank_id=user.bank_id,
        jurisdiction_id=user.jurisdiction_id,
        subject_kind=models.User.id_prefix,
        subject_id=user_id,
        status_from=user.status,
        status_to="LOCKED",
        actor=tenancy.current().actor.label,
        at=clock.now(user.jurisdiction_id, wall_at),
        reason=f"Too many wrong passwords from {address or 'an unknown address'}.",
    )
