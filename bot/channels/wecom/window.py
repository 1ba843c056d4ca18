"""How many messages kf/send_msg still takes: five within 48 hours of the guest's last word. Pure.

The arithmetic is WeChat's. A guest who comes in may be welcomed within 20 seconds; the small window stands
for that, and where the platform is stricter it says so and the ledger learns it.
"""

from bot.channels.port import Inbound, InboundKind
from bot.channels.wechat.window import MESSAGE, TOUCH, Ledger, Window

# What isn't taken now, but may be after the guest's next word.
NEXT_WORD_MAY_CARRY = frozenset({"window_closed", "count_used_up"})

__all__ = ["NEXT_WORD_MAY_CARRY", "Ledger", "opened_by"]


def opened_by(inbound: Inbound) -> Window | None:
    """What an inbound opens."""
    if inbound.kind in (InboundKind.TEXT, InboundKind.MEDIA):
        return MESSAGE
    return TOUCH if inbound.kind is InboundKind.FOLLOW else None
