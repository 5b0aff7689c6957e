"""Template tags of the design system. They are builtins of the template engine: no ``{% load %}`` is needed."""

from collections.abc import Collection, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.forms import BoundField
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 96, 28, 2


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """One icon of ``static/icons.svg``; ``label`` gives it a name for screen readers, else it is decoration."""
    described = (
        format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    )
    return format_html(
        '<svg class="icon {}" {}><use href="{}#{}"></use></svg>', css, described, static("icons.svg"), name
    )


@register.simple_tag
def field(
    bound: BoundField,
    *,
    prefix: str = "",
    suffix: str = "",
    hint: str = "",
    placeholder: str = "",
    **attrs: Any,
) -> str:
    """A form field with label, control, hint and errors. Underscores in ``attrs`` become dashes (``data_x``)."""
    described = f"{bound.id_for_label}-note"
    widget_attrs: dict[str, Any] = {name.replace("_", "-"): value for name, value in attrs.items()}
    kind = getattr(bound.field.widget, "input_type", "")
    if kind not in {"checkbox", "radio"}:
        widget_attrs.setdefault("class", "" if prefix or suffix else "input")
    if placeholder:
        widget_attrs["placeholder"] = placeholder
    note = hint or bound.help_text
    if note or bound.errors:
        widget_attrs["aria-describedby"] = described
    if bound.errors:
        widget_attrs["aria-invalid"] = "true"
    context = {
        "bound": bound,
        "control": bound.as_widget(attrs=widget_attrs),
        "kind": kind,
        "prefix": prefix,
        "suffix": suffix,
        "note": note,
        "described": described,
    }
    return render_to_string("components/field.html", context)


@register.filter
def grouped(value: object) -> str:
    """``"65000.5"`` as ``"65,000.5"``: thousands separated, the fraction untouched. Anything else as it is."""
    text = "" if value is None else str(value)
    sign, digits = (text[0], text[1:]) if text[:1] in {"-", "+"} else ("", text)
    whole, point, fraction = digits.partition(".")
    if not whole.isdigit():
        return text
    return f"{sign}{int(whole):,}{point}{fraction}"


@register.filter
def among(value: object, chosen: Collection[object]) -> bool:
    """Whether ``value`` is one of ``chosen``; a name that the page was not given counts as empty."""
    return bool(chosen) and value in chosen


@register.filter
def ppm_percent(value: object) -> str:
    """Parts per million as per cent: ``1000`` is ``"0.1%"``."""
    try:
        percent = Decimal(str(value)) / 10_000
    except InvalidOperation:
        return ""
    return f"{percent.normalize():f}%"


@register.filter
def duration_words(seconds: int) -> str:
    """Seconds as people say them, in the largest unit that is whole: ``7200`` is ``"2 hours"``."""
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds and seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"


@register.simple_tag
def change(percent: object) -> SafeString:
    """A change in per cent with a sign and an arrow beside its colour; a dash if there is none."""
    try:
        value = Decimal(str(percent))
    except InvalidOperation:
        return SafeString('<span class="faint">–</span>')
    if value == 0:
        return SafeString('<span class="num faint">0.00%</span>')
    css, arrow = ("up", "▲") if value > 0 else ("down", "▼")
    return format_html(
        '<span class="num {}"><span class="arrow" aria-hidden="true">{}</span> {}%</span>',
        css,
        arrow,
        f"{value:+.2f}",
    )


@register.simple_tag
def sparkline(values: Sequence[Any] | None, label: str = "Price over 24 hours") -> SafeString:
    """An inline SVG line through ``values`` (oldest first), coloured by its direction; nothing below two values."""
    points = [Decimal(str(value)) for value in values or ()]
    if len(points) < 2:
        return SafeString('<span class="faint" aria-hidden="true">–</span>')
    low, span = min(points), max(points) - min(points)
    step = Decimal(SPARK_WIDTH) / (len(points) - 1)
    height = Decimal(SPARK_HEIGHT - 2 * SPARK_MARGIN)
    line = " ".join(
        f"{step * index:.1f},{SPARK_MARGIN + (height - (value - low) / span * height if span else height / 2):.1f}"
        for index, value in enumerate(points)
    )
    css = "up" if points[-1] > points[0] else "down" if points[-1] < points[0] else "faint"
    return format_html(
        '<svg class="spark {}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polygon points="0,{} {} {},{}"></polygon><polyline points="{}"></polyline></svg>',
        css,
        SPARK_WIDTH,
        SPARK_HEIGHT,
        label,
        SPARK_HEIGHT,
        line,
        SPARK_WIDTH,
        SPARK_HEIGHT,
        line,
    )


@register.simple_tag
def venue_mark(name: str, colour: str = "", css: str = "", logo: str = "") -> SafeString:
    """A venue's monogram on its accent colour (``#rrggbb``), as an SVG so that no inline style is needed; or its logo,
    if there is the digest of one."""
    if logo:
        return format_html(
            '<img class="mark {}" src="/logos/{}-64.webp" width="28" height="28" alt="" loading="lazy">',
            css,
            logo,
        )
    letters = "".join(word[0] for word in name.split()[:2]).upper() or "?"
    valid = len(colour) == 7 and colour[0] == "#" and all(c in "0123456789abcdefABCDEF" for c in colour[1:])
    fill = colour if valid else "#3b5bdb"
    luminance = sum(
        weight * int(fill[at : at + 2], 16) for weight, at in ((2126, 1), (7152, 3), (722, 5))
    )  # of 255 * 10,000, by ITU-R BT.709
    ink = "#10131a" if luminance > 1_350_000 else "#ffffff"
    return format_html(
        '<svg class="mark {}" viewBox="0 0 28 28" aria-hidden="true"><rect width="28" height="28" fill="{}"></rect>'
        '<text x="14" y="18.4" text-anchor="middle" font-size="12" font-weight="650" fill="{}">{}</text></svg>',
        css,
        fill,
        ink,
        letters,
    )


@register.simple_tag
def gauge(percent: int, text: str, label: str, level: str = "") -> SafeString:
    """Half a circle filled to ``percent`` (0 to 100) with ``text`` in it; ``level`` is ``warn`` or ``danger``."""
    share = min(100, max(0, int(percent)))
    arc = "M 10 66 A 56 56 0 0 1 122 66"
    return format_html(
        '<div class="gauge" data-level="{}" role="img" aria-label="{}: {}">'
        '<svg viewBox="0 0 132 76" aria-hidden="true">'
        '<path d="{}"></path><path class="gauge-value" d="{}" pathLength="100" stroke-dasharray="{} 200"></path></svg>'
        '<strong aria-hidden="true">{}</strong><span class="gauge-label" aria-hidden="true">{}</span></div>',
        level,
        label,
        text,
        arc,
        arc,
        share,
        text,
        label,
    )
