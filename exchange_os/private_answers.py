"""What a session was asked for is kept by no cache, on the way or in the browser, unless a view says otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control

from exchange_os.both_worlds import Answered, Around


class PrivateAnswers(Around):
    """Middleware: ``private, no-store`` on every answer to a request that brought a session. It asks no store."""

    @contextmanager
    def around(self, request: HttpRequest) -> Iterator[Answered]:
        """Looks at the answer only."""

        def answered(response: HttpResponseBase) -> None:
            if settings.SESSION_COOKIE_NAME in request.COOKIES and not response.has_header("Cache-Control"):
                patch_cache_control(response, private=True, no_store=True)

        yield answered
