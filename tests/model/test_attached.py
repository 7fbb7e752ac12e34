"""Only ``lethe.model.attached`` attaches what is ours to objects of other libraries."""

import ast
import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import lethe
from lethe.model import attached

ROOT = Path(lethe.__file__).parent
HOME = ROOT / "model" / "attached.py"
# What the library calls objects of torch, transformers and peft; also as the end of a longer name.
FOREIGN = (
    *("model", "module", "layer", "decoder", "head", "linear", "embedding", "embeddings", "rope"),
    *("tokenizer", "cache", "config", "parameter", "weight", "p", "plain", "twin", "fresh"),
    *("adapted", "merged", "fitted", "carrier"),
)
# Attributes that change what an object does, whoever it belongs to.
BEHAVIOUR = {"__class__", "__dict__", "__call__", "_call_impl", "forward", "interventions"}
# Fields that the libraries themselves define, and mean to be assigned to.
THEIRS = {
    "data", "grad", "quantization_config", "tie_word_embeddings", "all_tied_weights_keys",
    "_attn_implementation_internal", "pre_tokenizer", "decoder", "chat_template", "weight",
    "num_hidden_layers", "layer_types",
}  # fmt: skip
# Where an attribute's name is computed: sizes of configurations, RoPE's own length, and parameters
# of a copy.
COMPUTED = {"model/miniature.py", "model/plain_rows.py", "model/interventions/assistant.py"}
GLOBAL = {"ContextVar", "AttentionInterface", "AttentionMaskInterface"}


def offences(source: str, file: str = "unlearn/example.py") -> Iterator[str]:
    """What a module attaches to objects of others, each as ``line: statement``."""
    for node in ast.walk(ast.parse(source)):
        if _attaches(node, file):
            yield f"{node.lineno}: {ast.unparse(node)}"


def _attaches(node: ast.AST, file: str) -> bool:
    match node:
        case ast.Attribute(value=owner, attr=name, ctx=ast.Store() | ast.Del()):
            return _forbidden(owner, name)
        case ast.Attribute(attr=name) if name.startswith("lethe_"):
            return True
        case ast.Call(func=ast.Name("setattr" | "delattr"), args=[owner, *_]):
            return _is_foreign(owner) and file not in COMPUTED
        case ast.Call(func=ast.Attribute(ast.Attribute(owner, "__dict__"))):
            return not _is_self(owner)
        case ast.Subscript(ast.Call(func=ast.Name("vars"), args=[owner]), ctx=ast.Store()):
            return _is_foreign(owner) and file not in COMPUTED
        case ast.Subscript(ast.Attribute(owner, "__dict__"), ctx=ast.Store()):
            return not _is_self(owner)
        case ast.Name(id=name) | ast.alias(name=name):
            return name in GLOBAL
        case ast.Global():
            return True
    return False


def _forbidden(owner: ast.expr, name: str) -> bool:
    if name in BEHAVIOUR or name.startswith("lethe_"):
        return not _is_self(owner)
    return _is_foreign(owner) and name not in THEIRS


def _is_self(owner: ast.expr) -> bool:
    return isinstance(owner, ast.Name) and owner.id == "self"


def _is_foreign(owner: ast.expr) -> bool:
    match owner:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.rpartition("_")[2] in FOREIGN
    return False


@pytest.mark.parametrize(
    "source",
    [
        "model.lethe_team = 1",
        "model.anything = 1",
        "self.model.anything = 1",
        "frozen_model.steps += 1",
        "read = getattr(model, 'a').lethe_read",
        "module.__class__ = Other",
        "whatever.__class__ = Other",
        "layer.forward = lambda x: x",
        "other.forward, b = f, g",
        "del model.note",
        "setattr(model, 'x', 1)",
        "delattr(tokenizer, 'x')",
        "tokenizer.interventions = ()",
        "cache.__dict__.setdefault('notes', {})",
        "anything.__dict__['x'] = 1",
        "vars(config)['x'] = 1",
        "from contextvars import ContextVar",
        "from transformers import AttentionInterface",
        "def f():\n    global count",
    ],
)
def test_what_is_attached_is_seen(source):
    assert list(offences(source))


@pytest.mark.parametrize(
    "source",
    [
        "self.anything = 1",
        "self.forward = Forward(model)",
        "p.grad = None",
        "config.tie_word_embeddings = False",
        "reference.frozen = model",
        "hook = layer.register_forward_hook(note)",
    ],
)
def test_our_own_objects_and_the_libraries_own_fields_may_change(source):
    assert not list(offences(source))


def test_no_other_module_attaches_anything():
    files = [file for file in sorted(ROOT.rglob("*.py")) if file != HOME]
    assert len(files) > 200
    seen = {
        str(file.relative_to(ROOT)): list(
            offences(file.read_text(encoding="utf-8"), str(file.relative_to(ROOT)))
        )
        for file in files
    }
    assert {file: found for file, found in seen.items() if found} == {}


def test_the_module_itself_would_be_seen():
    assert len(list(offences(HOME.read_text(encoding="utf-8"), "model/attached.py"))) > 5


def test_a_copy_has_what_its_model_has_and_goes_its_own_way():
    model = torch.nn.Linear(2, 2)
    assert attached.model_state(model) == attached.ModelState()
    attached.update_model(model, dtype=torch.bfloat16)
    attached.update_model(model, adapter_base={"source": "here", "digest": None})
    twin = copy.deepcopy(model)
    attached.update_model(twin, dtype=None)
    assert attached.model_state(model).dtype == torch.bfloat16
    assert attached.model_state(twin) == attached.ModelState(
        adapter_base={"source": "here", "digest": None}
    )


def test_interventions_are_those_of_a_model_or_of_a_tokenizer():
    model, tokenizer = torch.nn.Linear(2, 2), type("Tokenizer", (), {})()
    assert attached.interventions_of(model) == attached.interventions_of(tokenizer) == ()
    attached.update_model(model, interventions=("one",))
    attached.update_tokenizer(tokenizer, interventions=("two",))
    assert attached.interventions_of(model) == ("one",)
    assert attached.interventions_of(tokenizer) == ("two",)


def test_a_module_answers_with_a_given_output_within_the_block_alone():
    module, calls = torch.nn.Linear(2, 2), []
    module.register_forward_hook(lambda *given: calls.append(given))
    with attached.answering(module, "ready"):
        assert module(None) == "ready"
    assert not calls
    assert module(torch.zeros(1, 2)).shape == (1, 2)
    assert len(calls) == 1


def test_a_model_runs_functions_of_itself_within_its_forward_pass():
    model, order = torch.nn.Linear(2, 2), []
    model.register_forward_pre_hook(lambda *given: order.append("gathered"))
    attached.run_functions(model)

    def function(this, value):
        order.append("ran")
        return this is model and value

    assert model(function, 3) == 3
    assert order == ["gathered", "ran"]
