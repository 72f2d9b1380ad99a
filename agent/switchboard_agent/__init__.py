"""The worker: answers many calls in one asyncio process."""

import os

# Numpy reads this when it is first imported. More threads for the small matrix products of speech
# wait for each other by spinning: two to three times the processor time per call.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
