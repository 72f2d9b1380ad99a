"""What every test may ask for, and how hard property tests look.

Property tests judge what is computed, never how fast: no deadline, so that a busy machine cannot
fail them. `make check` takes the quick profile, `make test` the thorough one.
"""

import os

from hypothesis import settings

settings.register_profile("quick", deadline=None, max_examples=15)
settings.register_profile("thorough", deadline=None, max_examples=60)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "thorough"))

pytest_plugins = ("tests.support.servers",)
