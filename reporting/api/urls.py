"""Where the views hang."""

from django.urls import URLPattern, URLResolver, path

from reporting.api import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("reports", views.Reports.as_view()),
    path("report-runs", views.ReportRuns.as_view()),
    path("report-runs/<str:report_run_id>", views.Run.as_view()),
    path("report-runs/<str:report_run_id>/records", views.Records.as_view()),
    path("report-files/<str:report_file_id>/content", views.Content.as_view()),
]
