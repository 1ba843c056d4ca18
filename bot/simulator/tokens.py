"""The platform's access tokens: stable_token and the older token, which know nothing of each other."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

OVERLAP = timedelta(minutes=5)
FORCE_PAUSE = timedelta(seconds=30)
FORCES_A_DAY = 20


class TokenOffice:
    """Hands out tokens and says what is wrong with one that is shown. Time is given by `now`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ends: dict[str, datetime] = {}  # every token ever handed out, until it is revoked
        self._stable = ""
        self._older = ""
        self._forced: list[datetime] = []

    def stable(self, lifetime: timedelta, *, force: bool) -> tuple[str, int] | None:
        """A token and its remaining seconds; None when the day's forced refreshes are used up."""
        if force:
            if not self._may_force():
                return None
            self._force(lifetime)
        elif self._left(self._stable) <= min(OVERLAP, lifetime / 2):
            self._stable = self._issue(lifetime)
        return self._stable, int(self._left(self._stable).total_seconds())

    def older(self, lifetime: timedelta) -> tuple[str, int]:
        """Every call makes a new one; the one before it lasts 5 minutes longer."""
        if self._older in self._ends:
            self._ends[self._older] = min(self._ends[self._older], self._now() + OVERLAP)
        self._older = self._issue(lifetime)
        return self._older, int(lifetime.total_seconds())

    def fault(self, token: str | None) -> int:
        """The errcode for a call that shows `token`; 0 when it is good."""
        if not token:
            return 41001
        if token not in self._ends:
            return 40001
        return 42001 if self._ends[token] <= self._now() else 0

    def expire(self) -> None:
        """All tokens end now."""
        self._ends = dict.fromkeys(self._ends, self._now())

    def revoke(self) -> None:
        """All tokens are unknown from now on, as after a new AppSecret."""
        self._ends.clear()

    def _issue(self, lifetime: timedelta) -> str:
        token = secrets.token_urlsafe(60)
        self._ends[token] = self._now() + lifetime
        return token

    def _left(self, token: str) -> timedelta:
        return self._ends.get(token, self._now()) - self._now()

    def _may_force(self) -> bool:
        day_ago = self._now() - timedelta(days=1)
        self._forced = [at for at in self._forced if at > day_ago]
        return len(self._forced) < FORCES_A_DAY

    def _force(self, lifetime: timedelta) -> None:
        """Two forced refreshes within 30 seconds are one."""
        now = self._now()
        if self._forced and now - self._forced[-1] < FORCE_PAUSE and self._left(self._stable) > timedelta(0):
            return
        self._forced.append(now)
        self._ends.pop(self._stable, None)
        self._stable = self._issue(lifetime)
