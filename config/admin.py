"""The admin as one site: its sidebar, in the order of the business."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

from common.admin import ReadOnlyAdmin

SECTIONS = (
    "Licensing",
    "Clients",
    "Desk",
    "Tax",
    "Ledger",
    "Approvals",
    "Outbox",
    "People",
    "State",
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return unfold's sidebar: of each section the pages that the user may open."""
    sections: dict[str, list[dict[str, Any]]] = {title: [] for title in SECTIONS}
    for model, page in admin.site._registry.items():
        if isinstance(page, ReadOnlyAdmin) and page.has_view_permission(request):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            title = capfirst(model._meta.verbose_name_plural)
            sections[page.section].append(
                {"title": title, "icon": page.icon, "link": reverse(name)}
            )
    return [
        {"title": title, "separator": True, "items": items}
        for title, items in sections.items()
        if items
    ]
