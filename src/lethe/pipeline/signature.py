"""Signatures of certificates by their issuer's own key, made and verified by ``ssh-keygen -Y``.

Keys and trust stay with the user: the private key is never read here, and whose signatures count is
a file of allowed signers in OpenSSH's format (``ssh-keygen(1)``).
"""

import shutil
import subprocess
from pathlib import Path

from lethe.common.errors import LetheError

TOOL = "ssh-keygen"
# Signatures are of one purpose: one that was made for something else does not count.
NAMESPACE = "lethe-certificate"
SUFFIX = ".sig"


def sign(file: str | Path, key: str | Path) -> Path:
    """Sign a file; the signature lies beside it. LetheError without the tool or for a bad key."""
    if not Path(key).is_file():
        raise LetheError(f"--key {key}: no such file; name a private key, or one that an agent has")
    done = _run("-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(file))
    signature = Path(f"{file}{SUFFIX}")
    if done.returncode or not signature.is_file():
        raise LetheError(f"--key {key}: {TOOL} does not sign with it ({_said(done)})")
    return signature


def verified(file: str | Path, signers: str | Path, signer: str) -> str | None:
    """Why a file's signature is not one by ``signer``; None if it is.

    ``signers``: a file of allowed signers. LetheError without the tool.
    """
    signature = Path(f"{file}{SUFFIX}")
    if not signature.is_file():
        return f"{signature.name} is missing"
    with open(file, "rb") as content:
        done = _run(
            *("-Y", "verify", "-f", str(signers), "-I", signer, "-n", NAMESPACE),
            *("-s", str(signature)),
            stdin=content,
        )
    return _said(done) if done.returncode else None


def _run(*arguments: str, stdin=None) -> subprocess.CompletedProcess:
    tool = shutil.which(TOOL)
    if tool is None:
        raise LetheError(f"{TOOL} is not installed, which signs and verifies; install OpenSSH")
    return subprocess.run(
        [tool, *arguments], stdin=stdin, capture_output=True, check=False, encoding="utf-8"
    )


def _said(done: subprocess.CompletedProcess) -> str:
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit status {done.returncode}"
