"""What merchants do with idempotency keys: repeat a request, and misuse a key."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.machine.base import Rules
from tests.machine.fates import Fate, fates
from tests.machine.world import Asked


class KeyRules(Rules):
    """Every request has one answer, however often it is sent; what it has to be is checked in `World.send`."""

    @precondition(lambda self: self.world.asked)
    @rule(pick=st.integers(0, 9), same_body=st.sampled_from((True, True, True, False)), fate=fates)
    def repeats(self, pick: int, same_body: bool, fate: Fate) -> None:
        """A merchant repeats a request under its key, rather one of the last, or takes the key for another."""
        asked = self.world.asked[-1 - pick % len(self.world.asked)]
        if same_body or asked.kept is None:
            self.world.send(asked, fate)
        else:
            self._misuses(asked)

    def _misuses(self, asked: Asked) -> None:
        """Send another body under a key that has its answer: it is refused, and changes nothing."""
        body = asked.body | {"amount": 8 if asked.body.get("amount") == 7 else 7}
        response = asked.shop.post(asked.path, body, key=asked.key)
        self.world.tell(f"{self.world.names[id(asked.shop)]} sends another body under the key of an earlier request")
        assert response.json().get("code") in ("idempotency_key_reused", "invalid_request"), response.json()

    def finish_requests(self) -> bool:
        """Have merchants repeat the requests that they never had an answer to, and tell whether there were any."""
        unanswered = [asked for asked in self.world.asked if not asked.answered]
        for asked in unanswered:
            answered = self.world.send(asked)
            assert answered is not None and answered.document.get("code") != "request_in_progress"
        return bool(unanswered)
