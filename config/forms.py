"""The form at the admin's door."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from unfold.forms import AuthenticationForm

from common import errors


class LoginForm(AuthenticationForm):
    """Ask for a login as `access.LoginBackend` reads it: the name and its house."""

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        field = self.fields["username"]
        field.label = "Login"
        # Longer than the user name that Django takes it for.
        field.widget.attrs |= {"placeholder": "name@bank", "maxlength": 128}

    def clean(self) -> dict[str, Any]:
        """Log in, or say plainly that too many passwords were wrong."""
        try:
            said: dict[str, Any] = super().clean()
        except errors.Refused as refusal:
            left_s = (refusal.facts["until"] - timezone.now()).total_seconds()
            minutes = max(1, round(left_s / 60))
            raise ValidationError(
                f"Too many wrong passwords. This login is locked here for another {minutes} min.",
                code="locked",
            ) from None
        return said
