from django.urls import path

from common.api import keys, proposals

urlpatterns = [
    path("me", keys.Me.as_view()),
    path("api-keys", keys.ApiKeys.as_view()),
    path("api-keys/<str:key_id>/revoke", keys.RevokeApiKey.as_view()),
    path("proposals", proposals.Proposals.as_view()),
    path("proposals/<str:proposal_id>", proposals.OneProposal.as_view()),
    path("proposals/<str:proposal_id>/approve", proposals.Approve.as_view()),
    path("proposals/<str:proposal_id>/reject", proposals.Reject.as_view()),
]
