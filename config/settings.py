"""Settings from the environment, safe by default. `README.md` lists the variables."""

from pathlib import Path
from typing import Any

import environ
from django.templatetags.static import static

from common import tenancy
from config import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- Where it runs -------------------------------------------------------------------------------
EMBEDDED_DATABASE = "DATABASE_URL" not in env.ENVIRON
EMBEDDED_BROKER = "REDIS_URL" not in env.ENVIRON

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or embedded.secret_key(required=EMBEDDED_DATABASE)
# Personal data: the first key seals, all of them open, the last makes the blind indexes.
SEALING_KEYS = env.list("SEALING_KEYS", default=[]) or embedded.sealing_key(
    required=EMBEDDED_DATABASE
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
HTTPS = env.bool("HTTPS", default=not EMBEDDED_DATABASE)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"

# --- Rooms ---------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "common",
    "ledger",
    "reporting",
    "licensing",
    "kyc",
    "tax",
    "desk",
    "supervision",
    "simulation",
]

_ALL = "SELECT, INSERT, UPDATE, DELETE"
TENANCY = {
    "admin.LogEntry": tenancy.principal(grants="SELECT, INSERT"),
    "auth.Group": tenancy.platform(),
    "auth.Permission": tenancy.platform(),
    "contenttypes.ContentType": tenancy.platform(),
    "sessions.Session": tenancy.platform(grants=_ALL),
    "django_celery_beat.ClockedSchedule": tenancy.platform(grants=_ALL),
    "django_celery_beat.CrontabSchedule": tenancy.platform(grants=_ALL),
    "django_celery_beat.IntervalSchedule": tenancy.platform(grants=_ALL),
    "django_celery_beat.PeriodicTask": tenancy.platform(grants=_ALL),
    "django_celery_beat.PeriodicTasks": tenancy.platform(grants=_ALL),
    "django_celery_beat.SolarSchedule": tenancy.platform(grants=_ALL),
}

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "config.middleware.request_id",
    "config.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


# --- Data ----------------------------------------------------------------------------------------
def _database(url: str) -> dict[str, Any]:
    config: dict[str, Any] = env.db_url_config(url)
    config["ENGINE"] = (
        "config.embedded.backend" if EMBEDDED_DATABASE else "django.db.backends.postgresql"
    )
    config["CONN_MAX_AGE"] = None
    config["CONN_HEALTH_CHECKS"] = True
    # To compile a statement takes longer than any of ours, and servers are built to do it unasked.
    config.setdefault("OPTIONS", {}).setdefault("options", "-c jit=off")
    return config


# `default` is the application's role, which owns nothing. `owner` migrates, and nothing else.
_app_url = env.str("DATABASE_URL", default="") or embedded.database_url(tenancy.APP)
_owner_url = env.str("OWNER_DATABASE_URL", default="") or (
    embedded.database_url(tenancy.OWNER) if EMBEDDED_DATABASE else _app_url
)
DATABASES = {"default": _database(_app_url), "owner": _database(_owner_url)}
# What runs at every order is planned once a connection, not once an order.
DATABASES["default"].setdefault("OPTIONS", {}).update(server_side_binding=True, prepare_threshold=2)
DATABASES["default"]["TEST"] = {"MIRROR": "owner"}
DATABASE_ROUTERS = ["config.routers.OwnerMigrates"]

CELERY_BROKER_URL = env.str("REDIS_URL", default="") or embedded.broker_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A task that its worker lost is given out again after this long. Longer than any task may
    # take; no task gets an ETA or countdown of more than five minutes, lest it be run twice.
    "visibility_timeout": 600,
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
}
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=2)
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # the house logs in its own format
CELERY_IMPORTS = ["common.outbox", "common.idempotency", "common.access"]
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "common.deliver_pending": {
        "task": "common.deliver_pending",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    # Often, for a day of business may be a second of the wall's; it finds nothing to do mostly.
    "tax.work_due": {"task": "tax.work_due", "schedule": 60.0, "options": {"expires": 60}},
    "kyc.screen_outdated": {
        "task": "kyc.screen_outdated",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "reporting.scan": {
        "task": "reporting.scan",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "config.clear_sessions": {"task": "config.clear_sessions", "schedule": 3600.0},
    "common.forget_answers": {"task": "common.forget_answers", "schedule": 3600.0},
    "common.forget_tries": {"task": "common.forget_tries", "schedule": 3600.0},
}
DJANGO_CELERY_BEAT_TZ_AWARE = True
HEARTBEAT_FILE = env.str("HEARTBEAT_FILE", default="")  # touched by worker, beat and desk

# --- The world outside ---------------------------------------------------------------------------
DATA_DIR = env.str("DATA_DIR", default="")  # where the replayed market finds its candles
MARKET_BACKEND = env.str(
    "MARKET_BACKEND", default=f"simulation.markets.{'Replay' if DATA_DIR else 'Generated'}"
)
MARKET_SEED = env.str("MARKET_SEED", default="moscow")  # of the generated market
SCREENING_LISTS_BACKEND = env.str(
    "SCREENING_LISTS_BACKEND", default="simulation.lists.FictionalList"
)

# --- People --------------------------------------------------------------------------------------
AUTH_USER_MODEL = "common.User"
AUTHENTICATION_BACKENDS = ["common.access.LoginBackend"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60
# A user name is unique within its bank, and the login asks for both.
SILENCED_SYSTEM_CHECKS = ["auth.E003", "auth.W004"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Edges ---------------------------------------------------------------------------------------
RATE_PER_KEY = env.int("RATE_PER_KEY", default=100)  # requests a second; 0: any number
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["common.users.BearerKey"],
    "DEFAULT_PERMISSION_CLASSES": [],  # `common.api.View` asks for scopes
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "common.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "ENUM_NAME_OVERRIDES": {
        "SideEnum": "desk.states.Side",
        "OrderKindEnum": "desk.states.OrderKind",
        "OrderStatusEnum": "desk.states.OrderStatus",
        "ParticipantKindEnum": "licensing.states.ParticipantKind",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "common.api.problems.share",
    ],
    "TITLE": "Perimeter",
    "DESCRIPTION": "A bank that sells crypto under a licence, simulated whole.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"validatorUrl": None, "deepLinking": True},
}

# A square within a square; in the page itself, so that no file is asked for.
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath fill='%231e40af' d='M0 0h16v16H0z'/%3E"
    "%3Cpath fill='none' stroke='%23fff' stroke-width='1.5' d='M4 4h8v8H4z'/%3E%3C/svg%3E"
)

UNFOLD = {
    "SITE_TITLE": "Perimeter",
    "SITE_HEADER": "Perimeter",
    "SITE_SYMBOL": "account_balance",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _ICON}],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "LOGIN": {"form": "config.forms.LoginForm"},
    "STYLES": [lambda request: static("common/admin.css")],
    "DASHBOARD_CALLBACK": "config.home.dashboard",
    "SIDEBAR": {"navigation": "config.admin.navigation"},
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.6)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(62.3% .214 259.8)",
            "600": "oklch(54.6% .245 262.9)",
            "700": "oklch(48.8% .243 264.4)",
            "800": "oklch(42.4% .199 265.6)",
            "900": "oklch(37.9% .146 265.5)",
            "950": "oklch(28.2% .091 267.9)",
        }
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "config.logs.OneLine",
            "format": "{asctime} {levelname} {request_id} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": env.str("LOG_LEVEL", default="INFO")},
        "django.server": {"handlers": [], "propagate": True},
    },
}

# --- Language, time, files -----------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"  # made by `collectstatic`; without it the packages serve
WHITENOISE_USE_FINDERS = True
