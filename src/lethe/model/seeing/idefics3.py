"""Idefics3 (arXiv 2408.12637): a large picture is cut into tiles, and a small copy follows them."""

from lethe.common.errors import LetheError
from lethe.model.seeing import base

AROUND, WHOLE = "<fake_token_around_image>", "<global-img>"


class Family(base.Family):
    """Each tile is a run of the picture's tokens, with its row and column written before it."""

    def read(self, processor, pixels):
        return dict(processor(images=[pixels], **base.AS_IS, return_row_col_info=True))

    def shown(self, config, written, made):
        vision = config.vision_config
        base.check_size(made, vision.image_size)
        count = int((vision.image_size // vision.patch_size) ** 2 / config.scale_factor**2)
        rows, columns = int(made["rows"][0][0]), int(made["cols"][0][0])
        tiles = made["pixel_values"].shape[1]
        if tiles != rows * columns + 1:
            raise LetheError(
                f"image processor: it cuts a picture into {tiles} tiles, but says {rows} rows of "
                f"{columns} and a copy; get the model's preprocessor_config.json again"
            )
        lines = "".join(
            "".join(f"{AROUND}<row_{row}_col_{column}>{written}" for column in _from_one(columns))
            + "\n"
            for row in _from_one(rows)
        )
        before = f"{lines}\n" if lines else ""
        return base.Shown(f"{before}{AROUND}{WHOLE}{written}{AROUND}", (count,) * tiles)

    def features(self, model, pictures):
        return [self._of_one(model, made) for made in pictures]

    def _of_one(self, model, made):
        given = {"pixel_values": made["pixel_values"].to(model.device, model.dtype)}
        if "pixel_attention_mask" in made:
            given["pixel_attention_mask"] = made["pixel_attention_mask"].to(model.device)
        features = model.get_image_features(**given).pooler_output
        return features[0] if len(features) == 1 else features.flatten(0, 1)


def _from_one(count: int) -> range:
    return range(1, count + 1)
