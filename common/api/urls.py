from django.urls import path

from common.api import keys

urlpatterns = [
    path("me", keys.Me.as_view()),
    path("api-keys", keys.ApiKeys.as_view()),
    path("api-keys/<str:key_id>/revoke", keys.RevokeApiKey.as_view()),
]
