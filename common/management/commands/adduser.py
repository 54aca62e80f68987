"""`adduser`: give somebody a login with a bank or with the state."""

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import errors, ids, tenancy, users


class Command(BaseCommand):
    help = (
        "Adds a user: NAME@BANK, or NAME@gov.JURISDICTION for an officer of the state."
        " The password is asked for, or read from a pipe's first line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("login", metavar="NAME@BANK")
        roles = [role.value for role in users.Role if role is not users.Role.JOB]
        parser.add_argument("--role", required=True, choices=roles)
        parser.add_argument("--name", default="", help="the person's own name")
        parser.add_argument(
            "--generate", action="store_true", help="make a password and print it, this once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        username, _, code = options["login"].rpartition("@")
        password = secrets.token_urlsafe(15) if options["generate"] else _asked()
        try:
            house = users.house_of(code)
            with tenancy.acting(house.bank_id, house.office):
                user = users.create_user(
                    username=username,
                    name=options["name"] or username,
                    role=users.Role(options["role"]),
                    password=password,
                )
        except errors.Refused as refusal:
            raise CommandError(f"{refusal.code}: {refusal.detail}") from refusal
        self.stdout.write(ids.show(user.id_prefix, user.pk))
        if options["generate"]:
            self.stdout.write(password)


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first, again = getpass.getpass(), getpass.getpass("Password (again): ")
    if first != again:
        raise CommandError("The two passwords differ.")
    return first
