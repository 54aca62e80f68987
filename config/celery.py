"""The Celery application. Tasks are found in each app's `tasks.py`, and in CELERY_IMPORTS."""

import os
from pathlib import Path
from typing import Any

from celery import Celery, signals
from django.conf import settings
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("perimeter")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


# A worker that is connected to its broker says so every two seconds, beat each time it has queued
# something. The file's age tells the rest.
@signals.heartbeat_sent.connect
@signals.after_task_publish.connect
def show_life(**_: Any) -> None:
    """Touch the file that a health check looks at, if one is named."""
    if settings.HEARTBEAT_FILE:
        Path(settings.HEARTBEAT_FILE).touch()


@app.task(name="config.clear_sessions")
def clear_sessions() -> None:
    """Delete the sessions that have run out."""
    call_command("clearsessions")
