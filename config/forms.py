"""The form at the admin's door."""

from typing import Any

from django.http import HttpRequest
from unfold.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    """Ask for a login as `users.LoginBackend` reads it: the name and its house."""

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        field = self.fields["username"]
        field.label = "Login"
        # Longer than the user name that Django takes it for.
        field.widget.attrs |= {"placeholder": "name@bank", "maxlength": 128}
