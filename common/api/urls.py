from django.urls import path

from common.api import keys, people, proposals

urlpatterns = [
    path("me", keys.Me.as_view()),
    path("api-keys", keys.ApiKeys.as_view()),
    path("api-keys/<str:api_key_id>/revoke", keys.RevokeApiKey.as_view()),
    path("users", people.Users.as_view()),
    path("users/<str:user_id>", people.OneUser.as_view()),
    path("users/<str:user_id>/deactivate", people.DeactivateUser.as_view()),
    path("users/<str:user_id>/reactivate", people.ReactivateUser.as_view()),
    path("users/<str:user_id>/set-password", people.SetPassword.as_view()),
    path("proposals", proposals.Proposals.as_view()),
    path("proposals/<str:proposal_id>", proposals.OneProposal.as_view()),
    path("proposals/<str:proposal_id>/approve", proposals.Approve.as_view()),
    path("proposals/<str:proposal_id>/reject", proposals.Reject.as_view()),
]
