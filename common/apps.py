from django.apps import AppConfig
from django.contrib.auth import signals
from django.core import checks
from django.db.backends.signals import connection_created
from django.utils.module_loading import autodiscover_modules

from common import tenancy


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = "House"

    def ready(self) -> None:
        from common import users  # its imports need the models

        checks.register(tenancy.check_declared)
        checks.register(tenancy.check_role, checks.Tags.database)
        connection_created.connect(tenancy.refuse_role)
        signals.user_logged_in.connect(users.remember_bank)
        autodiscover_modules("operations", "reactions")
