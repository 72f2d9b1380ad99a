"""`python -m switchboard_agent`: one worker process."""

import logging
import os

from switchboard_agent.main import main

code = main()
logging.shutdown()
# Threads of the media library still run: an ordinary exit would destroy C++ objects under them.
os._exit(code)
