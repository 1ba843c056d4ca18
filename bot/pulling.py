"""Pulling messages from 企业微信客服: at a nudge at once, and every half minute in case one was lost.

The cursor moves after its messages are safe in the log, so a crash pulls some twice, and the log drops what
it knows by the platform's message id.
"""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress

from bot import metrics
from bot.accounts import Accounts
from bot.addressing import Addressing, Question
from bot.channels import wecom
from bot.channels.port import Accepted, Inbound, InboundKind, Reply
from bot.channels.wecom.client import CannotPull, WeComClient
from bot.dispatch import Dispatch
from bot.model import AccountId
from bot.nudges import wait_for
from bot.store import cursors
from bot.store.desk import AccountRow

logger = logging.getLogger(__name__)

EVERY_SECONDS = 30.0


class Puller:
    """One per process; several processes may pull the same account, the log keeps each message once."""

    def __init__(
        self,
        dispatch: Dispatch,
        accounts: Accounts[wecom.Account],
        client: WeComClient,
        addressing: Addressing,
    ) -> None:
        self._dispatch, self._accounts, self._client = dispatch, accounts, client
        self._addressing = addressing
        self._locks: defaultdict[AccountId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._failing: dict[AccountId, str] = {}
        self._loop: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        self._loop = asyncio.create_task(self._pulling())

    async def stop(self, grace: float = 5.0) -> None:
        """Let what is under way end: a question to the database broken off would leave its thread behind."""
        self._stopping.set()
        if self._loop:
            await asyncio.wait([self._loop], timeout=grace)
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop

    async def _pulling(self) -> None:
        while not self._stopping.is_set():
            for row in await self._rows():
                try:
                    await self.pull(row)
                    self._tell(row.account, "")
                except CannotPull as cannot:
                    self._tell(row.account, str(cannot))
                except Exception as error:
                    logger.error("pulling failed: %s", type(error).__name__, exc_info=True)
            await wait_for(self._stopping, EVERY_SECONDS)

    def _tell(self, account: AccountId, why: str) -> None:
        """Why messages can't be pulled, once for each reason, and when it is over: not every half minute."""
        before = self._failing.get(account, "")
        self._failing[account] = why
        if why and why != before:
            logger.warning("messages of account %s can't be pulled: %s", account, why)
        elif before and not why:
            logger.info("messages of account %s can be pulled again", account)

    async def _rows(self) -> list[AccountRow]:
        try:
            return await self._accounts.rows()
        except Exception as error:
            logger.error("accounts can't be read: %s", type(error).__name__)
            return []

    async def pull(self, row: AccountRow, nudge: str = "") -> int:
        """Take all there is; how many messages. Raises CannotPull, and whatever the database raises."""
        account, taken = self._accounts.open(row), 0
        async with self._locks[row.account]:
            async with self._dispatch.database.read() as tx:
                cursor = await cursors.cursor_of(tx, row)
            while True:
                pulled = await self._client.pull(account, cursor, nudge)
                for message in pulled.messages:
                    taken += await self._take(row, account, dict(message))
                if pulled.cursor != cursor:
                    cursor = pulled.cursor
                    async with self._dispatch.database.write() as tx:
                        await cursors.move_cursor(tx, row, cursor, self._dispatch.clock.now())
                if not pulled.more or not pulled.messages:
                    return taken

    async def _take(self, row: AccountRow, account: wecom.Account, message: dict[str, object]) -> bool:
        inbound = wecom.inbound(message)
        if inbound is None or message.get("open_kfid", account.open_kfid) != account.open_kfid:
            metrics.REFUSALS.labels("wecom", "no_guest").inc()
            return False
        if code := wecom.welcome_code(message):
            self._client.may_welcome(row.account, inbound.external_id, code)
        received = await self._addressing.receive(row, inbound)
        first = isinstance(received, Question) or received.deliveries == 1
        if first and inbound.kind in (InboundKind.TEXT, InboundKind.MEDIA):
            await self._claim_session(account, inbound)  # once it is safe: the platform may be slow
        if isinstance(received, Question):
            await self._put(row, inbound, received)
        return True

    async def _put(self, row: AccountRow, inbound: Inbound, question: Question) -> None:
        """Ask which hotel is meant. Best effort: without an answer the message is the first hotel's soon."""
        outcome = await self._client.send(row.account, inbound.external_id, Reply(question.text))
        if not isinstance(outcome, Accepted):
            logger.warning("a guest wasn't asked which hotel is meant: %s", outcome.why)

    async def _claim_session(self, account: wecom.Account, inbound: Inbound) -> None:
        """Best effort: a colleague who has the session in 企业微信 keeps it, and our answers are refused."""
        if not await self._client.take_session(account, inbound.external_id):
            logger.info("a session is held elsewhere")
