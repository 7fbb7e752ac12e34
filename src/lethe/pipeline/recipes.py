"""Whether the recipe by which a model learns can be used by a configuration."""

from lethe.common.errors import LetheError
from lethe.pipeline.config.config import Config
from lethe.train import recipe


def check(config: Config, name: str) -> None:
    """LetheError, one line, for a model whose recipe is not compatible with its other settings."""
    model = config.model_settings[name]
    chosen = model.finetune.recipe["name"]
    place = f"config: model_settings.{name}.finetune.recipe"
    if recipe.whole_weights(chosen):
        if model.training("finetune")["lora"] is not None:
            raise LetheError(
                f"{place}: {chosen} works on whole weights, but {name} trains adapters; set "
                f"model_settings.{name}.lora to null, or its stages to [unlearn]"
            )
        if config.compute.sharding != "none":
            raise LetheError(
                f"{place}: {chosen} works on whole weights; set compute.sharding to none"
            )
    if recipe.needs(chosen) and config.meta_evaluation.enabled:
        raise LetheError(
            f"{place}: {chosen} reads {recipe.needs(chosen)[0]}, which the models of a pool do "
            "not; set meta_evaluation.enabled to false"
        )
