"""The look of a venue: whether its accent colour can be seen, by WCAG 2.2 (contrast of what is no text, 3 to 1)."""

import re

from exchange_os.errors import DomainError
from venues.models import ACCENT_PATTERN

LEAST_RATIO = 3.0
#: The surfaces of the two themes that marks, bars and buttons of a venue stand on.
SURFACES = {"dark": "#14171d", "light": "#ffffff"}
STEP = 0.04


def ratio(one: str, other: str) -> float:
    """Contrast ratio of two colours (``#rrggbb``), 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def faint_on(accent: str) -> list[str]:
    """The themes on whose surface the colour cannot be seen well enough."""
    return [theme for theme, surface in SURFACES.items() if ratio(accent, surface) < LEAST_RATIO]


def nearest_visible(accent: str) -> str:
    """The colour made lighter or darker, as little as it takes to be seen in both themes."""
    towards = "#ffffff" if "dark" in faint_on(accent) else "#000000"
    mixed = accent
    for step in range(1, round(1 / STEP) + 1):
        if not faint_on(mixed):
            break
        mixed = _mix(accent, towards, step * STEP)
    return mixed


def check_accent(text: str) -> str:
    """The colour. Raises ``accent_invalid``, or ``accent_faint`` with the nearest that can be seen as ``near``."""
    accent = text.strip().lower()
    if not re.fullmatch(ACCENT_PATTERN, accent):
        raise DomainError("accent_invalid", "Choose a colour such as #2f6feb.", field="accent")
    if faint := faint_on(accent):
        near = nearest_visible(accent)
        worst = min(ratio(accent, SURFACES[theme]) for theme in faint)
        raise DomainError(
            "accent_faint",
            f"{accent} can hardly be seen on the {' and '.join(faint)} theme: its contrast is {worst:.1f}, at least "
            f"{LEAST_RATIO:.0f} is needed. The nearest that can is {near}.",
            field="accent",
            near=near,
        )
    return accent


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mix(colour: str, other: str, share: float) -> str:
    """``share`` of ``other`` in ``colour``."""
    parts = (
        round(int(colour[at : at + 2], 16) * (1 - share) + int(other[at : at + 2], 16) * share)
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)
