"""What a job cost: time, memory, throughput. Kept apart from results, which must not vary."""

import resource
import sys
import time


class Meter:
    """Counts from its creation; ``read`` gives the cost so far."""

    def __init__(self):
        self.wall = time.perf_counter()
        self.cpu = time.process_time()

    def read(self, **counts: float) -> dict[str, float]:
        """Wall and processor seconds, peak memory (MiB); ``tokens`` also as tokens a second."""
        wall = time.perf_counter() - self.wall
        cost = {
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(time.process_time() - self.cpu, 3),
            "peak_memory_mib": round(_peak_mib(), 1),
            **counts,
        }
        if "tokens" in counts:
            cost["tokens_per_second"] = round(counts["tokens"] / wall, 1)
        return cost | _cuda()


def _peak_mib() -> float:
    """Peak resident memory of this process; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _cuda() -> dict[str, float]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {}
    return {"peak_cuda_mib": round(torch.cuda.max_memory_allocated() / 2**20, 1)}
