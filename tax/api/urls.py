"""Where the views hang."""

from django.urls import URLPattern, URLResolver, path

from tax.api import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("tax/lots", views.Lots.as_view()),
    path("tax/disposals", views.Disposals.as_view()),
    path("tax/years", views.Years.as_view()),
    path("tax/withholdings", views.Withholdings.as_view()),
    path("tax/remittances", views.Remittances.as_view()),
    path("tax/remittances/<str:remittance_id>", views.OneRemittance.as_view()),
    path("tax/year-ends", views.YearEnds.as_view()),
]
