"""The admin's pages of the cellar, the class of every page in it, and how things are shown."""

from common.admin import dialogs, page, pages, people, shown
from common.admin.page import ReadOnlyAdmin, command, reason_form
from common.admin.shown import url

__all__ = [
    "ReadOnlyAdmin",
    "command",
    "dialogs",
    "page",
    "pages",
    "people",
    "reason_form",
    "shown",
    "url",
]
