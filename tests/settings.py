"""The settings under test.

A DATABASE_URL names a server for the tests, as somebody who may make roles: the project's three
roles are made first, and the tests connect as those. Without one, the embedded server is used.
"""

import hashlib
import os

from psycopg import conninfo

from config import provision

_admin = os.environ.get("DATABASE_URL", "")
_parts = conninfo.conninfo_to_dict(_admin)
if _admin and _parts.get("user") != provision.APP:
    _secret = _parts.get("password")
    _passwords = {
        role: hashlib.sha256(f"{role}:{_secret}".encode()).hexdigest() if _secret else None
        for role in (provision.APP, provision.OWNER)
    }
    provision.provision(
        _admin,
        database="perimeter",
        app_password=_passwords[provision.APP],
        owner_password=_passwords[provision.OWNER],
        createdb=True,
    )
    _where = f"{_parts.get('host', 'localhost')}:{_parts.get('port', '5432')}/perimeter"
    for _variable, _role in {
        "DATABASE_URL": provision.APP,
        "OWNER_DATABASE_URL": provision.OWNER,
    }.items():
        _password = f":{_passwords[_role]}" if _secret else ""
        os.environ[_variable] = f"postgresql://{_role}{_password}@{_where}"
    os.environ["TEST_ADMIN_DATABASE_URL"] = _admin
    os.environ.setdefault("SECRET_KEY", "of the tests")
    os.environ.setdefault("SEALING_KEYS", "b2YgdGhlIHRlc3RzLCBvZiB0aGUgdGVzdHMsIG9mIHQ")
    os.environ.setdefault("HTTPS", "0")

from config.settings import *  # noqa: E402, F403

# Two runs at once do not fight for one database.
DATABASES["owner"]["TEST"] = {  # noqa: F405
    "NAME": f"test_perimeter_{os.getpid()}",
    "DEPENDENCIES": [],
}
MARKET_BACKEND = "tests.desk.market.OneFall"  # a price that an accountant can check in the head
WHITENOISE_AUTOREFRESH = True  # else each test client reads every static file before it asks
RATE_PER_KEY = int(os.environ.get("RATE_PER_KEY", "1000000"))  # counted, never reached
PASSWORD_HASHERS = ["tests.hashing.QuickArgon2"]
