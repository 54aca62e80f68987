"""The view: who asks, with which scope, in whose transaction, and once where it matters."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, renderers, serializers, views
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils import encoders

from common import clock, errors, idempotency, tenancy, users
from common.api import bodies, fields, pages, problems, rates


class JSONEncoder(encoders.JSONEncoder):
    """Write decimals as strings without an exponent."""

    def default(self, obj: Any) -> Any:
        return f"{obj:f}" if isinstance(obj, Decimal) else super().default(obj)


class JSONRenderer(renderers.JSONRenderer):
    encoder_class = JSONEncoder


class Schema(AutoSchema):
    """Say in the OpenAPI document what a key must hold, and which problems there can be."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            assert isinstance(self.view, View)
            scope = self.view.scope[self.method]
            operation["security"] = [{"apiKey": [scope] if scope else []}]
            self.resolve_serializer(problems.ProblemOut(), "response")
            told = problems.of_operation(
                self.method,
                self.path,
                scoped=scope is not None,
                idempotent=self.method == "POST" and self.view.idempotent,
            )
            responses = told | operation["responses"]
            operation["responses"] = dict(sorted(responses.items()))
        return operation

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for parameter in parameters:
            if prefix := _prefixes().get(parameter["name"]):
                parameter["schema"] = fields.schema(fields.IdField(prefix))
        return parameters

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self.method == "POST" and getattr(self.view, "idempotent", False):
            parameters.append(
                OpenApiParameter(
                    idempotency.HEADER,
                    location=OpenApiParameter.HEADER,
                    required=True,
                    description=(
                        "The same for each repetition of the same request."
                        f" The answer is kept for {idempotency.KEPT_DAYS} days."
                    ),
                )
            )
        return parameters


@cache
def _made(body: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return a serializer that keeps nothing of what it reads: its fields are copied once."""
    return body()


def _answer(response: HttpResponse | Response) -> idempotency.Answer:
    body = (
        JSONRenderer().render(response.data) if isinstance(response, Response) else response.content
    )
    return idempotency.Answer(response.status_code, body.decode())


@cache
def _prefixes() -> dict[str, str]:
    """Return the prefix of the id that a path's parameter is: an `order_id` is an `Order`'s."""
    return {
        re.sub("(?<!^)(?=[A-Z])", "_", model.__name__).lower() + "_id": model.id_prefix
        for model in apps.get_models()
        if hasattr(model, "id_prefix") and not model._meta.proxy
    }


class View(views.APIView):
    """An endpoint: one method a verb, each run inside the caller's own transaction.

    `scope` says what each verb needs (None: any key will do), and a verb that is not there is
    refused; `parameters` which query parameters exist besides the page's; `idempotent` that a POST
    carries a key. A GET sees one read-only snapshot. What raises `Overtaken` is done once more,
    from the start, and finds `overtaken` set.
    """

    scope: ClassVar[Mapping[str, str | None]] = {}
    parameters: ClassVar[Collection[str]] = ()
    idempotent: ClassVar[bool] = False
    pagination_class: ClassVar[type[pages.CursorPages] | None] = None
    overtaken = False

    parser_classes = (bodies.StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    throttle_classes = (rates.RatePerKey,)
    metadata_class = None
    schema = Schema()

    @property
    def actor(self) -> users.Actor:
        """Who asks."""
        if not isinstance(self.request.auth, users.Actor):
            raise exceptions.NotAuthenticated
        return self.request.auth

    @property
    def _user_id(self) -> UUID:
        user_id = self.actor.user_id
        assert user_id is not None, "a key is a user's"
        return user_id

    @property
    def allowed_methods(self) -> list[str]:
        return list(self.scope)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.args, self.kwargs = args, kwargs
        self.request = asked = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(asked, *args, **kwargs)
            response = self._act(asked)
        except Exception as error:  # noqa: BLE001  the edge: told, and logged where it is ours
            response = self.handle_exception(error)
        self.response = self.finalize_response(asked, response, *args, **kwargs)
        return self.response

    def page(
        self, rows: QuerySet[Any], serializer: type[serializers.BaseSerializer[Any]]
    ) -> Response:
        """Answer with the page of `rows` that the request asks for."""
        paginator = pages.CursorPages()
        found = paginator.paginate_queryset(rows, self.request, self)
        return paginator.get_paginated_response(serializer(found, many=True).data)

    def now(self) -> datetime:
        """Return the business time of the actor's jurisdiction, as the transaction began."""
        return clock.acting_now(self._begun_at)

    def outcome(
        self, request: Request, effect: Callable[[datetime], Response]
    ) -> HttpResponse | Response:
        """Do one thing at business time; its refusal is an outcome too, kept under the key.

        What is not found leaves the key free.
        """
        at = self.now()
        try:
            with transaction.atomic():
                return effect(at)
        except errors.Refused as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                raise
            return errors.refused(request, [refusal])

    def said(self, body: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
        """Return what a request says, judged by `body`. Raises: INVALID_REQUEST."""
        found: dict[str, Any] = _made(body).run_validation(request.data)
        return found

    def told(self, body: type[serializers.Serializer[Any]], row: Any) -> dict[str, Any]:
        """Return a row as `body` shows it."""
        shown: dict[str, Any] = _made(body).to_representation(row)
        return shown

    def _act(self, request: Request) -> Any:
        actor = self.actor
        verb = "GET" if request.method == "HEAD" else str(request.method)
        if verb not in self.scope:
            raise exceptions.MethodNotAllowed(verb)
        scope = self.scope[verb]
        if scope is not None and scope not in actor.scopes:
            raise errors.Refused("SCOPE_MISSING", {"scope": scope})
        paging = pages.PAGE_PARAMETERS if self.pagination_class else ()
        pages.check_query(request, {*self.parameters, *paging})
        if verb != "GET":
            bodies.check_declared(request)
            _ = request.data  # read and judged before a transaction waits for it
        once = verb == "POST" and self.idempotent
        key = idempotency.key_in(request.headers.get(idempotency.HEADER)) if once else ""
        claim = idempotency.claim(self._user_id, key) if once else None
        for self.overtaken in (False, True):
            # Before the clock is read: afterwards it may have been stopped, and time ran past it.
            self._begun_at = timezone.now()
            try:
                with tenancy.acting(
                    actor.bank_id,
                    actor,
                    request_id=errors.request_id(request),
                    snapshot=verb == "GET",
                    claim=claim,
                ):
                    return self._once(key, request) if once else self._handle(request)
            except errors.Overtaken:
                if self.overtaken:
                    raise
        raise AssertionError("whoever was overtaken locks what the others want")

    def keep(self, response: HttpResponse | Response) -> tuple[idempotency.Answer, Model]:
        """Return an answer, and the row that keeps it under the request's key.

        For an operation that writes the row before it takes what others wait for; the view then
        returns the answer. Any other answer is kept when the view has returned it.
        """
        answer = _answer(response)
        return answer, self._keep(answer)

    def _handle(self, request: Request) -> Any:
        return getattr(self, str(request.method).lower())(request, *self.args, **self.kwargs)

    def _once(self, key: str, request: Request) -> HttpResponse:
        def effect(keep: idempotency.Keep) -> idempotency.Answer:
            self._keep = keep
            response = self._handle(request)
            return response if isinstance(response, idempotency.Answer) else _answer(response)

        answer = idempotency.run(
            key=key,
            user_id=self._user_id,
            request_sha256=idempotency.digest(
                method=str(request.method),
                path=request.path,
                body=request.parser_context.get("body", b""),
            ),
            effect=effect,
        )
        return HttpResponse(
            answer.body,
            status=answer.status,
            content_type="application/json" if answer.status < 400 else errors.CONTENT_TYPE,
            headers={"Idempotent-Replayed": "true"} if answer.replayed else {},
        )
