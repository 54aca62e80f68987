"""The API's edge: bodies read strictly, fields, pages, and the view that acts for somebody.

Here: what every endpoint shares. How errors are told is in `errors`, who asks in `users`.
"""

from common.api.bodies import MAX_BODY, MAX_DEPTH, bounded, read_json
from common.api.fields import (
    AmountField,
    BooleanField,
    DateField,
    IdField,
    IntegerField,
    NameField,
    StrictSerializer,
    TextField,
    TimestampField,
)
from common.api.pages import (
    LIMIT,
    MAX_LIMIT,
    CursorPages,
    described,
    page_limit,
    parameter,
    path_code,
    path_id,
)
from common.api.problems import absent, refusals
from common.api.views import View

__all__ = [
    "LIMIT",
    "MAX_BODY",
    "MAX_DEPTH",
    "MAX_LIMIT",
    "AmountField",
    "BooleanField",
    "CursorPages",
    "DateField",
    "IdField",
    "IntegerField",
    "NameField",
    "StrictSerializer",
    "TextField",
    "TimestampField",
    "View",
    "absent",
    "bounded",
    "described",
    "page_limit",
    "parameter",
    "path_code",
    "path_id",
    "read_json",
    "refusals",
]
