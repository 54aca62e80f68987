import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()

from common.api import bounded  # noqa: E402  needs the applications loaded

application = bounded(_django)
