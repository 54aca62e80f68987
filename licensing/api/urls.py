from django.urls import path

from licensing.api import views

urlpatterns = [
    path("rulebook", views.Rulebook.as_view()),
    path("regimes", views.Regimes.as_view()),
    path("participants", views.Participants.as_view()),
    path("admitted-assets", views.AdmittedAssets.as_view()),
    path("admitted-assets/<str:asset>/withdraw", views.WithdrawAsset.as_view()),
    path("licence-applications", views.Applications.as_view()),
    path("licence-applications/<str:application_id>/acknowledge", views.Acknowledge.as_view()),
    path("licences", views.Licences.as_view()),
    path("licences/<str:licence_id>", views.OneLicence.as_view()),
    path("licences/<str:licence_id>/questions", views.Questions.as_view()),
    path("licences/<str:licence_id>/complete", views.Complete.as_view()),
    path("licences/<str:licence_id>/propose-grant", views.ProposeGrant.as_view()),
    path("licences/<str:licence_id>/refuse", views.Refuse.as_view()),
    path("licences/<str:licence_id>/suspend", views.Suspend.as_view()),
    path("licences/<str:licence_id>/reinstate", views.Reinstate.as_view()),
    path("licences/<str:licence_id>/revoke", views.Revoke.as_view()),
    path("questions/<str:question_id>/answer", views.AnswerQuestion.as_view()),
]
