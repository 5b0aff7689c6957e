"""How pages look to one visitor: theme, density and the colours of rise and fall, kept in a cookie.

The server writes the choices into the first byte of a page, so that it never flashes in the wrong theme, with or
without script.
"""

from dataclasses import asdict, dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "appearance"
YEAR_SECONDS = 365 * 86_400

#: What may be chosen of each; the first is the default.
CHOICES: dict[str, tuple[str, ...]] = {
    "theme": ("dark", "light", "system"),
    "density": ("comfortable", "compact"),
    "palette": ("green-red", "blue-orange"),
}


@dataclass(frozen=True)
class Appearance:
    """One visitor's choices."""

    theme: str = CHOICES["theme"][0]
    density: str = CHOICES["density"][0]
    palette: str = CHOICES["palette"][0]

    @property
    def cookie(self) -> str:
        """The choices as the cookie holds them, such as ``light.compact.green-red``."""
        return f"{self.theme}.{self.density}.{self.palette}"


def chosen(request: HttpRequest) -> Appearance:
    """What the visitor chose; the default wherever the cookie says nothing or nonsense."""
    told = request.COOKIES.get(COOKIE, "").split(".")
    kept = {
        name: value for (name, allowed), value in zip(CHOICES.items(), told, strict=False) if value in allowed
    }
    return Appearance(**kept)


def begun_with(request: HttpRequest, theme: str) -> Appearance:
    """What the visitor chose; ``theme`` instead of the default for one who has chosen nothing yet."""
    looks = chosen(request)
    if COOKIE in request.COOKIES or theme not in CHOICES["theme"]:
        return looks
    return Appearance(theme, looks.density, looks.palette)


def context(request: HttpRequest) -> dict[str, Appearance]:
    """Context processor: ``appearance`` for every page."""
    return {"appearance": chosen(request)}


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keeps what the settings menu sent and leads back to ``next``; what is not offered changes nothing."""
    sent = {name: request.POST.get(name, "") for name in CHOICES}
    kept = {name: value for name, value in sent.items() if value in CHOICES[name]}
    looks = Appearance(**{**asdict(chosen(request)), **kept})
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}):
        back = "/"
    response = HttpResponseRedirect(back)
    response.set_cookie(
        COOKIE, looks.cookie, max_age=YEAR_SECONDS, samesite="Lax", secure=request.is_secure()
    )
    return response
