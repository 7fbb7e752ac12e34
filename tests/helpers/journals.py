"""Filling journals by hand."""

from lethe.llm.journal import Answer, Journal, Request

ANSWER = Answer("yes", "stop", "m", 3, 4)


def put(journal: Journal, *bodies: dict) -> None:
    for request in (Request.of("pairs", body) for body in bodies):
        journal.keep(journal.takes_off(request, 10, 20), request, ANSWER)
