"""Which layout a loaded model's batches get: found by a probe, remembered, and set."""

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
from lethe.model import attached, miniature, mixing_probe, token_mixing
from lethe.model.attention import ATTENTION, use_packing
from lethe.model.token_mixing import Mixing

logger = logging.getLogger("lethe.common.progress")
# What the answer depends on, of ours.
CODE = (
    "attached precision decoders batch_layout forward miniature token_mixing batch attention "
    "padded_batch mixing_probe plain_rows answer_trees"
)
# What a configuration says that changes no number.
NAMES = ("_name_or_path", "architectures", "transformers_version", "dtype", "torch_dtype")

# What families call a table of positions that were learned.
POSITIONS = (
    "wpe",
    "embed_positions",
    "position_embeddings",
    "positions_embed",
    "position_embedding",
)


@dataclass(frozen=True)
class Fitting:
    """What a model was fitted for.

    ``family``: its class; ``attention``: what was asked to run within each sequence; ``own``: what
    transformers chose, None: nothing that is known; ``device``: where it will be; ``kind``: what
    runs within each sequence of packed rows, None: not known yet.
    """

    family: type
    attention: str
    own: str | None
    device: str
    kind: str | None = None


def fit(model, attention: str = "sdpa", device: str = "cpu") -> None:
    """Let a model run batches in the fastest layout in which its numbers are right; in place.

    ``attention`` is what runs within each sequence (``lethe.model.batch``); ``device``: where the
    model will be. LetheError, one line, where no layout is right.
    """
    fitting = Fitting(type(model), attention, own_attention(model), device)
    mixed, kind = remembered(key(model, fitting, CODE), lambda: _probed(model, fitting))
    if mixed.layout == token_mixing.PACKED:
        use_packing(model, kind)
    else:
        if attention == "eager" and fitting.own != "eager":
            model.set_attn_implementation("eager")
        logger.info(
            "%s: its tokens cannot share packed rows; plain rows are slower", type(model).__name__
        )
    attached.update_model(
        model,
        mixing=replace(mixed, positions=positions(model)),
        fitting=replace(fitting, kind=kind),
    )


def positions(model) -> int | None:
    """How many positions a model has learned; None where it goes on without end."""
    found = [
        module.num_embeddings - _before(module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Embedding) and name.rpartition(".")[2] in POSITIONS
    ]
    return min(found, default=None)


def _before(module: torch.nn.Embedding) -> int:
    """Rows of a table of positions before that of the first: OPT's and RoBERTa's have some."""
    padding = module.padding_idx
    return getattr(module, "offset", 0) if padding is None else padding + 1


def as_fitted(model, fitted) -> None:
    """Let a model made of another's configuration run batches as that does; in place."""
    state = attached.model_state(fitted)
    attached.update_model(model, mixing=state.mixing, fitting=state.fitting)


def remembered(key: str, find: Callable[[], tuple[Mixing, str]]) -> tuple[Mixing, str]:
    """What a probe finds, and the kind of attention; kept between runs under a ``key``."""
    file = _folder() / f"{key}.json"
    read = _read(file)
    if read is None:
        with _quietly():
            read = find()
        _write(file, read)
    return read


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what transformers says of copies that are tried."""
    from transformers.utils import logging as told

    level = told.get_verbosity()
    told.set_verbosity(told.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        told.set_verbosity(level)


def _probed(model, fitting: Fitting) -> tuple[Mixing, str]:
    family, named = fitting.family.__name__, miniature.lengths(model.config)
    try:
        plain = plain_copy(model, fitting)
    except miniature.NoCopy as error:
        logger.info("%s: no small copy of it could be tried (%s)", family, error)
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
        mixed = mixing_probe.found(packed, plain, token_mixing.LAYOUTS[:1], named)
        if mixed is not None:
            return mixed, kind
    mixed = mixing_probe.found(mixing_probe.twin(plain), plain, _layouts(model.config), named)
    if mixed is None:
        raise LetheError(
            f"{family}: no layout of texts gives the numbers of plain transformers; "
            "choose a model of another family"
        )
    return mixed, fitting.attention


def packed_copy(plain, kind: str, dtype: torch.dtype):
    """A copy of a small copy that runs packed rows; FlashAttention's in numbers of its own."""
    packed = mixing_probe.twin(plain)
    if kind == "flash":
        packed = packed.to(dtype)
    use_packing(packed, kind)
    return packed


def _layouts(config) -> tuple[str, ...]:
    """The layouts of plain rows that a model may have.

    Where tokens are compressed to blocks (DeepSeek V4) what is seen depends on how many there are
    in all, padding included, for some texts only: none that is tried may be among them.
    """
    return (
        token_mixing.LAYOUTS[2:] if hasattr(config, "compress_rates") else token_mixing.LAYOUTS[1:]
    )


def plain_copy(model, fitting: Fitting):
    """A small copy as transformers runs it, on the device where the model will be.

    ``miniature.NoCopy`` where none can be built.
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
    """What transformers chose for a model; None where it has ours, and would choose again."""
    name = model.config._attn_implementation
    return None if str(name).startswith(ATTENTION) else name


def _capped(config) -> bool:
    """Whether scores are capped, which SDPA leaves out without a word."""
    return getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None


def key(model, fitting: Fitting, code: str) -> str:
    """What an answer depends on, as one name; ``code``: those of our files that it is found by."""
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
    """What was found before; None where it is not there, or not to be read."""
    try:
        given = json.loads(file.read_text())
        return Mixing(**given["mixing"]), given["attention"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _write(file: Path, found: tuple[Mixing, str]) -> None:
    """Keep what was found, whole or not at all; where it cannot be kept the probe runs again."""
    text = json.dumps({"mixing": asdict(found[0]), "attention": found[1]})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as temporary:
            temporary.write(text)
        os.replace(temporary.name, file)
    except OSError:
        return
