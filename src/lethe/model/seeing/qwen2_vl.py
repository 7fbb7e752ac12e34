"""Qwen2-VL (arXiv 2409.12191): pictures keep their size, and positions are places in them.

A picture is a grid of patches, of which ``merge_size`` by ``merge_size`` become one input.
Positions have three parts (M-RoPE, section 2.1 of the paper): for a text's tokens all are the same;
for a picture that begins at position p they are p, p + row and p + column, and the text goes on
after the largest.
"""

from lethe.model.seeing import base


class Family(base.Family):
    """The picture's tokens stand between two marks."""

    def written(self, config, tokenizer):
        ids = config.vision_start_token_id, config.image_token_id, config.vision_end_token_id
        return "".join(base.token(tokenizer, number) for number in ids)

    def shown(self, config, written, made):
        merged = config.vision_config.spatial_merge_size
        _, height, width = made["image_grid_thw"][0].tolist()
        grid = height // merged, width // merged
        return base.Shown(written, (grid[0] * grid[1],), grid)

    def features(self, model, pictures):
        return [self.outputs(model, made).pooler_output[0] for made in pictures]

    def outputs(self, model, made):
        """What transformers' vision tower returns for a picture."""
        return model.get_image_features(
            pixel_values=made["pixel_values"].to(model.device, model.dtype),
            image_grid_thw=made["image_grid_thw"].to(model.device),
        )
