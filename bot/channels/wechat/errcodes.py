"""What the platform's error codes mean for a message. A table, and nothing but the table.

Any errcode but 0 says that the message was refused, so none of them is Unclear. Source: the official list of
global return codes and the page of custom/send.
"""

from bot.channels.port import Accepted, NeverDelivered, Outcome, TryLater

# The access token was refused, the message not even looked at: fetch a token once and ask again.
TOKEN_REFUSED = frozenset({40001, 40014, 41001, 42001})

_BUSY = 2.0  # seconds: "the system is busy, try again in a moment"
_MINUTE_RATE = 15.0
_NO_TOKEN = 30.0

_TABLE: dict[int, Outcome] = {
    0: Accepted(),
    -1: TryLater(_BUSY, "busy"),
    # The token stayed refused after it had been fetched anew.
    40001: TryLater(_NO_TOKEN, "token_refused"),
    40014: TryLater(_NO_TOKEN, "token_refused"),
    41001: TryLater(_NO_TOKEN, "token_refused"),
    42001: TryLater(_NO_TOKEN, "token_refused"),
    # The guest.
    40003: NeverDelivered("unknown_guest"),
    40031: NeverDelivered("unknown_guest"),
    43004: NeverDelivered("not_following"),
    43019: NeverDelivered("blocked_by_account"),
    48002: NeverDelivered("blocked_by_guest"),
    50005: NeverDelivered("not_following"),
    # The reply window and its counts.
    45015: NeverDelivered("window_closed"),
    45047: NeverDelivered("count_used_up"),
    45009: NeverDelivered("daily_quota"),
    45011: TryLater(_MINUTE_RATE, "rate"),
    # The account.
    40002: NeverDelivered("account_settings"),
    40013: NeverDelivered("account_settings"),
    40125: NeverDelivered("account_settings"),
    40164: NeverDelivered("address_not_listed"),  # our IP is not on the account's list
    40243: NeverDelivered("account_frozen"),
    48001: NeverDelivered("not_authorised"),  # an unverified account has no custom/send
    48004: NeverDelivered("account_frozen"),
    50001: NeverDelivered("not_authorised"),
    50002: NeverDelivered("account_frozen"),
    50004: NeverDelivered("account_frozen"),
    50007: NeverDelivered("account_frozen"),
    61004: NeverDelivered("address_not_listed"),
    89503: NeverDelivered("address_not_listed"),
    # The message.
    40008: NeverDelivered("bad_message"),
    44002: NeverDelivered("bad_message"),
    44004: NeverDelivered("empty"),
    45002: NeverDelivered("too_long"),
    47001: NeverDelivered("bad_message"),
    87014: NeverDelivered("content_refused"),
}

# What custom/send won't take, but a passive reply to the guest's next push may still carry.
NEXT_PUSH_MAY_CARRY = frozenset({"window_closed", "count_used_up", "daily_quota", "not_authorised"})


def outcome(errcode: int) -> Outcome:
    """Our outcome for one errcode. An unknown one is still a refusal."""
    return _TABLE.get(errcode) or NeverDelivered(f"errcode_{errcode}")
