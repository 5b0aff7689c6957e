"""How static files are stored: under a name with their hash, compressed beside the original."""

from collections.abc import Iterable, Iterator

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Compresses what visitors load. The operator's pages are few and near; compressing theirs would triple the time
    of the first start. Imports between script modules name hashed files too, so that a module is never loaded, and
    never runs, under two names."""

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "js/*.js",
            CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
        ),  # ours alone
    )

    def compress_files(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Names of files to their compressed companions."""
        yield from super().compress_files(name for name in names if not name.startswith("admin/"))
