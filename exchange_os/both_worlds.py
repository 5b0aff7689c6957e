"""The frame of middlewares that do something before and after a request, in threads and in an event loop alike."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

#: Told of the answer, once there is one.
Answered = Callable[[HttpResponseBase], None]


class Around(ABC):
    """Base of a middleware: ``around`` is entered before the request goes on and left when it was answered or failed.

    What it yields is called with the answer. It must neither block nor await: in an event loop nothing else runs
    while it does.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    @abstractmethod
    def around(self, request: HttpRequest) -> AbstractContextManager[Answered]:
        """What holds for as long as the request lasts."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Pass the request on."""
        if self.is_async:
            return self._answer_async(request)
        with self.around(request) as answered:
            response: HttpResponseBase = self.get_response(request)
            answered(response)
        return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        with self.around(request) as answered:
            response: HttpResponseBase = await self.get_response(request)
            answered(response)
        return response
