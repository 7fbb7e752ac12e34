"""Start a job's processes through torch's launcher, without its lengthy messages.

Each process reports its own errors, unless it was killed.
"""

import logging
import signal
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

# Silences notices about signals and failed processes; the launcher's own errors are exceptions.
logging.disable(logging.CRITICAL)
try:
    main(sys.argv[1:])
except SignalException as error:
    sys.exit(128 + error.sigval)
except ChildFailedError as error:
    codes = [failure.exitcode for failure in error.failures.values()]
    killed = [signal.Signals(-code).name for code in codes if code < 0]
    # The other processes were ended because of this one.
    sys.exit(f"error: a process of the job was killed ({killed[0]})" if killed else 1)
