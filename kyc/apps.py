from django.apps import AppConfig
from django.core import checks


class KycConfig(AppConfig):
    name = "kyc"
    verbose_name = "Clients"

    def ready(self) -> None:
        from kyc import sealing  # its imports need the settings

        checks.register(sealing.check_keys)
