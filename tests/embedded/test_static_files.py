"""Static files as production serves them: every one that is named is there, under the name with its hash."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import override_settings

from exchange_os.static_files import StaticFiles

STATIC_TAG = re.compile(r"""{%\s*static\s+['"]([^'"]+)['"]""")
TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_names_only_files_that_are_there(template: Path) -> None:
    missing = [name for name in STATIC_TAG.findall(template.read_text()) if finders.find(name) is None]
    assert missing == []


def test_every_file_can_be_collected_under_its_hash(tmp_path: Path) -> None:
    storages = settings.STORAGES | {
        "staticfiles": {"BACKEND": f"{StaticFiles.__module__}.{StaticFiles.__qualname__}"}
    }
    uncompressed = ("css", "js", "json", "map", "md", "mjs", "svg", "txt")
    with override_settings(
        STORAGES=storages, STATIC_ROOT=tmp_path, WHITENOISE_SKIP_COMPRESS_EXTENSIONS=uncompressed
    ):
        call_command("collectstatic", interactive=False, verbosity=0)
    assert (tmp_path / "staticfiles.json").is_file()
    assert sorted(path.name for path in (tmp_path / "css").glob("app.*.css")) != []
