"""The house's doors."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular import views as spectacular

from config import health

admin.site.index_title = "Overview"

_v1: list[URLPattern | URLResolver] = [
    path("", include("common.api.urls")),
    path("", include("ledger.api.urls")),
    path("", include("licensing.api.urls")),
    path("", include("kyc.api.urls")),
    path("", include("tax.api.urls")),
    path("", include("desk.api.urls")),
    path("openapi.json", spectacular.SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs", spectacular.SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
]

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("v1/", include(_v1)),
]

handler400 = handler403 = handler404 = handler500 = "common.errors.page"
