"""The roof: settings, urls, the Celery application and the embedded start."""

# Loaded with Django, so that `shared_task` finds its broker in every process.
from config.celery import app as celery_app

__all__ = ("celery_app",)
