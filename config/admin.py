"""The admin as one site: its sidebar, what waits first, then in the order of the business."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

from common import models, users
from common.admin import ReadOnlyAdmin

SECTIONS = (
    "Licensing",
    "Clients",
    "Desk",
    "Tax",
    "Ledger",
    "Reports",
    "Approvals",
    "Outbox",
    "People",
    "State",
)
# The section of each role's daily work stands open; the others open at a click.
_OPEN = {
    users.Role.DEALER: "Desk",
    users.Role.HEAD_OF_DESK: "Desk",
    users.Role.OPERATIONS: "Desk",
    users.Role.COMPLIANCE: "Clients",
    users.Role.AUDITOR: "Ledger",
    users.Role.SUPERVISOR: "Licensing",
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return unfold's sidebar: the work that waits, and of each section what the user may open."""
    sections: dict[str, list[dict[str, Any]]] = {title: [] for title in SECTIONS}
    queues: list[dict[str, Any]] = []
    for page, item in _pages(request):
        waiting = page.waiting(request)
        if waiting is not None:
            queues.append(_queue(request, page, item, waiting))
        if waiting is None or page.waiting_query:
            sections[page.section].append(item)
    home = {"title": "Overview", "icon": "monitoring", "link": reverse("admin:index")}
    user = request.user
    role = users.Role(user.role) if isinstance(user, models.User) else None
    return [
        {"items": [home]},
        {"title": "To do", "separator": True, "items": queues, "queues": True},
        *(
            {
                "title": title,
                "separator": True,
                "collapsible": title != (role and _OPEN.get(role)),
                "items": items,
            }
            for title, items in sections.items()
            if items
        ),
    ]


def _pages(request: HttpRequest) -> Iterator[tuple[ReadOnlyAdmin, dict[str, Any]]]:
    for model, page in admin.site._registry.items():
        if isinstance(page, ReadOnlyAdmin) and page.has_view_permission(request):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            title = capfirst(model._meta.verbose_name_plural)
            yield page, {"title": title, "icon": page.icon, "link": reverse(name)}


def _queue(
    request: HttpRequest, page: ReadOnlyAdmin, item: dict[str, Any], waiting: int
) -> dict[str, Any]:
    """Return a queue's item, with how many wait as its badge; where none do, without one."""
    queue = item | {
        "title": page.waiting_title or item["title"],
        "badge": f"{waiting:,}" if waiting else "",
        "badge_variant": "warning",
    }
    if page.waiting_query:
        queue["link"] += page.waiting_query
        queue["active"] = request.get_full_path() == queue["link"]
        item["active"] = not queue["active"] and request.path.startswith(item["link"])
    return queue
