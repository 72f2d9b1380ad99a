"""The worker: answers many calls in one asyncio process."""
