"""`loadlist`: load a list of sanctioned parties for the banks of a jurisdiction, all or nothing."""

from __future__ import annotations

import gzip
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.module_loading import import_string
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from common import clock, errors, tenancy, users
from kyc import lists, operations, states
from kyc.lists import ListBackend, Party

OFAC_FILES = {"prime": "sdn", "alternate": "alt", "consolidated": "cons_prim"}


class Command(BaseCommand):
    help = (
        "Loads a list: `un` from its XML, `ofac` from the folder of its CSV files (.gz or not),"
        " `fictional` from the backend that SCREENING_LISTS_BACKEND names."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, metavar="CODE")
        parser.add_argument("--source", required=True, choices=states.ListSource.values)
        parser.add_argument("path", nargs="?", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        source = options["source"]
        try:
            house = users.house_of(f"gov.{options['jurisdiction']}")
            parties = _read(source, options["path"])
            with (
                _shown(self.stdout, len(parties)) as progress,
                tenancy.acting(None, house.office),
            ):
                kept = operations.load_list(
                    source=source,
                    parties=parties,
                    at=clock.now(house.jurisdiction_id, timezone.now()),
                    progress=progress,
                )
        except errors.Refused as refusal:
            raise CommandError(f"{refusal.code}: {refusal.detail}") from refusal
        except (OSError, UnicodeDecodeError, lists.ListMalformed) as wrong:
            raise CommandError(f"Nothing was loaded. {wrong}") from wrong
        self.stdout.write(f"{kept.get_source_display()}, version {kept.version}: {kept.parties}.")


def _read(source: str, path: Path | None) -> Sequence[Party]:
    if source == states.ListSource.FICTIONAL:
        backend: ListBackend = import_string(settings.SCREENING_LISTS_BACKEND)()
        return backend.parties()
    if path is None:
        raise CommandError(f"Say where the list of {source} is.")
    if source == states.ListSource.UN:
        with _opened(path) as file:
            return list(lists.read_un(file))
    texts = {
        name: _lines(_the_file(path, stem), required=name != "consolidated")
        for name, stem in OFAC_FILES.items()
    }
    return list(lists.read_ofac(texts["prime"], texts["alternate"], texts["consolidated"]))


def _the_file(folder: Path, stem: str) -> Path | None:
    found = sorted(folder.glob(f"*{stem}.csv*"))
    return found[0] if found else None


def _lines(path: Path | None, *, required: bool) -> list[str]:
    if path is None:
        if required:
            raise CommandError("The folder needs the files *sdn.csv and *alt.csv.")
        return []
    with _opened(path) as file:
        text: str = file.read().decode("latin-1")
    return text.splitlines()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield file


@contextmanager
def _shown(stdout: Any, total: int) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far it is."""
    if not stdout.isatty():
        yield lambda count: None
        return
    columns = TextColumn("Parties"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console()) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.update(task, completed=count)
