"""A report's file as an HTTP answer: streamed, and named by its digest."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags, quote_etag

from common import users
from reporting import formats, queries
from reporting.models import ReportFile
from reporting.states import Format


def response(request: HttpRequest, actor: users.Actor, file: ReportFile) -> HttpResponseBase:
    """Return the answer with a file that `queries.file_for` has given to the actor.

    Its bytes are read as they are sent, after the request's own transaction has ended.
    """
    etag = quote_etag(file.sha256)
    known = parse_etags(request.headers.get("If-None-Match", ""))
    answer: HttpResponseBase
    if etag in known or known == ["*"]:
        answer = HttpResponseNotModified()
    else:
        content = () if request.method == "HEAD" else queries.content(actor=actor, file_id=file.pk)
        answer = StreamingHttpResponse(
            content, content_type=formats.CONTENT_TYPES[Format(file.format)]
        )
        answer["Content-Length"] = str(file.size)
        answer["Content-Disposition"] = content_disposition_header(True, file.name) or ""
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"
    return answer
