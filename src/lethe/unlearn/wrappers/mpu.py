"""MPU: unlearn perturbed copies of a model and aggregate their updates so that noise cancels."""

import copy
import dataclasses
import random
from typing import Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.train.execution import Execution, under
from lethe.unlearn import wrapper


class MPUSettings(wrapper.WrapperSettings):
    """``copies``: perturbed models per round; ``noise``: relative to the model's own update.

    ``round_epochs``: epochs of training a copy before the copies are aggregated; ``server_rate``:
    factor of the aggregated update; ``transforms``: whether copies are reparametrised as well;
    ``aggregation``: ``mean`` is the control, independent noise and the mean of the updates. The
    paper: 10 rounds of 1 epoch for SimNPO, DPO and SatImp, 1 of 10 for gradient ascent, gradient
    difference and UNDIAL, 2 of 5 for NPO and WGA.
    """

    copies: int = Field(2, ge=2)
    noise: float = Field(0.01, ge=0)
    round_epochs: int = Field(1, ge=1)
    server_rate: float = Field(1.0, gt=0)
    transforms: bool = True
    aggregation: Literal["harmonic", "mean"] = "harmonic"


class Wrapper(wrapper.Wrapper):
    """Rounds of copies T_k(theta + eps_k), unlearned separately, then updates D_k aggregated.

    eps_k = a_k sqrt(m / (m-1)) (z_k - mean z), z_k normal with standard deviation noise times the
    root mean square of a layer's update since the base; a_k = 1 + (k-1) / (m-1), so that the sum of
    eps_k / a_k is 0. T_k does not change the function. theta <- theta + server_rate (sum D_k / a_k)
    / (sum 1 / a_k), D_k the copy's update mapped back by the inverse of T_k: the effect of the
    noise on the updates cancels to first order (harmonic denoising). With ``aggregation: mean``
    every a_k is 1 and eps_k the copy's own z_k, so that noise cancels only by chance.

    The copies of a round see the data in the same order; the LR schedule restarts with each round.
    The reference model is the copy at the beginning of the round, since its client knows no other
    model. The checkpoint of an epoch within a round aggregates the copies at that epoch.
    """

    kind = "protocol"
    paper = "MPU, arXiv 2602.23798"
    needs = ("prior",)
    whole_weights = True
    settings_class = MPUSettings

    def check(self, method, name):
        epochs, own = method.settings.epochs, self.settings.round_epochs
        if epochs % own:
            raise LetheError(f"{name}.round_epochs: {own} does not divide the {epochs} epochs")

    def of_step(self, method, passes):
        return passes.times(self.settings.copies)

    def around(self, run):
        def rounds(method, model, data, seed, report, how=None):
            s, how = self.settings, how or Execution()
            short = method.changed(epochs=s.round_epochs)
            # Reference losses of the model itself are not those of a copy.
            given = dataclasses.replace(data, forget_nll=None)
            counter, name = _Counter(report, method, s, len(data.forget)), f"{how.name}.copies"
            server = _Server(s, model, data, seed, how.state_saver.take(name))
            with how.state_saver.joined(name, server):
                while server.round < counter.rounds:
                    server.begin()
                    while server.copy < s.copies:
                        client, join = server.publish()
                        own = how.named(f"{name}.{server.copy}")
                        progress = counter.progress(server)
                        for epoch, _ in run(short, client, given, server.order, progress, own):
                            join(epoch)
                        server.copy += 1
                    for epoch in range(1, s.round_epochs + 1):
                        server.leave(epoch)
                        yield counter.end(server, epoch)
                    server.end()

        return rounds


class _Counter:
    """Epochs and steps of the whole run, from those of each copy."""

    def __init__(self, report, method, settings, rows: int):
        self.report, self.copies, self.epochs = report, settings.copies, settings.round_epochs
        self.rounds = method.settings.epochs // self.epochs
        batches = -(-rows // method.settings.batch_size)
        self.per_epoch = batches * len(method.inner_steps)

    def progress(self, server):
        """A callback that reports a copy's steps as steps of all copies of all rounds."""
        own = self.per_epoch * self.epochs
        before = (server.round * self.copies + server.copy) * own
        steps = self.rounds * self.copies * own
        return lambda step, _, loss: self.report(before + step, steps, loss)

    def end(self, server, epoch: int) -> tuple[int, int]:
        """The epoch of the whole run, and a copy's steps up to it over all rounds."""
        epoch += server.round * self.epochs
        return epoch, epoch * self.per_epoch


class _Server:
    """The server's weights, the copies that it publishes, and the sums of their updates.

    From ``saved`` it resumes a stopped run in the middle of a round.
    """

    # Steps are counted in the trainings of the copies.
    number = 0

    def __init__(self, settings, model, data, seed, saved: dict | None):
        self.settings, self.model, self.data, self.seed = settings, model, data, seed
        self.round, self.copy, self.weights, self.joined = 0, 0, None, []
        if saved is not None:
            self.round, self.copy = saved["round"], saved["copy"]
            self.weights = under("weights/", saved)
            epochs = range(settings.round_epochs)
            self.joined = [under(f"joined/{epoch}/", saved) for epoch in epochs]

    def state(self) -> dict:
        return {
            "round": self.round,
            "copy": self.copy,
            **{f"weights/{name}": w for name, w in self.weights.items()},
            **{
                f"joined/{epoch}/{name}": total
                for epoch, sums in enumerate(self.joined)
                for name, total in sums.items()
            },
        }

    def begin(self) -> None:
        """Begin a round, or resume one."""
        from lethe.unlearn.weight_arithmetic import combine, weights

        s = self.settings
        if self.weights is None:
            self.weights = weights(self.model)
            self.joined = [{} for _ in range(s.round_epochs)]
        self.weights = {n: w.to(self.model.device) for n, w in self.weights.items()}
        combine(self.model, self.weights, [])
        before = weights(self.data.prior().to(self.model.device))
        self.spread = deviations(self.model, self.weights, before, s.noise)

    def end(self) -> None:
        """End a round; the next begins with the model as it is now."""
        self.round, self.copy, self.weights = self.round + 1, 0, None

    @property
    def order(self) -> int | str:
        """The round's seed, for the noise and for the order in which copies see the data."""
        return f"{self.seed}/round{self.round}" if self.round else self.seed

    def publish(self):
        """A perturbed copy, and a function that adds its update at the end of an epoch."""
        from lethe.unlearn.weight_arithmetic import combine, weights

        s, k = self.settings, self.copy
        transform = self._transform(k)
        noise = perturbations(
            self.weights, self.spread, k, s.copies, self.order, s.aggregation == "harmonic"
        )
        published = transform({n: w + noise[n] for n, w in self.weights.items()})
        client = copy.deepcopy(self.model)
        combine(client, published, [])
        if s.transforms and self.round == k == 0:
            self._check(transform)

        def join(epoch: int) -> None:
            now = weights(client)
            update = transform({n: now[n] - published[n] for n in now}, inverse=True)
            sums = self.joined[epoch - 1]
            for name, change in update.items():
                before = sums[name].to(change) if name in sums else 0.0
                sums[name] = before + change / self.amplitude(k)

        return client, join

    def leave(self, epoch: int) -> None:
        """Set the model to the server's weights plus the aggregated update up to an epoch."""
        from lethe.unlearn.weight_arithmetic import combine

        s = self.settings
        share = s.server_rate / sum(1 / self.amplitude(k) for k in range(s.copies))
        sums = self.joined[epoch - 1]
        combine(self.model, {n: w + share * sums[n] for n, w in self.weights.items()}, [])

    def amplitude(self, k: int) -> float:
        """a_k of copy ``k``, from 0; 1 for all in the control."""
        s = self.settings
        return amplitude(k, s.copies) if s.aggregation == "harmonic" else 1.0

    def _transform(self, k: int):
        from lethe.unlearn.reparametrization import Reparametrisation

        if not self.settings.transforms:
            return lambda values, inverse=False: values
        return Reparametrisation(self.model, f"{self.order}/{k}")

    def _check(self, transform) -> None:
        """LetheError where the transforms change the model, as with other position embeddings."""
        import torch

        from lethe.model.batch import pack
        from lethe.model.forward import Forward
        from lethe.unlearn.weight_arithmetic import combine

        turned = copy.deepcopy(self.model)
        combine(turned, transform(self.weights), [])
        batch = pack(self.data.forget[:2])
        with torch.no_grad():
            before, after = (Forward(m.eval()).answers(batch).logits for m in (self.model, turned))
        if float((before - after).norm()) > 1e-2 * float(before.norm()):
            raise LetheError(
                f"mpu: the transforms change the outputs of {type(self.model).__name__}; "
                "set transforms: false"
            )


def amplitude(k: int, copies: int) -> float:
    """a_k of copy ``k``, from 0: evenly spaced from 1 to 2."""
    return 1 + k / (copies - 1)


def deviations(model, server: dict, before: dict, noise: float) -> dict[str, float]:
    """By parameter, ``noise`` times the root mean square of its layer's update since the base.

    A parameter outside the decoder's layers counts as a layer.
    """
    from lethe.model.forward import decoder_layers

    inner = {id(layer) for layer in decoder_layers(model)}
    prefixes = [f"{name}." for name, module in model.named_modules() if id(module) in inner]
    groups: dict[str, list[str]] = {}
    for name in server:
        group = next((prefix for prefix in prefixes if name.startswith(prefix)), name)
        groups.setdefault(group, []).append(name)
    deviation = {}
    for names in groups.values():
        squares = sum(float((server[n] - before[n]).double().square().sum()) for n in names)
        size = sum(server[n].numel() for n in names)
        deviation |= dict.fromkeys(names, noise * (squares / size) ** 0.5)
    return deviation


def perturbations(
    server: dict,
    spread: dict[str, float],
    k: int,
    copies: int,
    seed: int | str,
    cancel: bool = True,
) -> dict:
    """eps_k of every parameter; drawn for all copies at once, so that sum eps_k / a_k is 0.

    Without ``cancel`` copy ``k``'s own draw of the same standard deviation.
    """
    import torch

    noise = {}
    for name, weight in server.items():
        draw = torch.Generator()
        draw.manual_seed(random.Random(f"perturbation/{seed}/{name}").getrandbits(63))
        z = torch.randn(copies, *weight.shape, generator=draw)
        own, scale = z[k], spread[name]
        if cancel:
            own = (copies / (copies - 1)) ** 0.5 * (z[k] - z.mean(0))
            scale = amplitude(k, copies) * spread[name]
        noise[name] = (scale * own).to(weight)
    return noise
