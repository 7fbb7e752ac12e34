"""Models in shards: of each weight, gradient and moment every process of a job holds a part.

A layer's weights are gathered while it computes and dropped again; its gradients are summed over
processes as they arise, and each keeps its part (``fully_shard`` of torch, as accelerate sets it
up; ZeRO stage 3 by another name). Torch's values for weights in shards are ``DTensor``.
"""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from lethe.common.distributed import Team
from lethe.common.errors import LetheError
from lethe.model import attached


class Sharded(Team):
    """One of the processes that hold a model together."""

    sharded = True

    def __init__(self, device: str):
        """Meet the others; ``device`` is where this process computes."""
        from torch.distributed.device_mesh import init_device_mesh

        super().__init__(device)
        self.mesh = init_device_mesh(self.device.type, (self.size,), mesh_dim_names=("shards",))

    def spread(self, model, shared: bool = True) -> None:
        from accelerate.utils import FullyShardedDataParallelPlugin, fsdp2_prepare_model
        from torch.distributed.fsdp import FSDPModule

        plugin = FullyShardedDataParallelPlugin(
            fsdp_version=2,
            reshard_after_forward=True,
            auto_wrap_policy="transformer_based_wrap",
            cpu_offload=False,
            cpu_ram_efficient_loading=False,
        )
        # What accelerate reads of its Accelerator, which itself takes plugins on GPUs alone.
        setting = SimpleNamespace(
            state=SimpleNamespace(fsdp_plugin=plugin),
            torch_device_mesh=self.mesh,
            parallelism_config=SimpleNamespace(fsdp_dim_names=self.mesh.mesh_dim_names),
            mixed_precision="no",
            device=self.device,
            is_main_process=self.rank == 0,
        )
        fsdp2_prepare_model(setting, model)
        for module in model.modules():
            if isinstance(module, FSDPModule):
                # Sums, not means: parts are divided by the step's totals. Where every process has
                # the whole step, each has the same gradient.
                module.set_gradient_divide_factor(1.0 if shared else float(self.size))
                # Gloo knows no other reduction.
                module.set_force_sum_reduction_for_comms(True)
        # Between passes all is in shards, the last layers too: else their whole weights would
        # stand in for what an optimiser shall train.
        model.set_reshard_after_forward(True)
        attached.update_model(model, process_group=self)
        # Weights are gathered for what runs within the model's own forward pass.
        attached.run_functions(model)

    def add_gradients(self, parameters) -> None:
        """Nothing: the backward passes did."""

    def whole(self, value: Any) -> Any:
        if not hasattr(value, "full_tensor"):
            return value
        tensor = value.full_tensor()
        return tensor.cpu() if self.rank == 0 else None


def check(kind: str, processes: int, methods: Mapping[str, Any], adapted: Iterable[str]) -> None:
    """Refuse what cannot run in shards, before any job; ``kind``: ``compute.sharding``.

    ``methods``: those listed, by name; ``adapted``: models that train adapters alone.
    """
    remedy = "set compute.sharding to none (results are the same)"
    if kind == "none":
        return
    if processes == 1:
        raise LetheError(
            f"config: compute.sharding: {kind} spreads a model over processes, and there is one; "
            "raise compute.processes, or set it to none"
        )
    for model in adapted:
        raise LetheError(
            f"config: compute.sharding: {kind} is for trainings of all weights, and {model} trains "
            f"adapters; take away model_settings.{model}.lora, or {remedy}"
        )
    for name, method in methods.items():
        gradient = getattr(method.settings, "gradient", None)
        parts = {name: method, **{wrapper.name: wrapper for wrapper in method.wrappers}}
        if gradient is not None:
            parts[f"gradient {gradient.name}"] = gradient
        needing = [label for label, part in parts.items() if part.whole_weights]
        if needing:
            with_ = "" if needing[0] == name else f"{name} with "
            raise LetheError(
                f"config: compute.sharding: {with_}{needing[0]} needs whole weights in each process"
                f"; leave {name} out, or {remedy}"
            )


def team_of(model) -> Sharded | None:
    """The processes that hold a model in shards; None where this one has all of it."""
    return attached.model_state(model).process_group


def held(value, like):
    """A tensor in the way in which a parameter (or its gradient) is held: here, or in shards."""
    value = value.to(like.device)
    if not hasattr(like, "full_tensor"):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def number(value) -> float:
    """A tensor of one value, of which processes may have parts of the sum."""
    return float(value.full_tensor() if hasattr(value, "full_tensor") else value)
