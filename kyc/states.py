"""What a client and the rows around one can be, and the ways between, as data."""

from collections.abc import Mapping

from django.db import models


class ClientKind(models.TextChoices):
    """A natural person or a legal entity."""

    PERSON = "PERSON", "Person"
    ENTITY = "ENTITY", "Legal entity"


class ClientStatus(models.TextChoices):
    """A client's way: applied, identified, perhaps reviewed, then open or refused."""

    APPLIED = "APPLIED", "Applied"
    IDENTIFIED = "IDENTIFIED", "Identified"
    IN_REVIEW = "IN_REVIEW", "In review"
    OPEN = "OPEN", "Open"
    FROZEN = "FROZEN", "Frozen"
    REFUSED = "REFUSED", "Refused"
    CLOSED = "CLOSED", "Closed"


CLIENT_TRANSITIONS: Mapping[str, frozenset[str]] = {
    ClientStatus.APPLIED: frozenset(
        {ClientStatus.IDENTIFIED, ClientStatus.IN_REVIEW, ClientStatus.REFUSED}
    ),
    ClientStatus.IDENTIFIED: frozenset(
        {ClientStatus.IN_REVIEW, ClientStatus.OPEN, ClientStatus.REFUSED}
    ),
    ClientStatus.IN_REVIEW: frozenset({ClientStatus.OPEN, ClientStatus.REFUSED}),
    ClientStatus.OPEN: frozenset({ClientStatus.FROZEN, ClientStatus.CLOSED}),
    ClientStatus.FROZEN: frozenset({ClientStatus.OPEN, ClientStatus.CLOSED}),
    ClientStatus.REFUSED: frozenset(),
    ClientStatus.CLOSED: frozenset(),
}

# A client in one of these has not been decided on.
APPLYING = (ClientStatus.APPLIED, ClientStatus.IDENTIFIED, ClientStatus.IN_REVIEW)
# A client in one of these has been let in.
LET_IN = (ClientStatus.OPEN, ClientStatus.FROZEN)


class Category(models.TextChoices):
    """What the law takes a client for, as an investor."""

    NON_QUALIFIED = "NON_QUALIFIED", "Non-qualified"
    QUALIFIED = "QUALIFIED", "Qualified"
    LEGAL_ENTITY = "LEGAL_ENTITY", "Legal entity"


class InvestorTest(models.TextChoices):
    """How the client stands with the investor test."""

    NONE = "NONE", "Not sat"
    FAILED = "FAILED", "Failed"
    PASSED = "PASSED", "Passed"


class Residency(models.TextChoices):
    """Where the client is taxed."""

    RESIDENT = "RESIDENT", "Resident"
    NON_RESIDENT = "NON_RESIDENT", "Non-resident"


class Risk(models.TextChoices):
    """The bank's rating of the risk that a client brings."""

    LOW = "LOW", "Low"
    MEDIUM = "MEDIUM", "Medium"
    HIGH = "HIGH", "High"


class Document(models.TextChoices):
    """The paper that a person is identified by."""

    RU_PASSPORT = "RU_PASSPORT", "Internal passport of Russia"
    FOREIGN_PASSPORT = "FOREIGN_PASSPORT", "Passport of another state"


class HitStatus(models.TextChoices):
    """A name that resembles a listed one: to be judged, then the same person or another."""

    OPEN = "OPEN", "To be judged"
    CONFIRMED = "CONFIRMED", "Confirmed"
    DISMISSED = "DISMISSED", "Dismissed"


HIT_TRANSITIONS: Mapping[str, frozenset[str]] = {
    HitStatus.OPEN: frozenset({HitStatus.CONFIRMED, HitStatus.DISMISSED}),
    HitStatus.CONFIRMED: frozenset(),
    HitStatus.DISMISSED: frozenset(),
}


class AttemptStatus(models.TextChoices):
    """A sitting of the investor test."""

    DRAWN = "DRAWN", "Drawn"
    PASSED = "PASSED", "Passed"
    FAILED = "FAILED", "Failed"


ATTEMPT_TRANSITIONS: Mapping[str, frozenset[str]] = {
    AttemptStatus.DRAWN: frozenset({AttemptStatus.PASSED, AttemptStatus.FAILED}),
    AttemptStatus.PASSED: frozenset(),
    AttemptStatus.FAILED: frozenset(),
}


class ListSource(models.TextChoices):
    """Whose list a party stands on."""

    UN = "un", "UN Security Council"
    OFAC = "ofac", "OFAC"
    FICTIONAL = "fictional", "Fictional list"


class PartyKind(models.TextChoices):
    """What a listed party is."""

    PERSON = "PERSON", "Person"
    ENTITY = "ENTITY", "Organisation"
    OTHER = "OTHER", "Vessel, aircraft or other"


class Reason(models.TextChoices):
    """Why a client is refused, frozen or closed."""

    LISTED = "LISTED", "On a list of sanctioned parties"
    PAPERS_DOUBTFUL = "PAPERS_DOUBTFUL", "The papers are doubtful"
    OWNERS_UNDISCLOSED = "OWNERS_UNDISCLOSED", "The owners are not disclosed"
    RISK_UNACCEPTABLE = "RISK_UNACCEPTABLE", "The risk is more than the bank takes"
    SUSPICION = "SUSPICION", "Suspicion of laundering"
    COURT_ORDER = "COURT_ORDER", "Order of a court or an authority"
    OWN_REQUEST = "OWN_REQUEST", "The client's own wish"


REFUSAL_REASONS = (
    Reason.PAPERS_DOUBTFUL,
    Reason.OWNERS_UNDISCLOSED,
    Reason.RISK_UNACCEPTABLE,
    Reason.SUSPICION,
    Reason.OWN_REQUEST,
)
FREEZE_REASONS = (Reason.SUSPICION, Reason.COURT_ORDER, Reason.PAPERS_DOUBTFUL, Reason.OWN_REQUEST)
CLOSE_REASONS = (Reason.OWN_REQUEST, Reason.RISK_UNACCEPTABLE, Reason.SUSPICION)


class Ground(models.TextChoices):
    """On what ground a person is a qualified investor."""

    PROPERTY = "PROPERTY", "Property"
    INCOME = "INCOME", "Income"
