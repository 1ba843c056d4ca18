"""The WeChat platform on one's own desk: real HTTP, real signatures, and as inconvenient as the original.

Part of the product (`python -m bot simulate-wechat`) and what all WeChat tests run against. It shares the
codec with the channel, which wechatpy checks from outside, and knows nothing else of the service.
"""

from bot.simulator.account import SimulatedAccount
from bot.simulator.server import Simulator
from bot.simulator.state import Follower, Shown, Switches, WireEntry

__all__ = ["Follower", "Shown", "SimulatedAccount", "Simulator", "Switches", "WireEntry"]
