"""Checks an action server's reply against the same schema as Rasa does, with the validator built once.

`RemoteAction._validate_action_result` hands the schema to `jsonschema.validate`, which checks and compiles
it anew at each call: about 40 ms, four fifths of what a custom action costs. The schema never changes.
What passes, what is refused and the sentence of the refusal stay the same (tests/rasa/in_rasa.py).
"""

from functools import cache
from typing import Any

from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from jsonschema.validators import validator_for  # type: ignore[import-untyped]
from rasa.core.actions.action import RemoteAction
from rasa.shared.constants import DOCS_BASE_URL

_REFUSED = (
    ". Failed to validate Action server response from API, make sure your response from the Action endpoint "
    f"is valid. For more information about the format visit {DOCS_BASE_URL}/custom-actions"
)


@cache
def reply_validator() -> Any:
    """The compiled validator of Rasa's own schema; raises SchemaError if that schema were broken."""
    schema = RemoteAction.action_response_format_spec()
    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def check_reply(action: RemoteAction, reply: dict[str, Any]) -> bool:
    """True, or the ValidationError that jsonschema.validate would raise, with Rasa's own sentence."""
    error = best_match(reply_validator().iter_errors(reply))
    if error is None:
        return True
    error.message += _REFUSED
    raise error


def install() -> None:
    """Puts `check_reply` in the place of Rasa's own check, in this process."""
    RemoteAction._validate_action_result = check_reply
