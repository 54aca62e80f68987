"""Loading a list of sanctioned parties: the supervisor's, for every bank of the jurisdiction."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable
from datetime import datetime

from common import errors, tenancy
from kyc.lists import Party
from kyc.models import ListedParty, WatchList

AT_ONCE = 500


def load_list(
    *,
    source: str,
    parties: Iterable[Party],
    at: datetime,
    progress: Callable[[int], None] = lambda count: None,
) -> WatchList:
    """Make a list be what `parties` says, all or nothing: who is not on it any more is delisted.

    Runs inside the supervisor's transaction; `progress` is told how many parties were written.

    Raises: LIST_EMPTY.
    """
    jurisdiction_id = tenancy.current().jurisdiction_id
    assert jurisdiction_id is not None
    merged = _merged(parties)
    if not merged:
        raise errors.Refused("LIST_EMPTY", {"source": source})
    held = WatchList.objects.select_for_update().filter(source=source).first()
    version = 1 if held is None else held.version + 1
    rows = (
        ListedParty(
            jurisdiction_id=jurisdiction_id,
            source=source,
            ref=party.ref,
            kind=party.kind,
            names=list(party.names),
            births=list(party.births),
            programme=party.programme,
            version=version,
        )
        for party in merged
    )
    written = 0
    while batch := list(itertools.islice(rows, AT_ONCE)):
        ListedParty.objects.bulk_create(
            batch,
            update_conflicts=True,
            unique_fields=["jurisdiction", "source", "ref"],
            update_fields=["kind", "names", "births", "programme", "version", "delisted_at"],
        )
        written += len(batch)
        progress(written)
    gone = ListedParty.objects.filter(source=source, version__lt=version, delisted_at=None)
    gone.update(delisted_at=at)
    kept, _ = WatchList.objects.update_or_create(
        jurisdiction_id=jurisdiction_id,
        source=source,
        defaults={
            "version": version,
            "sha256": _digest(merged),
            "parties": len(merged),
            "loaded_at": at,
            "loaded_by": tenancy.current().actor.label,
        },
    )
    return kept


def _merged(parties: Iterable[Party]) -> list[Party]:
    """Return each party once: a publisher may name one on two of its lists."""
    merged: dict[str, Party] = {}
    for party in parties:
        held = merged.get(party.ref)
        if held is not None:
            party = Party(  # noqa: PLW2901
                ref=party.ref,
                kind=held.kind,
                names=tuple(dict.fromkeys([*held.names, *party.names])),
                births=tuple(dict.fromkeys([*held.births, *party.births])),
                programme=held.programme,
            )
        merged[party.ref] = party
    return list(merged.values())


def _digest(parties: list[Party]) -> str:
    """Return what the list says, whatever file it came in."""
    digest = hashlib.sha256()
    for party in sorted(parties, key=lambda party: party.ref):
        digest.update(repr(party).encode())
    return digest.hexdigest()
