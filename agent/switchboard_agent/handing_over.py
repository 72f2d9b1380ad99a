"""Hands a caller over to a human, and reports it."""

import asyncio

from switchboard_agent.call_log import CallLog
from switchboard_agent.transport.base import TRANSFER_SECONDS, CallTransport, Transferred
from switchboard_contract.call_events import TransferResult
from switchboard_contract.crd.transfer import Transfer

_PATIENCE_SECONDS = TRANSFER_SECONDS + 5.0
"""What a transport is given that does not keep its word."""


async def hand_over(transport: CallTransport, target: Transfer | None, call_log: CallLog) -> bool:
    """Whether the caller has been taken over; False lets the dialog go on."""
    if target is None:
        call_log.transfer_ended(Transferred(TransferResult.UNSUPPORTED))
        return False
    call_log.transfer_requested(target.to)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            transferred = await transport.transfer(target.to)
    except Exception as error:  # noqa: BLE001 - whatever broke, the caller is still there
        call_log.warning("transfer failed", error)
        transferred = Transferred(TransferResult.FAILED)
    call_log.transfer_ended(transferred)
    return transferred.result is TransferResult.SUCCEEDED
