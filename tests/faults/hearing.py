"""The handler of the load client's events, for the worker and desk processes of `test_kills`."""

from django.db.models import Max

from common import models, outbox
from tests.faults.load import DEPOSITED

HEARD = "kills.heard"


@outbox.reacts_to(DEPOSITED)
def hear(event: outbox.Event) -> None:
    """Say which event was heard after which."""
    own = models.Reaction.objects.filter(handler=f"{__name__}.hear")
    last = own.aggregate(last=Max("number"))["last"] or 0
    outbox.emit(HEARD, {"number": event.number, "after": last}, event.at)
