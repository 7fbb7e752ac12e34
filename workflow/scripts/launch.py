"""Start the processes of a job through torch's launcher, which tells little at great length.

What goes wrong in a process that process says itself, unless it was killed.
"""

import logging
import signal
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

# Not a word of signals passed on and of processes that failed; errors of its own are exceptions.
logging.disable(logging.CRITICAL)
try:
    main(sys.argv[1:])
except SignalException as error:
    sys.exit(128 + error.sigval)
except ChildFailedError as error:
    codes = [failure.exitcode for failure in error.failures.values()]
    killed = [signal.Signals(-code).name for code in codes if code < 0]
    # The others were ended because of it.
    sys.exit(f"error: a process of the job was killed ({killed[0]})" if killed else 1)
