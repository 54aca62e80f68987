"""Which connection does what: the owner's role migrates, the application's does all else."""

from typing import Any


class OwnerMigrates:
    """Send schema changes to `owner` alone."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
