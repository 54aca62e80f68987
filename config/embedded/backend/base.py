"""Django's PostgreSQL engine, which starts the embedded server when it finds none."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base

from config import embedded


class DatabaseWrapper(base.DatabaseWrapper):
    """Connect, and start the server first if that fails.

    So importing the settings starts nothing, and a killed server is back at the next connection.
    Only for settings without DATABASE_URL: `embedded.ensure` leaves a named server alone.
    """

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        # A parsed address has its socket among the options, where `dbshell` does not look: it would
        # call at the machine's own server.
        options = settings_dict.get("OPTIONS", {})
        for option in {"host", "port"} & options.keys():
            settings_dict[option.upper()] = str(options.pop(option))
        super().__init__(settings_dict, alias)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a new connection."""
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            # Also while another process is still making the roles: starting waits for it.
            embedded.ensure()
            return super().get_new_connection(conn_params)
