"""The frame of middlewares: entered before a request, told of the answer, left whatever comes, in both worlds."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from exchange_os.both_worlds import Answered, Around
from exchange_os.private_answers import PrivateAnswers

_within: ContextVar[str] = ContextVar("within", default="")


class Noting(Around):
    """Writes down what happens around a request."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        self.seen: list[str] = []

    @contextmanager
    def around(self, request: HttpRequest) -> Iterator[Answered]:
        before = _within.set(request.path)
        try:
            yield lambda response: self.seen.append(f"answered {response.status_code}")
        finally:
            _within.reset(before)
            self.seen.append("left")


def answer(request: HttpRequest) -> HttpResponse:
    if request.path == "/broken/":
        raise LookupError(_within.get())
    return HttpResponse(_within.get(), status=201)


async def answer_later(request: HttpRequest) -> HttpResponse:
    return answer(request)


def asked(middleware: Noting, path: str) -> Any:
    request = RequestFactory().get(path)
    if middleware.is_async:
        later: Callable[..., Awaitable[Any]] = middleware  # type: ignore[assignment]
        return async_to_sync(later)(request)
    return middleware(request)


@pytest.mark.parametrize("get_response", [answer, answer_later])
def test_a_request_is_framed_in_both_worlds(get_response: Callable[[HttpRequest], Any]) -> None:
    middleware = Noting(get_response)
    assert iscoroutinefunction(middleware) is iscoroutinefunction(get_response)
    assert asked(middleware, "/here/").content == b"/here/"
    assert (middleware.seen, _within.get()) == (["answered 201", "left"], "")
    with pytest.raises(LookupError, match="/broken/"):
        asked(middleware, "/broken/")
    assert (middleware.seen[2:], _within.get()) == (["left"], "")


def test_what_a_session_asked_for_is_kept_by_no_cache() -> None:
    def told(**headers: str) -> str:
        request = RequestFactory().get("/")
        request.COOKIES = headers.pop("cookies", {})  # type: ignore[assignment]
        answered = PrivateAnswers(lambda _: HttpResponse(headers=headers))(request)
        assert isinstance(answered, HttpResponse)
        return answered.headers.get("Cache-Control", "")

    session: Any = {settings.SESSION_COOKIE_NAME: "x"}
    assert told() == ""
    assert set(told(cookies=session).split(", ")) == {"private", "no-store"}
    assert told(cookies=session, **{"Cache-Control": "public, max-age=60"}) == "public, max-age=60"
