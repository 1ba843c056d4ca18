"""What the platform's error codes mean for a message. A table, and nothing but the table.

Any errcode but 0 says that the message was refused, so none of them is Unclear. Source: the official list of
global return codes and the pages of custom/send and of temporary material.
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
    # A menu.
    40015: NeverDelivered("menu_wrong"),
    40016: NeverDelivered("menu_too_many_buttons"),
    40017: NeverDelivered("menu_button_type"),
    40018: NeverDelivered("menu_name_too_long"),
    40019: NeverDelivered("menu_key_too_long"),
    40020: NeverDelivered("menu_address_too_long"),
    40023: NeverDelivered("menu_too_many_buttons"),
    40024: NeverDelivered("menu_button_type"),
    40025: NeverDelivered("menu_name_too_long"),
    40026: NeverDelivered("menu_key_too_long"),
    40027: NeverDelivered("menu_address_too_long"),
    40054: NeverDelivered("menu_address"),
    40055: NeverDelivered("menu_address"),
    # A file.
    40004: NeverDelivered("file_refused"),
    40005: NeverDelivered("file_refused"),
    40006: NeverDelivered("file_refused"),
    40007: NeverDelivered("media_gone"),  # after three days, or never there
    40009: NeverDelivered("file_refused"),
    40010: NeverDelivered("file_refused"),
    40011: NeverDelivered("file_refused"),
    40012: NeverDelivered("file_refused"),
    45001: NeverDelivered("file_refused"),
    45007: NeverDelivered("file_refused"),
}

# What the platform won't store, the guest may still have from us.
FILE_REFUSED = frozenset({"file_refused", "not_authorised", "daily_quota"})

# What custom/send won't take, but a passive reply to the guest's next push may still carry.
NEXT_PUSH_MAY_CARRY = frozenset({"window_closed", "count_used_up", "daily_quota", "not_authorised"})


def outcome(errcode: int) -> Outcome:
    """Our outcome for one errcode. An unknown one is still a refusal."""
    return _TABLE.get(errcode) or NeverDelivered(f"errcode_{errcode}")
