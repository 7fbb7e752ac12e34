"""Chooses the batch layout of a loaded model by a probe, caches the answer, and sets it."""

import hashlib
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from lethe.common.errors import LetheError
from lethe.model import attached, families, miniature, mixing_probe, token_mixing
from lethe.model.attention import ATTENTION, use_packing
from lethe.model.decoders import decoder_of
from lethe.model.token_mixing import Mixing

logger = logging.getLogger("lethe.common.progress")
# Our own modules on which the answer depends.
CODE = (
    "attached precision decoders batch_layout forward miniature token_mixing batch attention "
    "padded_batch mixing_probe plain_rows answer_trees"
)
# Keys of a configuration that do not affect any number.
NAMES = ("_name_or_path", "architectures", "transformers_version", "dtype", "torch_dtype")

# Names of learned position embeddings, by family.
POSITIONS = (
    "wpe",
    "embed_positions",
    "position_embeddings",
    "positions_embed",
    "position_embedding",
)


@dataclass(frozen=True)
class Fitting:
    """What a model's layout was chosen for.

    ``family``: its class; ``attention``: the kernel that was asked for; ``own``: the attention that
    transformers chose, None if unknown; ``device``: where the model will be; ``kind``: the kernel
    that runs in packed rows, None if not known yet.
    """

    family: type
    attention: str
    own: str | None
    device: str
    kind: str | None = None


def fit(model, attention: str = "sdpa", device: str = "cpu") -> None:
    """Let a model run batches in the fastest layout that gives correct numbers; in place.

    ``attention`` is the attention kernel (``lethe.model.attention``), ``device`` where the model
    will be. Raises LetheError if no layout is correct.
    """
    if families.of_type(model.config.model_type) == families.MASKED_DIFFUSION:
        from lethe.model import masked_estimator

        masked_estimator.fit(model, attention)
        return
    fitting = Fitting(type(model), attention, own_attention(model), device)
    mixed, kind = remembered(key(model, fitting, CODE), lambda: _probed(model, fitting))
    if mixed.layout == token_mixing.PACKED:
        use_packing(model, kind)
    else:
        if attention == "eager" and fitting.own != "eager":
            model.set_attn_implementation("eager")
        logger.info(
            "%s: its sequences cannot be packed into one row; using plain rows, which are slower",
            type(model).__name__,
        )
    attached.update_model(
        model,
        mixing=replace(mixed, positions=positions(model)),
        fitting=replace(fitting, kind=kind),
    )


def positions(model) -> int | None:
    """How many position embeddings a model has learned; None if positions are unlimited."""
    # The vision tower of a model that sees has positions of its own.
    part = decoder_of(model) if model.config.model_type in families.SEEING_TYPES else model
    tables = [
        module.num_embeddings - _before(module)
        for name, module in part.named_modules()
        if isinstance(module, torch.nn.Embedding) and name.rpartition(".")[2] in POSITIONS
    ]
    return min(tables, default=None)


def _before(module: torch.nn.Embedding) -> int:
    """Rows of a position table before the first position, as in OPT and RoBERTa."""
    padding = module.padding_idx
    return getattr(module, "offset", 0) if padding is None else padding + 1


def as_fitted(model, fitted) -> None:
    """Give a model built from another's configuration the same batch layout; in place."""
    state = attached.model_state(fitted)
    attached.update_model(
        model,
        mixing=state.mixing,
        fitting=state.fitting,
        estimator=state.estimator,
        sight=state.sight,
    )


def remembered(key: str, find: Callable[[], tuple[Mixing, str]]) -> tuple[Mixing, str]:
    """The result of a probe and the attention kernel, cached between runs under ``key``."""
    file = _folder() / f"{key}.json"
    read = _read(file)
    if read is None:
        with _quietly():
            read = find()
        _write(file, read)
    return read


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence what transformers logs about the copies that are tried."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(transformers_logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(level)


def _probed(model, fitting: Fitting) -> tuple[Mixing, str]:
    family, named = fitting.family.__name__, miniature.lengths(model.config)
    try:
        plain = plain_copy(model, fitting)
    except miniature.NoCopy as error:
        logger.info("%s: no small copy could be built to probe it (%s)", family, error)
        return token_mixing.SAFEST, fitting.attention
    if not mixing_probe.Trial(plain, mixing_probe.LONG).causal():
        raise LetheError(
            f"{family}: a token's logits depend on later tokens, so a text has no likelihood; "
            "choose a causal language model"
        )
    for kind in dict.fromkeys((fitting.attention, "eager")):
        try:
            packed = packed_copy(plain, kind, model.dtype)
        except (LetheError, ValueError):
            if kind == fitting.attention == "flash":
                raise
            continue
        mixed = mixing_probe.best_mixing(packed, plain, token_mixing.LAYOUTS[:1], named)
        if mixed is not None:
            return mixed, kind
    mixed = mixing_probe.best_mixing(mixing_probe.twin(plain), plain, _layouts(model.config), named)
    if mixed is None:
        raise LetheError(
            f"{family}: no layout of texts gives the numbers of plain transformers; "
            "choose a model of another family"
        )
    return mixed, fitting.attention


def packed_copy(plain, kind: str, dtype: torch.dtype):
    """A copy of a small copy that runs packed rows; in ``dtype`` for FlashAttention."""
    packed = mixing_probe.twin(plain)
    if kind == "flash":
        packed = packed.to(dtype)
    use_packing(packed, kind)
    return packed


def _layouts(config) -> tuple[str, ...]:
    """The layouts of plain rows that a model may have.

    Where tokens are compressed into blocks (DeepSeek V4), what a token sees depends for some texts
    on the total number of tokens, padding included, and the probe's texts may not show it.
    """
    return (
        token_mixing.LAYOUTS[2:] if hasattr(config, "compress_rates") else token_mixing.LAYOUTS[1:]
    )


def plain_copy(model, fitting: Fitting):
    """A small copy as transformers runs it, on the device where the model will be.

    Raises ``miniature.NoCopy`` if none can be built.
    """
    eager = fitting.attention == "eager" or _capped(model.config)
    errors = []
    for config in miniature.copies(model):
        try:
            plain = miniature.build(fitting.family, config, "eager" if eager else fitting.own)
            mixing_probe.alone(plain, mixing_probe.LONG[0].ids)
            return plain.to(fitting.device)
        except Exception as error:
            errors.append(error)
    raise miniature.NoCopy((str(errors[-1]).splitlines() or [type(errors[-1]).__name__])[0])


def own_attention(model) -> str | None:
    """The attention that transformers chose for a model; None if ours was set."""
    name = model.config._attn_implementation
    return None if str(name).startswith(ATTENTION) else name


def _capped(config) -> bool:
    """Whether attention scores are capped, which SDPA silently ignores."""
    return getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None


def key(model, fitting: Fitting, code: str) -> str:
    """A digest of all that a cached answer depends on; ``code``: our modules that produce it."""
    import transformers

    config = {k: v for k, v in model.config.to_dict().items() if k not in NAMES}
    about = {
        "class": fitting.family.__name__,
        "config": config,
        "own": fitting.own,
        "attention": fitting.attention,
        "dtype": str(model.dtype),
        "device": fitting.device,
        "versions": [torch.__version__, transformers.__version__],
        "code": _digest(code),
    }
    text = json.dumps(about, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(code: str) -> str:
    here = Path(__file__).parent
    parts = ((here / f"{name}.py").read_bytes() for name in code.split())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lethe" / "families"


def _read(file: Path) -> tuple[Mixing, str] | None:
    """The cached answer; None if it is missing or unreadable."""
    try:
        given = json.loads(file.read_text())
        return Mixing(**given["mixing"]), given["attention"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _write(file: Path, answer: tuple[Mixing, str]) -> None:
    """Cache an answer atomically; if that fails, the probe just runs again next time."""
    text = json.dumps({"mixing": asdict(answer[0]), "attention": answer[1]})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as temporary:
            temporary.write(text)
        os.replace(temporary.name, file)
    except OSError:
        return
