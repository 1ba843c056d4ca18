"""What every action of ours is: all or nothing, and never silent.

An action that fails becomes a handoff: its own acts and slots are dropped and the open form is left. The log
names the action, the kind of error and the line, never its message: that may quote the guest. (The SDK's own
handler would log the whole tracker.)
"""

import logging
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.forms import REQUESTED_SLOT

from actions.acts import Act, emit, handoff

ASIDE = "aside"  # slot: [{"form": name, "draft": {slot: value}}], the last one is taken up first
OUTCOME = "outcome"  # slot: how the form that just ended came out, for its closing action

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What an action decided: acts for the service, events for the tracker."""

    acts: tuple[Act, ...] = ()
    events: tuple[EventType, ...] = ()


class DeskAction(Action, ABC):
    """An action that only decides. It writes nothing and keeps nothing."""

    @abstractmethod
    def name(self) -> str:
        """As in domain.yml."""

    @abstractmethod
    def decide(self, tracker: Tracker) -> Result:
        """The decision. Any exception becomes a handoff."""

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[EventType]:
        try:
            result = self.decide(tracker)
        except Exception as error:
            log.error("action failed: %s: %s at %s", self.name(), type(error).__name__, _where(error))
            result = Result((handoff("action_failed"),), leave_form())
        emit(dispatcher, result.acts)
        return list(result.events)


def leave_form() -> tuple[EventType, ...]:
    """The open form is left, and what was put aside for it is forgotten."""
    return (ActiveLoop(None), SlotSet(REQUESTED_SLOT, None), SlotSet(OUTCOME, None), SlotSet(ASIDE, None))


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
