# On one machine, jobs are forks of a process that has loaded the libraries
# (scripts/fork_server.py): loading them takes longer than the work of many a small job. Without it
# every job loads its own, as under a scheduler, in environments of conda, in containers, and with
# LETHE_PRELOAD=no.

import atexit
import shlex
import shutil
import subprocess
import tempfile

# Fewer jobs with a model do not repay it, since it loads everything that any of them may need.
LEAST = 4
# Libraries that jobs of one thread load, whatever they do.
PRELOADED = (
    "accelerate",
    "jinja2",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "matplotlib.figure",
    "matplotlib.style",
    "numpy",
    "pandas",
    "peft",
    "pydantic",
    "rouge_score.rouge_scorer",
    "safetensors.torch",
    "scipy.cluster.vq",
    "scipy.spatial.distance",
    "scipy.stats",
    "tabulate",
    "tokenizers",
    "torch",
    "transformers",
    "transformers.conversion_mapping",
    "transformers.masking_utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "xxhash",
)
# What jobs set before they load them (lethe.common.torch_setup, scripts/common.py).
LOADED_WITH = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    ),
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "GOMP_SPINCOUNT": "1000",
    "TQDM_DISABLE": "1",
    "USE_HUB_KERNELS": "NO",
}


def repays_preloading():
    """Whether enough jobs load a model here, each in one thread, for loading once to be cheaper."""
    jobs = [job for job in our_jobs() if stage_of(job.rule.name)]
    return sum(job.threads == 1 for job in jobs) >= LEAST


def secrets():
    """Names of the environment variables that hold services' keys."""
    return CONFIG.world.generated.service.key_variable or ""


def preload():
    """Start the process that has loaded the libraries; jobs ask it from then on."""
    there = sys.platform == "linux" and workflow.is_main_process and workflow.local_exec
    asked = os.environ.get("LETHE_PRELOAD", "yes") != "no"
    if not there or not asked or IMPORTED or not repays_preloading():
        return
    folder = tempfile.mkdtemp(prefix="lethe-")
    scripts = ROOT / "workflow/scripts"
    known = {k: v for k, v in os.environ.items() if k not in secrets().split(",")}
    server = subprocess.Popen(
        [sys.executable, str(scripts / "fork_server.py"), folder, *PRELOADED],
        env={**known, **LOADED_WITH},
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    # It ends with this process in any case; at a regular end, this one waits for it, and tidies up
    # after one that was killed.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.wait)
    atexit.register(server.stdin.close)
    client = [sys.executable, "-I", "-S", str(scripts / "fork_client.py")]
    words = shlex.join([*client, f"{folder}/jobs", secrets()])
    python = shlex.quote(sys.executable)
    # Not another Python, from an environment or in a container.
    shell.prefix(
        "set -euo pipefail; trap '' INT; "
        f'begin() {{{{ [ "$1" != {python} ] || exec {words} "$@"; exec "$@"; }}}}; begin '
    )
