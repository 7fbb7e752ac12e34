"""The tests' own way of waiting: slow is not hung."""

import sys
import time

import psutil
import pytest

from helpers import patience

QUICK = {"look": 0.05, "idle_looks": 100}


def test_all_that_was_printed_and_the_code():
    code = "import sys; print('ä', flush=True); print('error', file=sys.stderr); sys.exit(3)"
    done = patience.run([sys.executable, "-c", code])
    assert (done.returncode, done.stdout) == (3, "ä\nerror\n")


def test_a_process_that_does_nothing_is_given_up_with_its_children(tmp_path):
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "child.wait()"
    )
    file = tmp_path / "child"
    with pytest.raises(patience.Hung, match="does nothing"):
        patience.run([sys.executable, "-c", code, file], **QUICK)
    child = int(file.read_text())
    while runs(child):
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process is there, and not just a number that nobody has asked for yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_process_that_works_without_an_end_is_given_up():
    with pytest.raises(patience.Hung, match="has worked for"):
        patience.run([sys.executable, "-c", "while True: pass"], look=0.05, spent=0.2)


def test_work_of_children_that_ended_counts():
    """Else a chain of short jobs would pass for idle."""
    code = "import subprocess, sys\nwhile True: subprocess.run([sys.executable, '-c', ''])"
    with pytest.raises(patience.Hung, match="has worked for"):
        patience.run([sys.executable, "-c", code], look=0.05, spent=0.3)
