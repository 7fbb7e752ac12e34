# How a run ends that is asked to (Ctrl-C, SIGTERM): in one line, its jobs first, nothing locked.

import logging
import signal
import threading
import time

import psutil
from snakemake.logging import logger
from snakemake.shell import shell

# Snakemake by itself ends on SIGTERM when all running jobs have, perhaps in a day.
ASKS = (signal.SIGINT, signal.SIGTERM)
ASKED = "jobs are ended (trainings save their state first); run the same command again"


class Ending:
    """What a signal that asks the run to end sets off."""

    asked = False

    def __call__(self, number, frame):
        if not self.asked:
            self.asked = True
            print(f"{signal.Signals(number).name}: {ASKED}", file=sys.stderr)
            threading.Thread(target=self.end_jobs, daemon=True).start()
        raise KeyboardInterrupt

    def end_jobs(self):
        """Pass it on to the jobs of this process, those too that are just being started."""
        told = set()
        while True:
            for job in set(psutil.Process().children()) - told:
                try:
                    if any(".snakemake/scripts/" in word for word in job.cmdline()):
                        job.terminate()
                        told.add(job)
                except psutil.Error:
                    continue
            time.sleep(0.2)

    def is_told(self, record):
        """Whether a message is to be seen: how each job then fails is not."""
        return not self.asked

    def listen(self):
        for number in ASKS:
            # Ignored where the run was put into the background.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self)


def without_traceback(kind, error, trace, before=sys.excepthook):
    """An interrupt while the run is planned has been told."""
    if not issubclass(kind, KeyboardInterrupt):
        before(kind, error, trace)


if not IMPORTED:
    # A job is deaf to Ctrl-C until it can end in good order (workflow/scripts/common.py), and is the
    # process that Snakemake waits for, no shell in between. An importer's shell commands are others.
    shell.prefix("set -euo pipefail; trap '' INT; exec ")

ending = Ending()
in_front = threading.current_thread() is threading.main_thread()
if workflow.is_main_process and in_front and not IMPORTED:
    ending.listen()
    # asyncio's: while a run is planned the interrupt may come in the midst of a task.
    for log in (logger, logging.getLogger("asyncio")):
        log.addFilter(ending.is_told)
    sys.excepthook = without_traceback
