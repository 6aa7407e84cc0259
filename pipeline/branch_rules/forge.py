"""A forge's REST API, asked before it is changed: what is as it should be is left alone."""

from typing import Any

import requests

TIMEOUT_SECONDS = 30


class Refused(Exception):
    """The forge did not do what it was asked for; the message says what, and its reason."""


class Forge:
    """One forge. What it changes it prints, a line each; in a dry run it only prints."""

    def __init__(self, url: str, headers: dict[str, str], *, dry_run: bool) -> None:
        """Speak to the API at that address; the headers carry the token."""
        self.url = url.rstrip("/")
        self.dry_run = dry_run
        self.changes = 0
        self._http = requests.Session()
        self._http.headers.update(headers)

    def find(self, path: str, **query: str | int) -> Any:
        """Return what is at the path; None if nothing is."""
        answer = self._send("GET", path, params=query)
        return None if answer.status_code == requests.codes.not_found else self._checked(answer).json()

    def get(self, path: str, **query: str | int) -> Any:
        """Return what is at the path, where there is something."""
        return self._checked(self._send("GET", path, params=query)).json()

    def change(self, what: str, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Change something, and say what."""
        self.changes += 1
        print(f"{'would change' if self.dry_run else 'changed'}: {what} ({method} {path})", flush=True)
        if not self.dry_run:
            self._checked(self._send(method, path, json=body))

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            return self._http.request(method, f"{self.url}/{path}", timeout=TIMEOUT_SECONDS, **options)
        except requests.RequestException as error:
            raise Refused(f"{method} {self.url}/{path}: no answer, {type(error).__name__}") from error

    @staticmethod
    def _checked(answer: requests.Response) -> requests.Response:
        if not answer.ok:
            request = answer.request
            reason = " ".join(answer.text.split())[:300]
            raise Refused(f"{request.method} {request.url}: {answer.status_code} {answer.reason}: {reason}")
        return answer


def holds(found: Any, wanted: Any) -> bool:
    """Tell whether all that is wanted is there: a forge's answer says more than it was told, and in its own order."""
    match found, wanted:
        case dict(), dict():
            return all(name in found and holds(found[name], value) for name, value in wanted.items())
        case list(), list():
            return len(found) == len(wanted) and all(any(holds(one, value) for one in found) for value in wanted)
        case _:
            return bool(found == wanted)
