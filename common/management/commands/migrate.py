"""`migrate` as the schema's owner, and the tenancy of the tables brought up to date after it."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from common import tenancy


class Command(migrate.Command):
    help = "Migrates as the owner's role, then applies policies, grants, functions and triggers."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        owner = connections[options["database"]]
        executor = MigrationExecutor(owner)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return  # asked for a part only: the schema is not whole yet
        if tenancy.apply_schema(owner) and options["verbosity"] > 0:
            self.stdout.write("  Tenancy, functions and triggers brought up to date.")
