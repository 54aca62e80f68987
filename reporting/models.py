"""Runs of reports, their files, and the parts that files are made in. All true of a report is here.

A file is the chunks of its parts in order, between a head (part 0) and a tail.
"""

from django.db import models
from django.db.models.functions import Now

from common import ids, tenancy
from common.models import Bank, Jurisdiction
from reporting import states


class ReportRun(models.Model):
    """A report of a period, made once: by which version, cut at which closed days, for whom.

    `closes`: rows of close (`kind:id`), number, business_date and head (hex) as they were then.
    """

    tenancy = tenancy.bank()
    id_prefix = "rep"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    bank_code = models.SlugField(max_length=32)  # for a recipient, who sees no register of banks
    jurisdiction = models.ForeignKey(Jurisdiction, models.PROTECT, related_name="+")
    report = models.CharField(max_length=32)
    version = models.PositiveSmallIntegerField()
    recipient = models.CharField(max_length=32)
    first_date = models.DateField()
    last_date = models.DateField()
    closes = models.JSONField()
    status = models.CharField(
        max_length=8, choices=states.RunStatus.choices, default=states.RunStatus.QUEUED
    )
    actor = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bank", "report", "first_date", "last_date", "version"],
                name="report_run_once",
            ),
            models.CheckConstraint(
                condition=models.Q(first_date__lte=models.F("last_date")),
                name="report_run_of_a_period",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=states.RunStatus.values),
                name="report_run_status_known",
            ),
        ]
        indexes = [
            models.Index(fields=["jurisdiction", "recipient"], name="report_run_by_recipient")
        ]

    def __str__(self) -> str:
        return f"{self.report} {self.first_date}"


class ReportFile(models.Model):
    """One format of a run. It is whole once it has a SHA-256 (hex), and does not change then.

    `rows` counts what the parts made. `queue_at`: not before then is its end queued again.
    """

    tenancy = tenancy.bank()
    id_prefix = "rpf"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    run = models.ForeignKey(ReportRun, models.PROTECT, related_name="files", db_constraint=False)
    format = models.CharField(max_length=8, choices=states.Format.choices)
    name = models.CharField(max_length=128)
    parts = models.PositiveIntegerField()
    parts_left = models.PositiveIntegerField()
    rows = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    queue_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "format"], name="report_file_one_a_format"),
            models.CheckConstraint(
                condition=models.Q(parts_left__lte=models.F("parts"))
                & (models.Q(sha256="") | models.Q(parts_left=0)),
                name="report_file_whole_when_all_parts_are",
            ),
        ]
        indexes = [
            models.Index(
                fields=["bank", "id"], condition=models.Q(sha256=""), name="report_file_unfinished"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ReportPart(models.Model):
    """A part of a file, made in one transaction by whoever holds its lock.

    `bounds` are the report's own. `queue_at`: not before then is it queued again.
    """

    tenancy = tenancy.bank()
    id_prefix = "rpp"

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="+")
    file = models.ForeignKey(ReportFile, models.PROTECT, related_name="+", db_constraint=False)
    number = models.PositiveIntegerField()
    bounds = models.JSONField()
    status = models.CharField(
        max_length=8, choices=states.PartStatus.choices, default=states.PartStatus.WAITING
    )
    rows = models.BigIntegerField(default=0)
    queue_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="report_part_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=states.PartStatus.values),
                name="report_part_status_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["bank", "id"],
                condition=models.Q(status="WAITING"),
                name="report_part_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"Part {self.number}"


class FileChunk(models.Model):
    """About a megabyte of a file; written once."""

    tenancy = tenancy.bank(grants="SELECT, INSERT")

    id = models.BigAutoField(primary_key=True)
    bank = models.ForeignKey(
        Bank, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    file = models.ForeignKey(
        ReportFile, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    part = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "part", "number"], name="file_chunk_once")
        ]

    def __str__(self) -> str:
        return f"{self.part}.{self.number}"
