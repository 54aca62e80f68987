"""The house's doors."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.cache import cache_control
from drf_spectacular import views as spectacular

from config import health

admin.site.index_title = "Overview"

# Paths are tried in turn, so the desk's, where the orders come in, are the first.
_v1: list[URLPattern | URLResolver] = [
    path("", include("desk.api.urls")),
    path("", include("common.api.urls")),
    path("", include("ledger.api.urls")),
    path("", include("reporting.api.urls")),
    path("", include("licensing.api.urls")),
    path("", include("kyc.api.urls")),
    path("", include("tax.api.urls")),
    path("openapi.json", spectacular.SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs", spectacular.SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
]

# The words of the admin's scripts: the same for everybody, so a browser asks for them once.
_words = cache_control(max_age=3600)(admin.site.i18n_javascript)

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/jsi18n/", _words),
    path("admin/", admin.site.urls),
    path("v1/", include(_v1)),
]

handler400 = handler403 = handler404 = handler500 = "common.errors.page"
