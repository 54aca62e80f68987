from django.urls import path

from ledger.api import views

urlpatterns = [
    path("books", views.Books.as_view()),
    path("books/<str:book_id>", views.OneBook.as_view()),
    path("books/<str:book_id>/trial-balance", views.TrialBalance.as_view()),
    path("books/<str:book_id>/closes", views.Closes.as_view()),
    path("books/<str:book_id>/manual-entries", views.ManualEntries.as_view()),
    path("accounts", views.Accounts.as_view()),
    path("accounts/<str:account_id>", views.OneAccount.as_view()),
    path("accounts/<str:account_id>/statement", views.Statement.as_view()),
    path("entries", views.Entries.as_view()),
    path("entries/<str:entry_id>", views.OneEntry.as_view()),
]
