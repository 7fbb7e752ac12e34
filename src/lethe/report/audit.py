"""An audit with its two files, ``audit.json`` and ``audit.html``."""

import os
from pathlib import Path
from typing import Any

from lethe.analysis.audit.audit import Report, audit
from lethe.analysis.audit.document import document
from lethe.analysis.audit.plan import AuditRequest
from lethe.common import outputs
from lethe.common.files import whole_file
from lethe.common.progress import silent
from lethe.evaluate import roles
from lethe.report.audit_files import JSON, PAGE, write_files


def write_audit(
    request: AuditRequest, out: str | os.PathLike, report: Report = silent
) -> dict[str, Any]:
    """Audit a checkpoint, write both files into a folder, and return what ``audit.json`` holds.

    The files are opened before any model is loaded and get their names when both are complete.
    LetheError as in ``lethe.analysis.audit.audit.audit``, and for a folder that cannot be written
    to.
    """
    read = (request.checkpoint, request.full, request.oracle, request.data, request.supervision)
    outputs.check_folder(out, empty=False, read=read)
    with whole_file(Path(out, JSON)) as json, whole_file(Path(out, PAGE)) as page:
        made = document(audit(request, report), about(request))
        write_files(made, json, page)
    return made


def about(request: AuditRequest) -> dict[str, Any]:
    """What was audited, and how, as plain values."""
    names = ("checkpoint", "full", "oracle", "data", "split", "supervision", "budget", "seed")
    given = {name: getattr(request, name) for name in names}
    about = {name: value for name, value in given.items() if value is not None} | {
        "template": request.template,
        "compute": request.compute.loading(),
    }
    sources = (request.checkpoint, request.full, request.oracle)
    foreign = [] if request.data is None else roles.of_other_data(sources, request.data)
    # The command says it as well; readers of the files must know it, too.
    return about | ({"learned_other_data": foreign} if foreign else {})
