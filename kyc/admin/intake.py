"""What staff enter of a client: applications, papers, accounts, the test, what qualifies.

What compliance decides is in `clients`; what the dialogs ask, in `kyc.forms`. Log and message tell
that it was done, never what was entered.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from common.admin import command
from common.admin.dialogs import Done, enter
from kyc import forms, operations, states
from kyc.admin import shown
from kyc.api.serializers import sent


class IntakeAdmin(shown.ClientsAdmin):
    """A page of clients that staff enter them on."""

    actions_list: Any = ("apply_for_person", "apply_for_entity")

    @command(
        "Apply for a person",
        "Who the person is, as the papers say. Compliance identifies and approves later.",
        "person_add",
        "apply",
        form=forms.PersonForm,
    )
    def apply_for_person(self, request: HttpRequest, form: forms.PersonForm) -> HttpResponse:
        def effect(at: datetime) -> Done:
            said = dict(form.said)
            person = sent.person_of(said.pop("person"))
            return Done(
                operations.apply_as_person(person=person, at=at, **said), "The person applied."
            )

        return enter(self, request, form, effect)

    @command(
        "Apply for a legal entity",
        f"With the owners that it discloses: up to {forms.OWNERS} here, more over REST.",
        "domain_add",
        "apply",
        form=forms.EntityForm,
    )
    def apply_for_entity(self, request: HttpRequest, form: forms.EntityForm) -> HttpResponse:
        def effect(at: datetime) -> Done:
            said = dict(form.said)
            entity = sent.entity_of(said.pop("entity"))
            return Done(
                operations.apply_as_entity(entity=entity, at=at, **said), "The entity applied."
            )

        return enter(self, request, form, effect)

    @command(
        "Replace passport",
        "A new passport in the place of the old one.",
        "id_card",
        "replace_document",
        form=forms.PassportForm,
    )
    def replace_document(
        self, request: HttpRequest, form: forms.PassportForm, object_id: str
    ) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> Done:
            paper = sent.paper_of(form.said)
            operations.replace_document(client_id=row.pk, paper=paper, at=at)
            return Done(row, "The passport is replaced.")

        return enter(self, request, form, effect)

    @command(
        "Add account",
        "A rouble account of the client's own in another bank: money comes and goes by it alone.",
        "add_card",
        "add_account",
        form=forms.BankAccountForm,
    )
    def add_account(
        self, request: HttpRequest, form: forms.BankAccountForm, object_id: str
    ) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> Done:
            operations.add_bank_account(client_id=row.pk, at=at, **form.said)
            return Done(row, "The account is on file.")

        return enter(self, request, form, effect)

    @command(
        "Draw test",
        "The investor test, to be sat at the desk; one that waits for answers is shown again.",
        "quiz",
        "draw_test",
        form=forms.DialogForm,
    )
    def draw_test(
        self, request: HttpRequest, form: forms.DialogForm, object_id: str
    ) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> Done:
            return Done(operations.draw_test(client_id=row.pk, at=at), "The test is drawn.")

        return enter(self, request, form, effect)

    @command(
        "Qualify",
        "Takes the person for a qualified investor, by what was shown.",
        "workspace_premium",
        "qualify",
        form=forms.QualifyForm,
    )
    def qualify(
        self, request: HttpRequest, form: forms.QualifyForm, object_id: str
    ) -> HttpResponse:
        row = self.found(request, object_id)

        def effect(at: datetime) -> Done:
            operations.qualify_client(client_id=row.pk, at=at, **form.said)
            return Done(row, "The client is a qualified investor.")

        return enter(self, request, form, effect)

    def has_apply_permission(self, request: HttpRequest) -> bool:
        return self.holds(request, "clients:apply")

    def has_replace_document_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        return self._may_enter(request, "clients:apply", object_id, kind=[states.ClientKind.PERSON])

    def has_add_account_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        return self._may_enter(request, "clients:apply", object_id)

    def has_draw_test_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may_enter(
            request,
            "clients:apply",
            object_id,
            kind=[states.ClientKind.PERSON],
            test_status=[states.InvestorTest.NONE, states.InvestorTest.FAILED],
        )

    def has_qualify_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self._may_enter(
            request, "clients:approve", object_id, category=[states.Category.NON_QUALIFIED]
        )

    def _may_enter(
        self, request: HttpRequest, scope: str, object_id: str | None, **such: Collection[str]
    ) -> bool:
        """Say whether the user may enter something of a client now, if it is `such` a client."""
        if not self.may(request, scope, object_id, *states.APPLYING, *states.LET_IN):
            return False
        row = self.found(request, object_id) if object_id else None
        return row is None or all(getattr(row, name) in values for name, values in such.items())
