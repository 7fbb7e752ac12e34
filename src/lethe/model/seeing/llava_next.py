"""LLaVA-NeXT, or LLaVA 1.6: pictures of any size in tiles (arXiv 2310.03744).

A small copy of the whole picture comes first. Then the picture itself, scaled to the best of a list
of resolutions, padded and cut into tiles of the tower's size. The tiles' patches form one grid;
rows or columns of it that hold only padding are left out, and a learned input ends each row.
"""

from lethe.common.errors import LetheError
from lethe.model.seeing import base, llava


class Family(llava.Family):
    """The vision tower and the projector are those of LLaVA."""

    def read(self, processor, pixels):
        import torch
        from transformers.image_processing_utils import select_best_resolution

        best = select_best_resolution(pixels.shape[:2], processor.image_grid_pinpoints)
        return super().read(processor, pixels) | {"resolution": torch.tensor(best)}

    def shown(self, config, written, made):
        import torch
        from transformers.models.llava_next.modeling_llava_next import unpad_image

        vision = config.vision_config
        side, patches = vision.image_size // vision.patch_size, self.patches(config, made)
        if patches != side**2:
            raise LetheError(
                f"model: it uses {patches} outputs of its vision tower for each tile, which are "
                f"no grid of {side} by {side}; get the model's config.json again"
            )
        rows, columns = _tiles(config, made)
        grid = torch.empty(1, rows * side, columns * side)
        _, rows, columns = unpad_image(grid, made["image_sizes"][0]).shape
        return base.Shown(written, (patches + rows * (columns + 1),))

    def features(self, model, pictures):
        import torch

        tiles = torch.cat([made["pixel_values"][0] for made in pictures])
        sizes = torch.cat([made["image_sizes"] for made in pictures])
        out = model.get_image_features(
            pixel_values=tiles.to(model.device, model.dtype), image_sizes=sizes
        )
        return list(out.pooler_output)


def _tiles(config, made) -> tuple[int, int]:
    """Rows and columns of a picture's tiles; LetheError unless its processor cut it like this."""
    from transformers.image_processing_utils import select_best_resolution

    tile, size = config.vision_config.image_size, made["image_sizes"][0].tolist()
    best, cut = select_best_resolution(size, config.image_grid_pinpoints), made["resolution"]
    rows, columns = best[0] // tile, best[1] // tile
    if list(best) != cut.tolist() or made["pixel_values"].shape[1] != rows * columns + 1:
        raise LetheError(
            f"image processor: it cuts a picture of {size[0]} by {size[1]} pixels as "
            f"{cut[0]} by {cut[1]}, but the model reads it as {best[0]} by {best[1]} in tiles of "
            f"{tile}; get the model's preprocessor_config.json and config.json again"
        )
    return rows, columns
