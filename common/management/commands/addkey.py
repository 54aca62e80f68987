"""`addkey`: give a user a key to the API."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from common import errors, models, tenancy, users


class Command(BaseCommand):
    help = "Issues an API key to the user NAME@BANK and prints it, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("login", metavar="NAME@BANK")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument("--scope", action="append", default=[], choices=sorted(users.SCOPES))
        parser.add_argument("--days", type=int, default=90, help="how long it is good for")

    def handle(self, *args: Any, **options: Any) -> None:
        username, _, code = options["login"].rpartition("@")
        at = timezone.now()
        try:
            house = users.house_of(code)
            with tenancy.acting(house.bank_id, house.office):
                user = models.User.objects.get(
                    jurisdiction_id=house.jurisdiction_id, username=username
                )
                _, text = users.issue_key(
                    user_id=user.pk,
                    name=options["name"],
                    scopes=options["scope"],
                    expires_at=at + timedelta(days=options["days"]),
                    at=at,
                )
        except models.User.DoesNotExist as nobody:
            raise CommandError(f"There is no user {options['login']}.") from nobody
        except errors.Refused as refusal:
            raise CommandError(f"{refusal.code}: {refusal.detail}") from refusal
        self.stdout.write(text)
