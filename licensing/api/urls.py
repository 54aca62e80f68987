from django.urls import path

from licensing.api import licences, views

urlpatterns = [
    path("rulebook", views.Rulebook.as_view()),
    path("regimes", views.Regimes.as_view()),
    path("participants", views.Participants.as_view()),
    path("participants/<str:participant_id>/remove", views.RemoveParticipant.as_view()),
    path("admitted-assets", views.AdmittedAssets.as_view()),
    path("admitted-assets/<str:asset>/withdraw", views.WithdrawAsset.as_view()),
    path("licence-applications", licences.Applications.as_view()),
    path("licence-applications/<str:application_id>", licences.OneApplication.as_view()),
    path("licence-applications/<str:application_id>/acknowledge", licences.Acknowledge.as_view()),
    path("licences", licences.Licences.as_view()),
    path("licences/<str:licence_id>", licences.OneLicence.as_view()),
    path("licences/<str:licence_id>/questions", licences.Questions.as_view()),
    path("licences/<str:licence_id>/complete", licences.Complete.as_view()),
    path("licences/<str:licence_id>/propose-grant", licences.ProposeGrant.as_view()),
    path("licences/<str:licence_id>/refuse", licences.Refuse.as_view()),
    path("licences/<str:licence_id>/suspend", licences.Suspend.as_view()),
    path("licences/<str:licence_id>/reinstate", licences.Reinstate.as_view()),
    path("licences/<str:licence_id>/revoke", licences.Revoke.as_view()),
    path("questions/<str:question_id>/answer", licences.AnswerQuestion.as_view()),
]
