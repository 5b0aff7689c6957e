"""Logos: read from what was uploaded, made anew in fixed sizes, so that nothing of the file itself is ever served."""

import hashlib
import io

from django.contrib.auth.models import AbstractBaseUser
from PIL import Image, ImageOps, UnidentifiedImageError

from exchange_os.errors import DomainError
from venues.models import LaunchDraft, Logo, Venue

MAX_BYTES = 512 * 1024
MAX_PIXELS = 4096 * 4096
LEAST_SIDE = 32
FORMATS = ("PNG", "JPEG", "WEBP")
SMALL, LARGE = 64, 256


def keep_logo(user: AbstractBaseUser, upload: bytes) -> Logo:
    """Make a logo of an uploaded picture and keep it.

    Raises at the field ``logo``: ``logo_too_large``, ``logo_svg``, ``logo_unreadable``, ``logo_size``.
    """
    picture = _read(upload)
    small, large = (_encoded(picture, side) for side in (SMALL, LARGE))
    logo, _ = Logo.objects.get_or_create(
        user_id=user.pk,
        digest=hashlib.sha256(large).hexdigest(),
        defaults={"small": small, "large": large},
    )
    return logo


def forget_unused_logos(user: AbstractBaseUser) -> None:
    """Delete the user's logos that no venue and no draft shows."""
    drafts = LaunchDraft.objects.filter(user_id=user.pk).values_list("data__venue__logo", flat=True)
    venues = Venue.objects.filter(deployer__user_id=user.pk).values_list("logo", flat=True)
    shown = {digest for digest in (*drafts, *venues) if digest}
    Logo.objects.filter(user_id=user.pk).exclude(digest__in=shown).delete()


def _read(upload: bytes) -> Image.Image:
    if len(upload) > MAX_BYTES:
        raise _refused("logo_too_large", f"The file is larger than {MAX_BYTES // 1024} KB; make it smaller.")
    if upload.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise _refused(
            "logo_svg",
            "SVG pictures can carry script, so they are not taken; export it as PNG, JPEG or WebP.",
        )
    try:
        picture = Image.open(io.BytesIO(upload), formats=FORMATS)
        width, height = picture.size
        if width * height > MAX_PIXELS or min(width, height) < LEAST_SIDE:
            raise _refused(
                "logo_size",
                f"The picture has {width} × {height} points; it may have {LEAST_SIDE} to 4,096 a side.",
            )
        picture.load()
        return ImageOps.exif_transpose(picture).convert("RGBA")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise _refused(
            "logo_unreadable", "This is no PNG, JPEG or WebP picture that can be read; export it anew."
        ) from error


def _encoded(picture: Image.Image, side: int) -> bytes:
    """The picture in a transparent square of ``side`` points, as WebP without anything else the file held."""
    fitted = ImageOps.contain(picture, (side, side), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
    out = io.BytesIO()
    square.save(out, "WEBP", quality=90, method=4)
    return out.getvalue()


def _refused(code: str, message: str) -> DomainError:
    return DomainError(code, message, field="logo")
