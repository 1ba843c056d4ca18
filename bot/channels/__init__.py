"""The channels there are, as one literal table. The core asks it, never a channel's name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.channels import app, web, wechat, wecom
from bot.channels.port import Capabilities, Inbound, Option, Reply


@dataclass(frozen=True)
class Allowance:
    """How many messages may still be sent, and until when (None: no window is open)."""

    left: int
    closes_at: datetime | None


@dataclass(frozen=True)
class Windows:
    """The reply window of a channel that has one: pure arithmetic on a ledger that only it reads."""

    opened: Callable[[Mapping[str, Any], Inbound, datetime], dict[str, Any]]
    spent: Callable[[Mapping[str, Any]], dict[str, Any]]
    refused: Callable[[Mapping[str, Any], str, datetime], dict[str, Any] | None]
    allowance: Callable[[Mapping[str, Any], datetime], Allowance]
    shut: frozenset[str]  # refusals after which only the guest's next word opens the way


@dataclass(frozen=True)
class Channel:
    name: str
    capabilities: Capabilities
    parts: Callable[[Reply], list[Reply]]  # each fits one message of the channel
    chosen: Callable[[Sequence[Option], str], str]
    windows: Windows | None = None


def _opened(
    by: Callable[[Inbound], wechat.Window | None],
) -> Callable[[Mapping[str, Any], Inbound, datetime], dict[str, Any]]:
    """The ledger after an inbound, with what it opens on this channel."""

    def opened(ledger: Mapping[str, Any], inbound: Inbound, at: datetime) -> dict[str, Any]:
        return wechat.Ledger.from_json(ledger).opened(by(inbound), at).to_json()

    return opened


def _spent(ledger: Mapping[str, Any]) -> dict[str, Any]:
    return wechat.Ledger.from_json(ledger).spent().to_json()


def _refused(ledger: Mapping[str, Any], why: str, sent_at: datetime) -> dict[str, Any] | None:
    """None where the guest has opened a window since: the refusal says nothing of that one."""
    kept = wechat.Ledger.from_json(ledger)
    if kept.opened_since(sent_at):
        return None
    return (kept.used_up() if why == "count_used_up" else kept.closed()).to_json()


def _allowance(ledger: Mapping[str, Any], now: datetime) -> Allowance:
    found = wechat.Ledger.from_json(ledger).allowance(now)
    return Allowance(found.left, found.closes_at)


CHANNELS: dict[str, Channel] = {
    "wechat": Channel(
        "wechat",
        wechat.CAPABILITIES,
        wechat.parts,
        wechat.chosen,
        Windows(_opened(wechat.window_for), _spent, _refused, _allowance, wechat.NEXT_PUSH_MAY_CARRY),
    ),
    "wecom": Channel(
        "wecom",
        wecom.CAPABILITIES,
        wecom.parts,
        wechat.chosen,
        Windows(_opened(wecom.opened_by), _spent, _refused, _allowance, wecom.NEXT_WORD_MAY_CARRY),
    ),
    "web": Channel("web", web.CAPABILITIES, web.parts, web.chosen),
    "app": Channel("app", app.CAPABILITIES, app.parts, app.chosen),
}
