"""A desk at a venue, through the deployer's API: a token of an oracle updater is all it needs."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from examples.results.desk import Answer, Question
from examples.results.feed import Document

PATH = "/api/deployer/v1"


class VenueRefused(Exception):
    """The venue did not do as asked: its sentence, or why nothing came back."""


class VenueDesk:
    """The venue of a token. ``address`` is that of the exchange, such as ``https://exchange.example``."""

    def __init__(self, address: str, token: str, timeout_seconds: float = 20.0) -> None:
        self._root, self._token, self._timeout = address.rstrip("/") + PATH, token, timeout_seconds
        self._numbers: dict[str, int] = {}

    def questions(self) -> Sequence[Question]:
        """Events that wait for a result, or whose proposed one can still be corrected. Raises :class:`VenueRefused`."""
        found = []
        for event in self._call("/events?waiting=true"):
            self._numbers[event["code"]] = event["id"]
            names = tuple(
                name for _, name in sorted(event["outcomes"].items(), key=lambda item: int(item[0]))
            )
            proposed = {int(number): ppm for number, ppm in event["payouts"].items() if ppm}
            found.append(Question(event["code"], names, event["unit_ticks"], proposed))
        return found

    def propose(self, question: Question, answer: Answer, document: Document, address: str) -> None:
        """Propose the result, or correct the one that stands. It can be repeated. Raises :class:`VenueRefused`."""
        body = {
            "payouts": {str(number): ppm for number, ppm in answer.payouts.items()},
            "evidence": f"{answer.words} Read from {document.name}."[:500],
            "links": [{"link": address, "sha256": document.sha256}],
        }
        self._call(f"/events/{self._numbers[question.code]}/result", body)

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self._root + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as refused:
            raise VenueRefused(f"{path}: {refused.status} {_sentence(refused.read())}") from refused
        except (OSError, ValueError) as error:
            raise VenueRefused(f"{path}: {error}") from error


def _sentence(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return "without a reason"
