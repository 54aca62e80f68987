"""The statuses of runs and parts, and what may become of what."""

from django.db import models


class RunStatus(models.TextChoices):
    """How far a run is. What is sent to the state goes on from DONE."""

    QUEUED = "QUEUED", "Queued"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"


RUN_TRANSITIONS: dict[str, frozenset[str]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.DONE}),  # a file may have no parts
    RunStatus.RUNNING: frozenset({RunStatus.DONE}),
    RunStatus.DONE: frozenset(),
}


class PartStatus(models.TextChoices):
    """Whether a part is made. Who is making one holds its row's lock, and nothing else says so."""

    WAITING = "WAITING", "Waiting"
    DONE = "DONE", "Done"


class Format(models.TextChoices):
    """What a report's files are written in."""

    CSV = "csv", "CSV"
    XML = "xml", "XML"
