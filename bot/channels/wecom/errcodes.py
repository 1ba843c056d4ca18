"""What the platform's error codes mean for a message. A table, and nothing but the table.

Any errcode but 0 says that the message was refused. Source: the platform's list of return codes and the page
of kf/send_msg; a code that isn't here is a refusal that bears its number.
"""

from bot.channels.port import Accepted, NeverDelivered, Outcome, TryLater

TOKEN_REFUSED = frozenset({40001, 40014, 41001, 42001})

_TABLE: dict[int, Outcome] = {
    0: Accepted(),
    -1: TryLater(2.0, "busy"),
    40001: TryLater(30.0, "token_refused"),
    40014: TryLater(30.0, "token_refused"),
    41001: TryLater(30.0, "token_refused"),
    42001: TryLater(30.0, "token_refused"),
    45009: TryLater(15.0, "rate"),
    40003: NeverDelivered("unknown_guest"),
    40096: NeverDelivered("unknown_guest"),
    40013: NeverDelivered("account_settings"),
    40058: NeverDelivered("bad_message"),
    40007: NeverDelivered("bad_message"),
    44004: NeverDelivered("empty"),
    45002: NeverDelivered("too_long"),
    48002: NeverDelivered("not_authorised"),
    60020: NeverDelivered("address_not_listed"),
    60030: NeverDelivered("not_authorised"),
    95000: NeverDelivered("account_settings"),  # no such 客服账号
    95001: NeverDelivered("count_used_up"),  # five since the guest's last word
    95002: NeverDelivered("window_closed"),  # 48 hours since then
    95004: NeverDelivered("account_settings"),
    95016: NeverDelivered("held_elsewhere"),  # the session's state doesn't allow it: a servicer has it
    95018: NeverDelivered("window_closed"),  # the session has ended
}


def outcome(errcode: int) -> Outcome:
    """Our outcome for one errcode."""
    return _TABLE.get(errcode) or NeverDelivered(f"errcode_{errcode}")
