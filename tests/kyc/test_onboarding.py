"""A client's way in, step by step, and every way of not getting in."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from common import changes, errors, ids, models, tenancy, users
from kyc import identification, invariants, lists, operations, queries, states
from kyc.identification import Owner
from kyc.models import Attempt, Client, RiskAssessment, Screening, ScreeningHit
from ledger import queries as books
from tests.kyc import clients
from tests.kyc.clients import AT
from tests.ledger.books import Books, run_at_once

LISTED: dict[str, Any] = {
    "surname": "Белокрылов",
    "given_name": "Семён",
    "patronymic": "Радимович",
    "birth_date": date(1985, 5, 5),
    "paper": {"issued": date(2006, 1, 10)},
}


@pytest.fixture(autouse=True)
def proven(bank: models.Bank, staff: users.Actor) -> Iterator[None]:
    """Prove every invariant of clients when the test is over."""
    yield
    assert violations(bank, staff) == []


def violations(bank: models.Bank, staff: users.Actor) -> list[tuple[str, str, str]]:
    with tenancy.acting(bank.id, staff):
        return [(rule.__name__, *each) for rule in invariants.INVARIANTS for each in rule()]


def refused(bank: models.Bank, staff: users.Actor, attempt: Callable[[], object]) -> errors.Refused:
    with (
        tenancy.acting(bank.id, staff),
        pytest.raises(errors.Refused) as told,
        transaction.atomic(),
    ):
        attempt()
    return told.value


def again(client: Client, staff: users.Actor) -> Client:
    with tenancy.acting(client.bank_id, staff):
        return Client.objects.get(pk=client.pk)


def officer(bank: models.Bank, name: str) -> users.Actor:
    role = users.Role.COMPLIANCE
    return users.Actor(f"job:{name}", role, bank.id, bank.jurisdiction_id, None, users.ROLES[role])


def hits(client: Client, staff: users.Actor) -> list[ScreeningHit]:
    with tenancy.acting(client.bank_id, staff):
        return list(ScreeningHit.objects.filter(client=client).order_by("id"))


# --- In -------------------------------------------------------------------------------------------


def test_a_person_applies_is_identified_tested_and_opened(
    books: Books, bank: models.Bank, staff: users.Actor
) -> None:
    client = clients.identify(bank)
    assert (client.status, client.risk) == ("IDENTIFIED", "LOW")
    with tenancy.acting(bank.id, staff):
        attempt = operations.draw_test(client_id=client.pk, at=AT)
        assert operations.draw_test(client_id=client.pk, at=AT) == attempt
        right = clients.right_answers(attempt)
        attempt = operations.answer_test(attempt_id=attempt.pk, answers=right, at=AT)
        assert (attempt.status, attempt.correct) == ("PASSED", 4)
        opened = operations.approve_client(client_id=client.pk, reason="all is well", at=AT)
    assert isinstance(opened, Client)
    client = again(client, staff)
    assert (client.status, client.test_status, client.category) == (
        "OPEN",
        "PASSED",
        "NON_QUALIFIED",
    )
    assert (client.opened_at, client.review_date) == (AT, date(2023, 2, 24))
    with tenancy.acting(bank.id, staff):
        [account] = books_accounts(client)
        assert (account.line, account.asset_id) == ("client_cash", "RUB")
        topics = models.OutboxEvent.objects.filter(topic__startswith="kyc.").order_by("id")
        assert [event.topic for event in topics] == [
            "kyc.client_applied",
            "kyc.client_identified",
            "kyc.test_answered",
            "kyc.client_opened",
        ]


def books_accounts(client: Client) -> Any:
    return books.accounts(owner=ids.show("cli", client.pk))


def test_a_bank_without_a_book_opens_clients_all_the_same(
    bank: models.Bank, staff: users.Actor
) -> None:
    assert clients.open_client(bank).status == "OPEN"


def test_an_entity_needs_no_test(bank: models.Bank, staff: users.Actor) -> None:
    client = clients.open_client(bank, kind="ENTITY")
    assert (client.status, client.category, client.test_status) == ("OPEN", "LEGAL_ENTITY", "NONE")
    told = refused(bank, staff, lambda: operations.draw_test(client_id=client.pk, at=AT))
    assert told.code == "TEST_NOT_NEEDED"


def test_an_application_that_cannot_be_true_is_refused_with_all_that_is_wrong(
    bank: models.Bank, staff: users.Actor
) -> None:
    said = clients.person(inn="500100732258", snils="11223344594", paper={"number": "1"})
    with pytest.raises(errors.Refused) as told:
        clients.apply(bank, said)
    assert told.value.code == "INN_INVALID"
    assert told.value.facts == {
        "field": "inn",
        "problems": ["INN_INVALID", "SNILS_INVALID", "PASSPORT_NUMBER_INVALID"],
    }
    with tenancy.acting(bank.id, staff):
        assert not Client.objects.exists()


def test_hidden_owners_are_not_taken(bank: models.Bank) -> None:
    owners = [Owner("Аникеев Пётр", date(1980, 1, 2), Decimal(50))]
    with pytest.raises(errors.Refused, match="OWNERS_UNDISCLOSED"):
        clients.apply(bank, clients.entity(owners=owners))


def test_a_log_in_has_one_client_and_staff_have_none(bank: models.Bank, staff: users.Actor) -> None:
    with tenancy.acting(bank.id, staff):
        anna, clerk = (
            users.create_user(
                username=name, name="Anna", role=role, password="a long walk on the quay"
            )
            for name, role in (("anna", users.Role.CLIENT), ("clerk", users.Role.OPERATIONS))
        )
    client = clients.apply(bank, user=anna)
    with tenancy.acting(bank.id, users.actor_of(anna)) as acting:
        assert queries.client_of_user(acting.actor) == client.pk
        assert [row.pk for row in queries.clients_for(acting.actor)] == [client.pk]
    with tenancy.acting(bank.id, staff), pytest.raises(errors.Refused, match="CLIENT_UNKNOWN"):
        queries.client_of_user(users.actor_of(clerk))
    with pytest.raises(errors.Refused, match="USER_HAS_CLIENT"):
        clients.apply(bank, user=anna)
    with pytest.raises(errors.Refused, match="USER_UNKNOWN"):
        clients.apply(bank, user=clerk)


def test_two_at_once_apply_for_one_person_and_one_gets_in(
    bank: models.Bank, staff: users.Actor
) -> None:
    said, told = clients.person(), []
    clients.apply(bank)  # the regime is there before the race

    def apply() -> None:
        try:
            clients.apply(bank, said)
        except errors.Refused as refusal:
            told.append(refusal.code)

    run_at_once(*[apply] * 4)
    assert told == ["CLIENT_EXISTS"] * 3


# --- Papers ---------------------------------------------------------------------------------------


def test_papers_that_ran_out_meanwhile_stop_the_way_until_new_ones_come(
    bank: models.Bank, staff: users.Actor
) -> None:
    born, issued = date(1977, 2, 24), date(2003, 5, 5)
    client = clients.identify(bank, clients.person(birth_date=born, paper={"issued": issued}))
    late = AT + timedelta(days=91)
    told = refused(
        bank,
        staff,
        lambda: operations.approve_client(client_id=client.pk, reason="fine", at=late),
    )
    assert told.code == "DOCUMENT_EXPIRED"
    paper = identification.Paper("RU_PASSPORT", "4521998877", date(2022, 4, 1), "770-001")
    with tenancy.acting(bank.id, staff):
        operations.replace_document(client_id=client.pk, paper=paper, at=late)
        operations.approve_client(client_id=client.pk, reason="fine", at=late)
    assert again(client, staff).status == "OPEN"


# --- The lists ------------------------------------------------------------------------------------


def test_a_listed_person_is_refused(bank: models.Bank, staff: users.Actor) -> None:
    client = clients.identify(bank, clients.person(**LISTED))
    assert (client.status, client.risk) == ("IN_REVIEW", "MEDIUM")
    [hit] = hits(client, staff)
    assert (hit.exact, hit.score, hit.birth_agrees) == (True, 100, True)
    told = refused(
        bank, staff, lambda: operations.approve_client(client_id=client.pk, reason="so", at=AT)
    )
    assert told.code == "HITS_UNDECIDED"
    with tenancy.acting(bank.id, staff):
        operations.confirm_hit(hit_id=hit.pk, reason="the same passport", at=AT)
    client = again(client, staff)
    assert (client.status, client.status_reason, client.risk) == ("REFUSED", "LISTED", "HIGH")


@pytest.mark.parametrize(
    "name",
    [
        ("Belokryloff", "Simeon", ""),
        ("Semyon", "Belokrylov", ""),
        ("БЕЛОКРЫЛОВ", "Семен", "Радимович"),
        ("Belokrilov", "Semion", "Radimovich"),
    ],
)
def test_a_listed_person_is_found_by_other_spellings(
    bank: models.Bank, staff: users.Actor, name: tuple[str, str, str]
) -> None:
    surname, given_name, patronymic = name
    said = LISTED | {"surname": surname, "given_name": given_name, "patronymic": patronymic}
    client = clients.identify(bank, clients.person(**said))
    assert client.status == "IN_REVIEW"
    with tenancy.acting(bank.id, staff):
        operations.dismiss_hit(hit_id=hits_of(client)[0].pk, reason="another", at=AT)


def hits_of(client: Client) -> list[ScreeningHit]:
    return list(ScreeningHit.objects.filter(client=client))


def test_a_namesake_born_in_another_year_is_another(bank: models.Bank, staff: users.Actor) -> None:
    said = LISTED | {"birth_date": date(1995, 5, 5), "paper": {"issued": date(2015, 6, 1)}}
    assert clients.identify(bank, clients.person(**said)).status == "IDENTIFIED"


def test_a_likeness_that_is_dismissed_lets_in_and_is_not_raised_again(
    bank: models.Bank, staff: users.Actor
) -> None:
    client = clients.identify(bank, clients.person(**LISTED))
    [hit] = hits(client, staff)
    with tenancy.acting(bank.id, staff):
        operations.dismiss_hit(hit_id=hit.pk, reason="born elsewhere", at=AT)
        operations.approve_client(client_id=client.pk, reason="fine", at=AT)
        assert operations.screen_client(client_id=client.pk, at=AT) == []
    assert (again(client, staff).status, again(client, staff).risk) == ("OPEN", "MEDIUM")
    for decide in (operations.confirm_hit, operations.dismiss_hit):
        told = refused(bank, staff, lambda d=decide: d(hit_id=hit.pk, reason="no", at=AT))  # type: ignore[misc]
        assert told.code == "STATUS_CONFLICT"


def test_an_owner_who_is_listed_refuses_the_entity(bank: models.Bank, staff: users.Actor) -> None:
    owners = [Owner("Semyon Belokrylov", date(1985, 5, 5), Decimal(100))]
    client = clients.identify(bank, clients.entity(owners=owners))
    [hit] = hits(client, staff)
    assert hit.owner_id is not None
    with tenancy.acting(bank.id, staff):
        operations.confirm_hit(hit_id=hit.pk, reason="his passport", at=AT)
    assert again(client, staff).status == "REFUSED"


def test_a_listed_firm_is_found_without_its_legal_form(
    bank: models.Bank, staff: users.Actor
) -> None:
    client = clients.identify(bank, clients.entity(legal_name="Northern Quay Trade"))
    assert [hit.exact for hit in hits(client, staff)] == [True]


def test_a_client_listed_later_is_found_frozen_and_stays_so(
    make_state: Callable[[], models.Jurisdiction],
    bank: models.Bank,
    staff: users.Actor,
) -> None:
    state = make_state()
    other = users.register_bank(
        actor=users.supervisor_of(state.id), code=f"late{state.code}", name="Late"
    )
    own = users.job("tests", other.id)
    client = clients.open_client(other)
    said = queries_name(client, own)
    newer = [lists.Party("1", "PERSON", (said,), ("1990-06-15",))]
    with tenancy.acting(None, users.supervisor_of(state.id)):
        operations.load_list(source="un", parties=newer, at=AT)
    unlike = clients.person(surname="Щукин", given_name="Егор", birth_date=date(1985, 1, 2))
    waiting = clients.identify(other, unlike)
    with tenancy.acting(other.id, own):
        assert list(queries.outdated_screenings(AT)) == [client]
        [hit] = operations.screen_client(client_id=client.pk, at=AT)
        assert list(queries.outdated_screenings(AT)) == []
        assert Client.objects.get(pk=client.pk).status == "OPEN"
        operations.confirm_hit(hit_id=hit.pk, reason="the same", at=AT)
        frozen = Client.objects.get(pk=client.pk)
        assert (frozen.status, frozen.status_reason) == ("FROZEN", "LISTED")
        with pytest.raises(errors.Refused, match="CLIENT_LISTED"):
            operations.unfreeze_client(client_id=client.pk, reason="so", at=AT)
    with tenancy.acting(None, users.supervisor_of(state.id)):
        operations.load_list(source="un", parties=newer, at=AT)
    with tenancy.acting(other.id, own), pytest.raises(errors.Refused, match="SCREENING_OUTDATED"):
        operations.approve_client(client_id=waiting.pk, reason="so", at=AT)
    assert violations(other, own) == []


def queries_name(client: Client, actor: users.Actor) -> str:
    with tenancy.acting(client.bank_id, actor):
        return queries.name_of(Client.objects.select_related("identity").get(pk=client.pk).identity)


def test_without_lists_nobody_is_identified(
    make_state: Callable[[], models.Jurisdiction],
) -> None:
    state = make_state()
    other = users.register_bank(
        actor=users.supervisor_of(state.id), code=f"bare{state.code}", name="Bare"
    )
    client = clients.apply(other)
    own = users.job("tests", other.id)
    told = refused(other, own, lambda: operations.identify_client(client_id=client.pk, at=AT))
    assert told.code == "LISTS_MISSING"


# --- Risk and four eyes ---------------------------------------------------------------------------


def test_a_client_of_high_risk_is_opened_by_two_people(
    bank: models.Bank, staff: users.Actor
) -> None:
    client = clients.identify(bank, clients.person(is_pep=True))
    assert (client.status, client.risk) == ("IN_REVIEW", "HIGH")
    maker, checker = officer(bank, "maker"), officer(bank, "checker")
    with tenancy.acting(bank.id, maker):
        assert RiskAssessment.objects.get(client=client).reasons == ["POLITICALLY_EXPOSED"]
        proposal = operations.approve_client(client_id=client.pk, reason="funds shown", at=AT)
        assert isinstance(proposal, models.Proposal)
    assert again(client, staff).status == "IN_REVIEW"
    told = refused(
        bank,
        maker,
        lambda: operations.approve_client(client_id=client.pk, reason="again", at=AT),
    )
    assert told.code == "ALREADY_PROPOSED"
    told = refused(
        bank,
        maker,
        lambda: changes.approve(actor=maker, proposal_id=proposal.pk, reason="yes", at=AT),
    )
    assert told.code == "MAKER_IS_CHECKER"
    with tenancy.acting(bank.id, checker):
        changes.approve(actor=checker, proposal_id=proposal.pk, reason="yes", at=AT)
    assert again(client, staff).status == "OPEN"


def test_what_came_up_after_the_proposal_stops_its_approval(
    bank: models.Bank, staff: users.Actor
) -> None:
    client = clients.identify(bank, clients.person(is_pep=True))
    maker, checker = officer(bank, "maker"), officer(bank, "checker")
    with tenancy.acting(bank.id, maker):
        proposal = operations.approve_client(client_id=client.pk, reason="funds shown", at=AT)
    with tenancy.acting(bank.id, staff):
        operations.refuse_client(client_id=client.pk, code="RISK_UNACCEPTABLE", reason="no", at=AT)
    told = refused(
        bank,
        checker,
        lambda: changes.approve(actor=checker, proposal_id=proposal.pk, reason="yes", at=AT),
    )
    assert told.code == "STATUS_CONFLICT"


# --- The test and the category --------------------------------------------------------------------


def test_a_failed_test_is_kept_and_may_be_sat_again(bank: models.Bank, staff: users.Actor) -> None:
    client = clients.identify(bank)
    with tenancy.acting(bank.id, staff):
        first = operations.draw_test(client_id=client.pk, at=AT, seed="first")
        wrong = clients.wrong_answers(first)
        operations.answer_test(attempt_id=first.pk, answers=wrong, at=AT)
        assert Client.objects.get(pk=client.pk).test_status == "FAILED"
        second = operations.draw_test(client_id=client.pk, at=AT, seed="second")
        right = clients.right_answers(second)
        operations.answer_test(attempt_id=second.pk, answers=right, at=AT)
        assert Client.objects.get(pk=client.pk).test_status == "PASSED"
        kept = Attempt.objects.filter(client=client).order_by("number")
        assert [(each.number, each.status, each.correct) for each in kept] == [
            (1, "FAILED", 0),
            (2, "PASSED", 4),
        ]
    for attempt, code in (
        (lambda: operations.draw_test(client_id=client.pk, at=AT), "TEST_PASSED"),
        (
            lambda: operations.answer_test(attempt_id=first.pk, answers=right, at=AT),
            "STATUS_CONFLICT",
        ),
    ):
        assert refused(bank, staff, attempt).code == code


def test_three_right_of_four_are_not_enough(bank: models.Bank, staff: users.Actor) -> None:
    client = clients.identify(bank)
    with tenancy.acting(bank.id, staff):
        attempt = operations.draw_test(client_id=client.pk, at=AT)
        answers = dict(clients.right_answers(attempt))
        code = attempt.questions[0]
        answers[code] = clients.wrong_answers(attempt)[code]
        attempt = operations.answer_test(attempt_id=attempt.pk, answers=answers, at=AT)
        assert (attempt.status, attempt.correct) == ("FAILED", 3)


def test_each_question_and_no_other_is_answered(bank: models.Bank, staff: users.Actor) -> None:
    client = clients.identify(bank)
    with tenancy.acting(bank.id, staff):
        attempt = operations.draw_test(client_id=client.pk, at=AT)
    right = dict(clients.right_answers(attempt))
    fewer = dict(list(right.items())[1:])
    for answers in ({}, fewer, right | {"E-OTHER": "a"}):
        told = refused(
            bank,
            staff,
            lambda a=answers: operations.answer_test(attempt_id=attempt.pk, answers=a, at=AT),  # type: ignore[misc]
        )
        assert told.code == "ANSWERS_INCOMPLETE"


def test_an_investor_is_qualified_by_what_the_law_asks_for_then(
    bank: models.Bank, staff: users.Actor
) -> None:
    client = clients.open_client(bank)

    def qualify(ground: str, shown: str, at: datetime = AT) -> Client:
        return operations.qualify_client(
            client_id=client.pk, ground=ground, shown_rub=Decimal(shown), reason="seen", at=at
        )

    later = datetime(2026, 2, 1, tzinfo=UTC)
    assert refused(bank, staff, lambda: qualify("PROPERTY", "5999999.99")).code == (
        "QUALIFICATION_SHORT"
    )
    assert refused(bank, staff, lambda: qualify("PROPERTY", "23999999", later)).code == (
        "QUALIFICATION_SHORT"
    )
    assert refused(bank, staff, lambda: qualify("INCOME", "99999999")).code == "RULE_UNKNOWN"
    with tenancy.acting(bank.id, staff):
        assert qualify("PROPERTY", "6000000").category == "QUALIFIED"
    assert refused(bank, staff, lambda: qualify("PROPERTY", "6000000")).code == "CATEGORY_FIXED"


# --- Frozen, reviewed, closed ---------------------------------------------------------------------


def test_an_open_client_is_frozen_and_opened_again(bank: models.Bank, staff: users.Actor) -> None:
    client = clients.open_client(bank)
    with tenancy.acting(bank.id, staff):
        operations.freeze_client(client_id=client.pk, code="COURT_ORDER", reason="A40", at=AT)
        frozen = Client.objects.get(pk=client.pk)
        assert (frozen.status, frozen.status_reason) == ("FROZEN", "COURT_ORDER")
        operations.unfreeze_client(client_id=client.pk, reason="lifted", at=AT)
        opened = Client.objects.get(pk=client.pk)
        assert (opened.status, opened.status_reason) == ("OPEN", "")


def test_a_client_with_money_left_is_not_closed(
    books: Books, bank: models.Bank, staff: users.Actor
) -> None:
    client = clients.open_client(bank)
    with tenancy.acting(bank.id, staff):
        [account] = books_accounts(client)
    books.accounts["client_cash:it"] = account.pk
    books.post("deposit", ("segregated_nostro", "5"), ("client_cash:it", "-5"))

    def close() -> Client:
        return operations.close_client(
            client_id=client.pk, code="OWN_REQUEST", reason="moves", at=AT
        )

    assert refused(bank, staff, close).code == "BALANCE_LEFT"
    books.post("withdrawal", ("client_cash:it", "5"), ("segregated_nostro", "-5"))
    with tenancy.acting(bank.id, staff):
        assert close().status == "CLOSED"


def test_a_review_is_due_in_a_year_and_puts_off_the_next(
    bank: models.Bank, staff: users.Actor
) -> None:
    client = clients.open_client(bank)
    with tenancy.acting(bank.id, staff):
        assert not queries.due_for_review(date(2023, 2, 23)).exists()
        assert [row.pk for row in queries.due_for_review(date(2023, 2, 24))] == [client.pk]
        before = Screening.objects.filter(client=client).count()
        operations.review_client(client_id=client.pk, at=AT + timedelta(days=365))
        assert Client.objects.get(pk=client.pk).review_date == date(2024, 2, 24)
        assert Screening.objects.filter(client=client).count() == before + 1


def _commands() -> dict[str, tuple[set[str], Callable[[Any], object]]]:
    """Each command, and the statuses from which it may be given."""
    return {
        "identify": (
            {"APPLIED"},
            lambda pk: operations.identify_client(client_id=pk, at=AT),
        ),
        "approve": (
            {"IDENTIFIED", "IN_REVIEW"},
            lambda pk: operations.approve_client(client_id=pk, reason="r", at=AT),
        ),
        "refuse": (
            {"APPLIED", "IDENTIFIED", "IN_REVIEW"},
            lambda pk: operations.refuse_client(client_id=pk, code="SUSPICION", reason="r", at=AT),
        ),
        "freeze": (
            {"OPEN"},
            lambda pk: operations.freeze_client(client_id=pk, code="SUSPICION", reason="r", at=AT),
        ),
        "unfreeze": (
            {"FROZEN"},
            lambda pk: operations.unfreeze_client(client_id=pk, reason="r", at=AT),
        ),
        "close": (
            {"OPEN", "FROZEN"},
            lambda pk: operations.close_client(client_id=pk, code="OWN_REQUEST", reason="r", at=AT),
        ),
        "review": ({"OPEN", "FROZEN"}, lambda pk: operations.review_client(client_id=pk, at=AT)),
    }


def test_every_command_is_taken_from_its_statuses_alone(
    bank: models.Bank, staff: users.Actor
) -> None:
    class Undone(Exception):
        pass

    def brought_to(status: str) -> Client:
        if status == "APPLIED":
            return clients.apply(bank)
        if status in ("IDENTIFIED", "REFUSED"):
            client = clients.identify(bank)
        elif status == "IN_REVIEW":
            client = clients.identify(bank, clients.person(is_pep=True))
        else:
            client = clients.open_client(bank)
        with tenancy.acting(bank.id, staff):
            if status == "REFUSED":
                _commands()["refuse"][1](client.pk)
            elif status == "FROZEN":
                _commands()["freeze"][1](client.pk)
            elif status == "CLOSED":
                _commands()["close"][1](client.pk)
        return client

    for status in states.ClientStatus.values:
        client = brought_to(status)
        assert again(client, staff).status == status
        for name, (may, command) in _commands().items():
            allowed = True
            try:
                with tenancy.acting(bank.id, staff), transaction.atomic():
                    try:
                        command(client.pk)
                    except errors.Refused as refusal:
                        allowed = refusal.code != "STATUS_CONFLICT"
                    raise Undone
            except Undone:
                pass
            assert allowed == (status in may), (status, name)
