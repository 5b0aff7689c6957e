"""Pages that belong to no app: the living style page and the error pages."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exchange_os.ui.appearance import chosen

ERRORS = {
    400: (
        "This request could not be read",
        "A part of it is missing or malformed. Go back and try once more.",
    ),
    403: (
        "You may not open this page",
        "Your account lacks the permission, or the form was open for too long.",
    ),
    404: ("There is nothing at this address", "The market or page may have moved, or the link has a typo."),
    500: (
        "Something broke on our side",
        "It has been recorded. No order or transfer was half done: each happened or did not.",
    ),
}


class SampleForm(forms.Form):
    """The fields of the style page."""

    email = forms.EmailField(label="E-mail", help_text="We only write about your account.")
    price = forms.DecimalField(label="Price", initial="65000.5")
    kind = forms.ChoiceField(
        label="Time in force", choices=[("gtc", "Good till cancelled"), ("ioc", "Immediate or cancel")]
    )
    post_only = forms.BooleanField(label="Post-only", required=False)


def style(request: HttpRequest) -> HttpResponse:
    """Every token and component in all its states, on one page."""
    refused = SampleForm({"email": "not-an-address", "price": "", "kind": "gtc"})
    refused.is_valid()
    context = {
        "form": SampleForm(),
        "refused": refused,
        "rising": [3, 4, 3, 5, 6, 5, 7, 8, 7, 9, 11],
        "falling": [11, 9, 10, 8, 7, 8, 6, 5, 6, 4, 3],
        "surfaces": ["bg-0", "bg-1", "bg-2", "bg-3", "line", "line-strong"],
        "inks": ["ink", "ink-2", "ink-3", "accent", "up", "down", "warn"],
    }
    return render(request, "ui/style.html", context)


def _error(request: HttpRequest, status: int) -> HttpResponse:
    title, text = ERRORS[status]
    return render(
        request, "errors/error.html", {"status": status, "title": title, "text": text}, status=status
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _error(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return _error(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return _error(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is missing or old."""
    return _error(request, 403)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, without the database: the template asks for nothing but static files."""
    title, text = ERRORS[500]
    context = {"status": 500, "title": title, "text": text, "appearance": chosen(request)}
    return render(None, "errors/500.html", context, status=500)
