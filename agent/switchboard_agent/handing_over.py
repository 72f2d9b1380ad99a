"""Hands a caller over to a human, and reports it."""

import asyncio
from collections.abc import Mapping

from switchboard_agent.call_log import CallLog
from switchboard_agent.dialog.briefing import briefing_of
from switchboard_agent.transport.base import (
    TRANSFER_SECONDS,
    CallTransport,
    ConsultingTransport,
    Transferred,
)
from switchboard_agent.warm_transfer import WarmTransfer
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import TransferResult
from switchboard_contract.crd.transfer import Transfer

_PATIENCE_SECONDS = TRANSFER_SECONDS + 5.0
"""What a transport is given that does not keep its word."""

_BRIEFING_SECONDS = 120.0
"""What a briefing may take beside: the longest, spoken at the slowest rate, takes 90 s."""


class HandingOver:
    """Of one call."""

    def __init__(
        self, transport: CallTransport, config: AgentConfig, warm: WarmTransfer, log: CallLog
    ) -> None:
        self._transport = transport
        self._config = config
        self._warm = warm
        self._log = log

    async def hand_over(self, slots: Mapping[str, str]) -> bool:
        """Whether the caller has been taken over; False lets the dialog go on."""
        target = self._config.transfer
        if target is None:
            self._log.transfer_ended(Transferred(TransferResult.UNSUPPORTED))
            return False
        warm = target.briefing is not None
        self._log.transfer_requested(target.to, warm=warm)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS + warm * _BRIEFING_SECONDS):
                transferred = await self._attempt(target, slots)
        except Exception as error:  # noqa: BLE001 - whatever broke, the caller is still there
            self._log.warning("transfer failed", error)
            transferred = Transferred(TransferResult.FAILED)
        self._log.transfer_ended(transferred)
        return transferred.result is TransferResult.SUCCEEDED

    async def _attempt(self, target: Transfer, slots: Mapping[str, str]) -> Transferred:
        if target.briefing is None:
            return await self._transport.transfer(target.to)
        if not isinstance(self._transport, ConsultingTransport):
            return Transferred(TransferResult.UNSUPPORTED)
        text = briefing_of(self._config, target.briefing, slots)
        return await self._warm.put_through(self._transport, target, text)
