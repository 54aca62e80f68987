"""What an order is measured against: the least that a Django REST view does to keep one row.

An APIView, one query for the token, a serializer of 12 fields, one ORM create; none of our
middleware, no row-level security, no transaction but the statement's own. A program of its own,
with settings of its own; nothing imports it. `python -m tests.bench.baseline` makes its two tables
and a token; `tests.bench.baseline:application` serves. BASELINE_URL names the database.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

_url = urlsplit(os.environ["BASELINE_URL"])
_options = {name: values[0] for name, values in parse_qs(_url.query).items()}

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _url.path.strip("/"),
            "USER": _url.username,
            "HOST": _options.pop("host", _url.hostname),
            "PORT": _options.pop("port", _url.port or ""),
            "OPTIONS": _options,
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    MIDDLEWARE=[],
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="measured, not served",
    USE_TZ=True,
)
django.setup()

from django.db import connection, models  # noqa: E402  after the settings
from django.urls import path  # noqa: E402
from rest_framework import authentication, exceptions, serializers, views  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402

TOKEN = "measured-not-secret"


class Token(models.Model):
    """Who asks."""

    key = models.CharField(max_length=64, primary_key=True)
    holder = models.CharField(max_length=64)
    objects: ClassVar[models.Manager[Token]] = models.Manager()

    class Meta:
        app_label = "baseline"

    def __str__(self) -> str:
        return self.holder

    @property
    def is_authenticated(self) -> bool:
        """Say what DRF asks of a user."""
        return True


class Row(models.Model):
    """An order as one row."""

    client = models.CharField(max_length=64)
    client_order_id = models.CharField(max_length=64)
    instrument = models.CharField(max_length=16)
    side = models.CharField(max_length=4)
    kind = models.CharField(max_length=8)
    time_in_force = models.CharField(max_length=3)
    quantity = models.DecimalField(max_digits=38, decimal_places=18)
    limit_price = models.DecimalField(max_digits=38, decimal_places=18)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=16)
    reason = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        app_label = "baseline"

    def __str__(self) -> str:
        return self.client_order_id


class RowSerializer(serializers.ModelSerializer[Row]):
    class Meta:
        model = Row
        exclude = ("id",)


class TokenAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Token, None]:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            return Token.objects.get(key=key), None
        except Token.DoesNotExist:
            raise exceptions.AuthenticationFailed from None


class Rows(views.APIView):
    authentication_classes = (TokenAuthentication,)

    def post(self, request: Request) -> Response:
        serializer = RowSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=201)


urlpatterns = [path("rows", Rows.as_view())]
application: Any = get_wsgi_application()

if __name__ == "__main__":
    with connection.schema_editor() as editor:
        editor.create_model(Token)
        editor.create_model(Row)
    Token.objects.create(key=TOKEN, holder="bench")
