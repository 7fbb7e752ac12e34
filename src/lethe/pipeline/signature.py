"""Signatures of certificates by their issuer's own key, made and verified by ``ssh-keygen -Y``.

Keys and trust stay with the user: the private key is never read here, and whose signatures count is
a file of allowed signers in OpenSSH's format (``ssh-keygen(1)``).
"""

import shutil
import subprocess
from pathlib import Path

from lethe.common.characters import shown
from lethe.common.errors import LetheError

TOOL = "ssh-keygen"
# Signatures have one purpose: one that was made for something else does not count.
NAMESPACE = "lethe-certificate"
SUFFIX = ".sig"


def sign(file: str | Path, key: str | Path) -> Path:
    """Sign a file; the signature goes beside it. LetheError without the tool or for a bad key.

    A passphrase is asked for at the terminal; without a terminal, an agent must have the key.
    """
    if not Path(key).is_file():
        raise LetheError(f"--key {key}: no such file; name a private key, or one that an agent has")
    done = _run("-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(file))
    signature = Path(f"{file}{SUFFIX}")
    if done.returncode or not signature.is_file():
        raise LetheError(f"--key {key}: {TOOL} does not sign with it ({_refusal(done)})")
    return signature


def verified(file: str | Path, signers: str | Path, signer: str) -> str | None:
    """Why a file's signature is not one by ``signer``; None if it is.

    ``signers``: a file of allowed signers. LetheError without it or the tool.
    """
    if not Path(signers).is_file():
        raise LetheError(f"--allowed-signers {signers}: no such file; name one as in ssh-keygen(1)")
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


def check_signer(name: str) -> None:
    """LetheError for a name that no file of allowed signers can hold, or that breaks a line."""
    if not name.strip() or not name.isprintable() or name.startswith("-"):
        raise LetheError(
            f"--signer {shown(name)!r}: not a name; give one as in a file of allowed signers, "
            "such as audits@example.org"
        )


def _run(*arguments: str, stdin=subprocess.DEVNULL) -> subprocess.CompletedProcess:
    # Not our own standard input: without a terminal it would be read for a passphrase.
    tool = shutil.which(TOOL)
    if tool is None:
        raise LetheError(f"{TOOL} is not installed, which signs and verifies; install OpenSSH")
    return subprocess.run(
        [tool, *arguments],
        stdin=stdin,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
    )


def _refusal(done: subprocess.CompletedProcess) -> str:
    """Why a key did not sign; the tool's last line alone does not always say it."""
    if "UNPROTECTED PRIVATE KEY" in done.stderr:
        return "others may read it; chmod 600"
    if "passphrase" in done.stderr:
        return "it has a passphrase: give it at a terminal, or add the key to an agent"
    return _said(done)


def _said(done: subprocess.CompletedProcess) -> str:
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit status {done.returncode}"
