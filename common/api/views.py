"""The view: who asks, with which scope, in whose transaction, and once where it matters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, renderers, serializers, views
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils import encoders

from common import errors, idempotency, tenancy, users
from common.api import bodies, pages, problems


class JSONEncoder(encoders.JSONEncoder):
    """Write decimals as strings without an exponent."""

    def default(self, obj: Any) -> Any:
        return f"{obj:f}" if isinstance(obj, Decimal) else super().default(obj)


class JSONRenderer(renderers.JSONRenderer):
    encoder_class = JSONEncoder


class Schema(AutoSchema):
    """Say in the OpenAPI document which requests carry a key, and which problems they can give."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            assert isinstance(self.view, View)
            told = problems.of_operation(
                self.path,
                scoped=self.view.scope[self.method] is not None,
                idempotent=self.method == "POST" and self.view.idempotent,
                schema=self.resolve_serializer(problems.ProblemOut(), "response").ref,
            )
            responses = told | operation["responses"]
            operation["responses"] = dict(sorted(responses.items()))
        return operation

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self.method == "POST" and getattr(self.view, "idempotent", False):
            parameters.append(
                OpenApiParameter(
                    idempotency.HEADER,
                    location=OpenApiParameter.HEADER,
                    required=True,
                    description="The same for each repetition of the same request.",
                )
            )
        return parameters


class View(views.APIView):
    """An endpoint: one method a verb, each run inside the caller's own transaction.

    `scope` says what each verb needs (None: any key will do), and a verb that is not there is
    refused; `parameters` which query parameters exist besides the page's; `idempotent` that a POST
    carries a key. A GET sees one read-only snapshot.
    """

    scope: ClassVar[Mapping[str, str | None]] = {}
    parameters: ClassVar[Collection[str]] = ()
    idempotent: ClassVar[bool] = False
    pagination_class: ClassVar[type[pages.CursorPages] | None] = None

    parser_classes = (bodies.StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    metadata_class = None
    schema = Schema()

    @property
    def actor(self) -> users.Actor:
        """Who asks."""
        if not isinstance(self.request.auth, users.Actor):
            raise exceptions.NotAuthenticated
        return self.request.auth

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
        with tenancy.acting(
            actor.bank_id,
            actor,
            request_id=errors.request_id(request),
            snapshot=verb == "GET",
        ):
            return self._once(key, request) if once else self._handle(request)

    def _handle(self, request: Request) -> Any:
        return getattr(self, str(request.method).lower())(request, *self.args, **self.kwargs)

    def _once(self, key: str, request: Request) -> HttpResponse:
        user_id = self.actor.user_id
        assert user_id is not None

        def effect() -> idempotency.Answer:
            response = self._handle(request)
            body = (
                JSONRenderer().render(response.data)
                if isinstance(response, Response)
                else response.content
            )
            return idempotency.Answer(response.status_code, body.decode())

        answer = idempotency.run(
            key=key,
            user_id=user_id,
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
