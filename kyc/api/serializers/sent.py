"""What applications and decisions may say, and what an application is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from common import api
from kyc import identification, states, suitability
from kyc.identification import Entity, Owner, Paper, Person


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A new passport",
            {
                "kind": "RU_PASSPORT",
                "number": "4511 654321",
                "issued": "2012-03-07",
                "department_code": "770-001",
            },
            request_only=True,
        )
    ]
)
class PassportIn(api.StrictSerializer):
    """A passport. `department_code` is of an internal one, `expires` of another state's."""

    kind = serializers.ChoiceField(states.Document.choices)
    number = api.TextField(max_length=16)
    issued = api.DateField()
    department_code = api.TextField(max_length=7, required=False, default="")
    expires = api.DateField(required=False, default=None)
    mrz = api.TextField(
        max_length=100,
        required=False,
        default="",
        help_text="The two lines of the machine-readable zone, a blank between them.",
    )


class PersonIn(api.StrictSerializer):
    """A natural person; `country` is of citizenship, ISO 3166, two letters."""

    surname = api.NameField(max_length=100)
    given_name = api.NameField(max_length=100)
    patronymic = api.NameField(max_length=100, required=False, default="")
    birth_date = api.DateField()
    birth_place = api.TextField(max_length=200, required=False, default="")
    country = api.TextField(max_length=2, required=False, default="RU")
    inn = api.TextField(max_length=12, required=False, default="")
    snils = api.TextField(max_length=14, required=False, default="")
    ogrnip = api.TextField(max_length=15, required=False, default="")
    document = PassportIn()
    address = api.TextField(max_length=300, required=False, default="")
    phone = api.TextField(max_length=20, required=False, default="")
    email = api.TextField(max_length=100, required=False, default="")
    is_pep = api.BooleanField(required=False, default=False)


class BeneficialOwnerIn(api.StrictSerializer):
    """A person who holds a share of the entity."""

    name = api.NameField(max_length=300)
    birth_date = api.DateField()
    country = api.TextField(max_length=2, required=False, default="RU")
    share_percent = api.AmountField(scale=3)
    is_pep = api.BooleanField(required=False, default=False)


class EntityIn(api.StrictSerializer):
    """A legal entity with the owners that it discloses."""

    legal_name = api.NameField(max_length=300)
    inn = api.TextField(max_length=10)
    ogrn = api.TextField(max_length=13)
    owners = BeneficialOwnerIn(many=True, max_length=50)  # type: ignore[call-arg]
    country = api.TextField(max_length=2, required=False, default="RU")
    address = api.TextField(max_length=300, required=False, default="")
    phone = api.TextField(max_length=20, required=False, default="")
    email = api.TextField(max_length=100, required=False, default="")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A person",
            {
                "residency": "RESIDENT",
                "person": {
                    "surname": "Аникеев",
                    "given_name": "Пётр",
                    "patronymic": "Львович",
                    "birth_date": "1990-06-15",
                    "inn": "500100732259",
                    "snils": "112-233-445 95",
                    "document": {
                        "kind": "RU_PASSPORT",
                        "number": "4510 123456",
                        "issued": "2011-05-20",
                        "department_code": "770-001",
                    },
                },
            },
        ),
        OpenApiExample(
            "A legal entity",
            {
                "residency": "RESIDENT",
                "entity": {
                    "legal_name": "ООО Ромашка",
                    "inn": "7707083893",
                    "ogrn": "1027700132195",
                    "owners": [
                        {
                            "name": "Аникеев Пётр Львович",
                            "birth_date": "1980-01-02",
                            "share_percent": "100",
                        }
                    ],
                },
            },
        ),
    ]
)
class ClientApplicationIn(api.StrictSerializer):
    """An application: of a `person` or of an `entity`, one of the two.

    `user_id`: the log-in that the client will have, where the bank's staff apply for somebody.
    """

    residency = serializers.ChoiceField(states.Residency.choices)
    person = PersonIn(required=False)
    entity = EntityIn(required=False)
    user_id = api.IdField("usr", required=False, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("person" in attrs) == ("entity" in attrs):
            raise serializers.ValidationError("Send person or entity.", code="one_of_two")
        return attrs


@extend_schema_serializer(
    examples=[OpenApiExample("Why", {"reason": "Born in another town; another father's name."})]
)
class ClientReasonIn(api.StrictSerializer):
    """Why, in words."""

    reason = api.TextField(max_length=500)


class _CodeIn(api.StrictSerializer):
    reason = api.TextField(max_length=500)


@extend_schema_serializer(
    examples=[
        OpenApiExample("Doubtful papers", {"code": "PAPERS_DOUBTFUL", "reason": "Photo replaced."})
    ]
)
class RefuseClientIn(_CodeIn):
    """Why an applicant is refused: the code, and the reason in words."""

    code = serializers.ChoiceField([reason.value for reason in states.REFUSAL_REASONS])


@extend_schema_serializer(
    examples=[OpenApiExample("An order", {"code": "COURT_ORDER", "reason": "Case A40-1/22."})]
)
class FreezeClientIn(_CodeIn):
    """Why a client is frozen."""

    code = serializers.ChoiceField([reason.value for reason in states.FREEZE_REASONS])


@extend_schema_serializer(
    examples=[OpenApiExample("A wish", {"code": "OWN_REQUEST", "reason": "Moves abroad."})]
)
class CloseClientIn(_CodeIn):
    """Why a client is closed."""

    code = serializers.ChoiceField([reason.value for reason in states.CLOSE_REASONS])


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "By property",
            {"ground": "PROPERTY", "shown_rub": "7500000", "reason": "Broker's statement."},
        )
    ]
)
class QualifyClientIn(_CodeIn):
    """What the person showed to be taken for a qualified investor."""

    ground = serializers.ChoiceField(states.Ground.choices)
    shown_rub = api.AmountField(scale=2)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "An account", {"bic": "044525225", "number": "40817810300029000000", "bank_name": ""}
        )
    ]
)
class BankAccountIn(api.StrictSerializer):
    """A rouble account of the client's own in another bank."""

    bic = api.TextField(max_length=9)
    number = api.TextField(max_length=20)
    bank_name = api.NameField(max_length=200, required=False, allow_blank=True, default="")


class TestAnswerIn(api.StrictSerializer):
    """The letter chosen for a question."""

    code = api.TextField(max_length=32)
    letter = serializers.ChoiceField(list(suitability.LETTERS))


@extend_schema_serializer(
    examples=[OpenApiExample("Answers", {"answers": [{"code": "E-LOSS", "letter": "b"}]})]
)
class TestAnswersIn(api.StrictSerializer):
    """An answer to each question of the test."""

    answers = TestAnswerIn(many=True, max_length=100)  # type: ignore[call-arg]

    def validate_answers(self, value: list[dict[str, str]]) -> dict[str, str]:
        given = {answer["code"]: answer["letter"] for answer in value}
        if len(given) != len(value):
            raise serializers.ValidationError("A question is answered once.", code="twice")
        return given


def person_of(said: Mapping[str, Any]) -> Person:
    """Return the person that a `PersonIn` says."""
    fields = {name: value for name, value in said.items() if name != "document"}
    fields["snils"] = identification.digits_of(said["snils"])
    return Person(**fields, paper=paper_of(said["document"]))


def paper_of(said: Mapping[str, Any]) -> Paper:
    """Return the passport that a `PassportIn` says."""
    return Paper(**{**said, "number": identification.digits_of(said["number"])})


def entity_of(said: Mapping[str, Any]) -> Entity:
    """Return the entity that an `EntityIn` says."""
    return Entity(**{**said, "owners": [Owner(**owner) for owner in said["owners"]]})
