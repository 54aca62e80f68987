"""The API's edge: bodies read strictly, fields, pages, and the view that acts for somebody.

Here: what every endpoint shares. How errors are told is in `errors`, who asks in `users`.
"""

from common.api.bodies import MAX_BODY, MAX_DEPTH, bounded, read_json
from common.api.fields import (
    AmountField,
    DateField,
    IdField,
    StrictSerializer,
    TextField,
    TimestampField,
)
from common.api.pages import MAX_LIMIT, CursorPages, page_limit, parameter, path_id
from common.api.views import View

__all__ = [
    "MAX_BODY",
    "MAX_DEPTH",
    "MAX_LIMIT",
    "AmountField",
    "CursorPages",
    "DateField",
    "IdField",
    "StrictSerializer",
    "TextField",
    "TimestampField",
    "View",
    "bounded",
    "page_limit",
    "parameter",
    "path_id",
    "read_json",
]
