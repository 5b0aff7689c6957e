"""Types of requests as views see them."""

from django.contrib.auth.models import User
from django.http import HttpRequest


class SignedInRequest(HttpRequest):
    """A request behind ``login_required``: its user is somebody."""

    user: User
