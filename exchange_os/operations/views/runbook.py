"""The runbook: ``docs/runbook.md`` as a page, one section an alarm."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from exchange_os.operations.access import for_staff

PATH = settings.BASE_DIR / "docs" / "runbook.md"


@for_staff
@require_safe
def runbook(request: HttpRequest) -> HttpResponse:
    """Every section, with a list of them beside it."""
    return render(request, "operations/runbook.html", {"tab": "runbook", "sections": sections()})


@cache
def sections() -> list[dict[str, str | SafeString]]:
    """``anchor``, ``title`` and ``body`` of each section: what follows a ``## `` heading, whose anchor is in braces."""
    found = []
    for part in PATH.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        title, _, rest = heading.partition(" {#")
        found.append({"anchor": rest.rstrip("}") or slugify(title), "title": title, "body": _body(text)})
    return found


def _body(text: str) -> SafeString:
    """Paragraphs, lists, code and emphasis: all that the runbook is written with."""
    blocks = [(_block(block),) for block in text.strip("\n").split("\n\n") if block.strip()]
    return format_html_join("", "{}", blocks)


def _block(block: str) -> SafeString:
    lines = block.split("\n")
    if lines[0].startswith("    "):
        return format_html('<pre tabindex="0"><code>{}</code></pre>', "\n".join(line[4:] for line in lines))
    if lines[0].startswith("- "):
        items = block[2:].split("\n- ")
        return format_html(
            "<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((_inline(item),) for item in items))
        )
    return format_html("<p>{}</p>", _inline(block))


def _inline(text: str) -> SafeString:
    """`code` and **strong** of a text; everything else is escaped."""
    pieces = str(escape(" ".join(text.split()))).split("`")
    for index, piece in enumerate(pieces):
        if index % 2:
            pieces[index] = f"<code>{piece}</code>"
        else:
            words = piece.split("**")
            pieces[index] = "".join(
                f"<strong>{word}</strong>" if at % 2 else word for at, word in enumerate(words)
            )
    return mark_safe("".join(pieces))  # noqa: S308  (escaped above)
