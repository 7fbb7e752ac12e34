"""LLaVA (Liu et al., arXiv 2304.08485): pictures of one size, a token for each patch."""

from lethe.common.errors import LetheError
from lethe.model.seeing import base

# Class tokens of the vision towers that are known here.
CLASS_TOKENS = {"clip_vision_model": 1, "siglip_vision_model": 0}


class Family(base.Family):
    """Every picture is scaled, and perhaps cropped, to a square of the tower's own size."""

    def shown(self, config, written, made):
        return base.Shown(written, (self.patches(config, made),))

    def patches(self, config, made):
        """How many of the tower's outputs for a square are used; LetheError if not known."""
        vision = config.vision_config
        if vision.model_type not in CLASS_TOKENS:
            raise LetheError(
                f"model: pictures for a vision tower of type {vision.model_type} are not known "
                f"here; choose a LLaVA with {' or '.join(CLASS_TOKENS)}"
            )
        base.check_size(made, vision.image_size)
        count = (vision.image_size // vision.patch_size) ** 2 + CLASS_TOKENS[vision.model_type]
        # "default" leaves out the first, which is the class token where there is one.
        return count - (config.vision_feature_select_strategy != "full")

    def features(self, model, pictures):
        import torch

        pixels = torch.cat([made["pixel_values"] for made in pictures])
        out = model.get_image_features(pixel_values=pixels.to(model.device, model.dtype))
        return list(out.pooler_output)
