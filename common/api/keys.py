"""Who a key acts as, and the bank's keys.

A key is issued by hand (`manage.py addkey`) and not here: its text would have to stand in the
answer kept under the request's `Idempotency-Key`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import models, users
from common.api.fields import IdField, StrictSerializer, TextField, TimestampField
from common.api.pages import CursorPages, path_id
from common.api.views import View


class MeOut(serializers.Serializer[Any]):
    user_id = IdField("usr")
    role = serializers.CharField()
    bank_id = IdField("bnk", allow_null=True)
    jurisdiction_id = IdField("jur")
    scopes = serializers.ListField(child=serializers.CharField())


class ApiKeyOut(serializers.Serializer[Any]):
    id = IdField("key")
    user_id = IdField("usr")
    name = TextField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = TimestampField()
    expires_at = TimestampField()
    revoked_at = TimestampField(allow_null=True)


class Me(View):
    """Who the request's key acts as."""

    scope: ClassVar = {"GET": None}

    @extend_schema(operation_id="me", responses=MeOut)
    def get(self, request: Request) -> Response:
        """Tell whose key this is and what it may do."""
        actor = self.actor
        return Response(
            MeOut(
                {
                    "user_id": actor.user_id,
                    "role": actor.role,
                    "bank_id": actor.bank_id,
                    "jurisdiction_id": actor.jurisdiction_id,
                    "scopes": sorted(actor.scopes),
                }
            ).data
        )


class ApiKeys(View):
    """The keys of the house, which is a bank or the state."""

    scope: ClassVar = {"GET": "keys:read"}
    pagination_class = CursorPages

    @extend_schema(operation_id="list_api_keys", responses=ApiKeyOut(many=True))
    def get(self, request: Request) -> Response:
        """List the keys, the latest first, without their secrets."""
        return self.page(models.ApiKey.objects.all(), ApiKeyOut)


class RevokeApiKey(View):
    """The end of one key."""

    scope: ClassVar = {"POST": "keys:write"}

    @extend_schema(operation_id="revoke_api_key", request=None, responses=ApiKeyOut)
    def post(self, request: Request, api_key_id: str) -> Response:
        """End a key for good; a revoked one is answered as it is."""
        self.said(StrictSerializer, request)
        key = users.revoke_key(key_id=path_id("key", api_key_id), at=timezone.now())
        return Response(ApiKeyOut(key).data)


class _BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = users.BearerKey
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "`Bearer sk_…`, an API key."}
