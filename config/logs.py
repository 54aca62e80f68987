"""How the log is written: one line a record, with the request's id and without people's data."""

import logging
import re
from contextvars import ContextVar

# What the running request is called; `middleware.request_id` sets it.
request_id: ContextVar[str] = ContextVar("request_id", default="")

# PostgreSQL quotes the offending row in its details.
_DETAIL = re.compile(r"^(DETAIL|CONTEXT): .*\n?", re.MULTILINE)


class OneLine(logging.Formatter):
    """Write a record, its traceback included, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get() or "-"
        text = _DETAIL.sub("", super().format(record))
        return text.rstrip("\n").replace("\n", r"\n").replace("\r", r"\r")
