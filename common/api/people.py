"""The people of the house, and the end of somebody's access.

A password is sent without an `Idempotency-Key`: under one, a fast digest of it would be kept. Each
of these commands is refused aloud or has the same effect when it is repeated.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common import access, errors, models, users
from common.api.fields import IdField, StrictSerializer, TextField, TimestampField
from common.api.pages import CursorPages, path_id
from common.api.problems import refusals
from common.api.views import View


class UserOut(serializers.Serializer[Any]):
    """Somebody who logs in; `status` is ACTIVE or INACTIVE."""

    id = IdField("usr")
    bank_id = IdField("bnk", allow_null=True)
    username = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField([role.value for role in users.Role])
    status = serializers.ChoiceField(["ACTIVE", "INACTIVE"])
    created_at = TimestampField()


@extend_schema_serializer(
    examples=[OpenApiExample("Leaves", {"reason": "Leaves the bank today."}, request_only=True)]
)
class UserReasonIn(StrictSerializer):
    """Why, in words."""

    reason = TextField(max_length=400)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Forgotten",
            {"password": "seven quiet harbours", "reason": "Forgot the old one."},
            request_only=True,
        )
    ]
)
class PasswordIn(StrictSerializer):
    """The password to log in with, and why it is given."""

    password = TextField(max_length=128, trim_whitespace=False)
    reason = TextField(max_length=400)


class Users(View):
    """The people of the house, which is a bank or the state."""

    scope: ClassVar = {"GET": "users:read"}
    pagination_class = CursorPages

    @extend_schema(operation_id="list_users", responses=UserOut(many=True))
    def get(self, request: Request) -> Response:
        """List the people, the latest first."""
        return self.page(models.User.objects.all(), UserOut)


class OneUser(View):
    """Somebody of the house."""

    scope: ClassVar = {"GET": "users:read"}

    @extend_schema(operation_id="get_user", responses=UserOut)
    def get(self, request: Request, user_id: str) -> Response:
        """Return somebody of the house."""
        row = models.User.objects.filter(pk=path_id("usr", user_id)).first()
        if row is None:
            raise errors.Refused("NOT_FOUND", {"user": user_id})
        return Response(UserOut(row).data)


class DeactivateUser(View):
    """The end of somebody's access."""

    scope: ClassVar = {"POST": "users:write"}
    idempotent = True

    @extend_schema(
        operation_id="deactivate_user",
        request=UserReasonIn,
        responses={
            200: UserOut,
            **refusals("NOT_ONESELF (403); STATUS_CONFLICT (409), inactive before."),
        },
    )
    def post(self, request: Request, user_id: str) -> Any:
        """End somebody's log-in, sessions and keys at once."""
        said, found = self.said(UserReasonIn, request), path_id("usr", user_id)

        def effect(at: datetime) -> Response:
            row = access.deactivate_user(user_id=found, **said, at=at, wall_at=timezone.now())
            return Response(UserOut(row).data)

        return self.outcome(request, effect)


class ReactivateUser(View):
    """Somebody let in again."""

    scope: ClassVar = {"POST": "users:write"}

    @extend_schema(
        operation_id="reactivate_user",
        request=PasswordIn,
        responses={
            200: UserOut,
            **refusals("PASSWORD_WEAK; STATUS_CONFLICT (409), active before.", kept=False),
        },
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Let somebody log in again, with a new password; the keys stay revoked."""
        said, found = self.said(PasswordIn, request), path_id("usr", user_id)
        row = access.reactivate_user(user_id=found, **said, at=self.now())
        return Response(UserOut(row).data)


class SetPassword(View):
    """Somebody's new password."""

    scope: ClassVar = {"POST": "users:write"}

    @extend_schema(
        operation_id="set_password",
        request=PasswordIn,
        responses={200: UserOut, **refusals("PASSWORD_WEAK; USER_INACTIVE.", kept=False)},
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Give somebody another password, which ends all sessions; kept with who did it and why."""
        said, found = self.said(PasswordIn, request), path_id("usr", user_id)
        row = access.set_password(user_id=found, **said, at=self.now())
        return Response(UserOut(row).data)
