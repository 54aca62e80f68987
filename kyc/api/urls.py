"""Where the views hang."""

from django.urls import URLPattern, URLResolver, path

from kyc.api import clients, decisions, suitability

urlpatterns: list[URLPattern | URLResolver] = [
    path("clients", clients.Clients.as_view()),
    path("clients/<str:client_id>", clients.OneClient.as_view()),
    path("clients/<str:client_id>/limit", clients.Limit.as_view()),
    path("clients/<str:client_id>/identify", decisions.Identify.as_view()),
    path("clients/<str:client_id>/screen", decisions.Screen.as_view()),
    path("clients/<str:client_id>/review", decisions.Review.as_view()),
    path("clients/<str:client_id>/approve", decisions.Approve.as_view()),
    path("clients/<str:client_id>/refuse", decisions.Refuse.as_view()),
    path("clients/<str:client_id>/freeze", decisions.Freeze.as_view()),
    path("clients/<str:client_id>/unfreeze", decisions.Unfreeze.as_view()),
    path("clients/<str:client_id>/close", decisions.Close.as_view()),
    path("clients/<str:client_id>/qualify", decisions.Qualify.as_view()),
    path("clients/<str:client_id>/documents", clients.Documents.as_view()),
    path("clients/<str:client_id>/bank-accounts", clients.BankAccounts.as_view()),
    path("bank-accounts/<str:bank_account_id>/close", clients.CloseBankAccount.as_view()),
    path("clients/<str:client_id>/tests", suitability.Tests.as_view()),
    path("tests/<str:attempt_id>", suitability.OneTest.as_view()),
    path("tests/<str:attempt_id>/answers", suitability.Answers.as_view()),
    path("screening-hits", decisions.Hits.as_view()),
    path("screening-hits/<str:screening_hit_id>", decisions.OneHit.as_view()),
    path("screening-hits/<str:screening_hit_id>/confirm", decisions.ConfirmHit.as_view()),
    path("screening-hits/<str:screening_hit_id>/dismiss", decisions.DismissHit.as_view()),
    path("watch-lists", decisions.WatchLists.as_view()),
]
