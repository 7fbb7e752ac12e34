"""Sharded models: every process of a job holds a part of each weight, gradient and moment.

A layer's weights are gathered while it computes and then dropped again; its gradients are summed
over processes as they are computed, and each process keeps its part. This is torch's
``fully_shard`` as accelerate sets it up, equivalent to ZeRO stage 3. Torch represents sharded
weights as ``DTensor``.
"""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from lethe.common.distributed import ProcessGroup
from lethe.common.errors import LetheError
from lethe.model import attached


class Sharded(ProcessGroup):
    """One of the processes that together hold a model."""

    sharded = True

    def __init__(self, device: str):
        """Join the other processes; ``device`` is where this process computes."""
        from torch.distributed.device_mesh import init_device_mesh

        super().__init__(device)
        self.mesh = init_device_mesh(self.device.type, (self.size,), mesh_dim_names=("shards",))

    def shard(self, model, shared: bool = True) -> None:
        from accelerate.utils import FullyShardedDataParallelPlugin, fsdp2_prepare_model
        from torch.distributed.fsdp import FSDPModule

        plugin = FullyShardedDataParallelPlugin(
            fsdp_version=2,
            reshard_after_forward=True,
            auto_wrap_policy="transformer_based_wrap",
            cpu_offload=False,
            cpu_ram_efficient_loading=False,
        )
        # What accelerate reads from its Accelerator, which itself accepts plugins only on GPUs.
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
                # Sums, not means: each part is already divided by the step's totals. If every
                # process computes the whole step, all have the same gradient.
                module.set_gradient_divide_factor(1.0 if shared else float(self.size))
                # Gloo knows no other reduction.
                module.set_force_sum_reduction_for_comms(True)
        # Shard all weights again between passes, those of the last layers as well: otherwise the
        # optimiser would get whole weights in their place.
        model.set_reshard_after_forward(True)
        attached.update_model(model, process_group=self)
        # Weights are gathered only within the model's own forward pass.
        attached.run_functions(model)

    def add_gradients(self, parameters) -> None:
        """Do nothing: the backward passes have already added the gradients."""

    def unsharded(self, value: Any) -> Any:
        if not hasattr(value, "full_tensor"):
            return value
        tensor = value.full_tensor()
        return tensor.cpu() if self.rank == 0 else None


def check(kind: str, processes: int, methods: Mapping[str, Any], adapted: Iterable[str]) -> None:
    """LetheError, before any job runs, for what cannot run sharded; ``kind``: ``compute.sharding``.

    ``methods``: those listed, by name; ``adapted``: models of which only adapters are trained.
    """
    remedy = "set compute.sharding to none (results are the same)"
    if kind == "none":
        return
    if processes == 1:
        raise LetheError(
            f"config: compute.sharding: {kind} spreads a model over processes, but there is only "
            "one; raise compute.processes, or set compute.sharding to none"
        )
    for model in adapted:
        raise LetheError(
            f"config: compute.sharding: {kind} needs training of all weights, but {model} trains "
            f"adapters; remove model_settings.{model}.lora, or {remedy}"
        )
    for name, method in methods.items():
        gradient = getattr(method.settings, "gradient", None)
        parts = {name: method, **{wrapper.name: wrapper for wrapper in method.wrappers}}
        if gradient is not None:
            parts[f"gradient {gradient.name}"] = gradient
        needing = [
            label
            for label, part in parts.items()
            if part.whole_weights or getattr(part, "inner_gradients", False)
        ]
        if needing:
            with_ = "" if needing[0] == name else f"{name} with "
            raise LetheError(
                f"config: compute.sharding: {with_}{needing[0]} needs whole weights in each process"
                f"; leave {name} out, or {remedy}"
            )


def process_group_of(model) -> Sharded | None:
    """The processes that hold a sharded model; None if this process has all of it."""
    return attached.model_state(model).process_group


def placed_like(value, like):
    """A tensor placed as a parameter (or its gradient) is: on the same device, sharded or not."""
    value = value.to(like.device)
    if not hasattr(like, "full_tensor"):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def number(value) -> float:
    """The value of a tensor with one element, summed over processes if it is sharded."""
    return float(value.full_tensor() if hasattr(value, "full_tensor") else value)
