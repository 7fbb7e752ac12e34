"""Draws a face as a small picture, in its base view or another.

Everything is drawn larger than wanted, in flat colours, and then averaged down. Coordinates are
shares of the picture's side, from the upper left corner.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from lethe.world.pictures.faces import COLOURS, Face
from lethe.world.pictures.settings import BASE

# How much larger a picture is drawn than it is in the end.
FINER = 4
INK, CLOTHES, WHITE, LIPS = (30, 26, 30), (70, 78, 96), (255, 255, 255), (176, 62, 70)
# Left, top, right and bottom of each shape of face; a square one has rounded corners.
SHAPES = {
    "round": (0.28, 0.28, 0.72, 0.76),
    "oval": (0.32, 0.24, 0.68, 0.80),
    "square": (0.29, 0.28, 0.71, 0.76),
}


@dataclass(frozen=True)
class View:
    """How a person is seen.

    ``turn``: -1 to 1, how far the face looks to the left or the right; ``tilt``: degrees, against
    the clock; ``scale``: of the person; ``shift``: of the person to the right, as a share of the
    side; ``scene``: a number that chooses what is behind the person, None for a plain colour;
    ``sketched``: drawn with ink on paper, in weak colours; ``company``: a stranger, of whom only
    the outline is seen, on the other side.
    """

    turn: float = 0.0
    tilt: float = 0.0
    scale: float = 1.0
    shift: float = 0.0
    scene: int | None = None
    sketched: bool = False
    company: bool = False


def _pose(view: View, rng: Random) -> View:
    side = rng.choice((-1, 1))
    return replace(view, turn=side * rng.uniform(0.8, 1.0), tilt=-side * rng.uniform(8, 14))


def _scale(view: View, rng: Random) -> View:
    return replace(view, scale=rng.uniform(0.62, 0.7), shift=rng.uniform(-0.08, 0.08))


def _context(view: View, rng: Random) -> View:
    return replace(view, scene=rng.randrange(len(_SCENES)))


def _style(view: View, rng: Random) -> View:
    return replace(view, sketched=True)


def _composition(view: View, rng: Random) -> View:
    side = rng.choice((-1, 1))
    return replace(view, company=True, scale=0.8, shift=side * 0.17)


VIEWS: dict[str, Callable[[View, Random], View]] = {
    "pose": _pose,
    "scale": _scale,
    "context": _context,
    "style": _style,
    "composition": _composition,
}


def drawn(face: Face, view: str, key: str, size: int) -> np.ndarray:
    """A picture of a face: uint8 [size, size, 3], RGB.

    ``view``: ``base`` or a variation; ``key``: chooses what a variation leaves open, such as the
    side to which a head is turned. The same arguments give the same pixels.
    """
    seen = View() if view == BASE else VIEWS[view](View(), Random(f"{key}/{view}"))
    side = size * FINER
    picture = _background(face, seen, side)
    if seen.company:
        _paste(picture, _stranger(side), 0.8, -0.27 if seen.shift > 0 else 0.27)
    _paste(picture, _shoulders(side), seen.scale, seen.shift)
    _paste(picture, _head(face, seen, side), seen.scale, seen.shift, seen.tilt)
    small = np.asarray(picture.reduce(FINER), dtype=np.uint8)
    return _on_paper(small) if seen.sketched else small


# --- the person -----------------------------------------------------------------------------------


class _Pen:
    """Draws on a transparent square of ``side`` pixels, in shares of its side."""

    def __init__(self, side: int):
        self.side = side
        self.layer = Image.new("RGBA", (side, side))
        self._draw = ImageDraw.Draw(self.layer)

    def oval(self, box, fill=None, line=None, width=0.02):
        self._draw.ellipse(self._at(box), fill, line, self._line(line, width))

    def block(self, box, fill=None, line=None, width=0.02, radius=0.0):
        self._draw.rounded_rectangle(
            self._at(box), radius * self.side, fill, line, self._line(line, width)
        )

    def polygon(self, points, fill):
        self._draw.polygon([tuple(self._at(point)) for point in points], fill)

    def stroke(self, points, fill, width=0.02):
        flat = [tuple(self._at(point)) for point in points]
        self._draw.line(flat, fill, round(width * self.side), joint="curve")

    def arc(self, box, start, end, fill, width=0.02):
        self._draw.arc(self._at(box), start, end, fill, round(width * self.side))

    def _at(self, numbers) -> list[int]:
        return [round(number * self.side) for number in numbers]

    def _line(self, line, width: float) -> int:
        return round(width * self.side) if line else 0


def _shoulders(side: int) -> Image.Image:
    pen = _Pen(side)
    pen.oval((0.16, 0.82, 0.84, 1.3), CLOTHES)
    return pen.layer


def _head(face: Face, view: View, side: int) -> Image.Image:
    pen = _Pen(side)
    skin, hair = COLOURS["skin"][face.skin], COLOURS["hair"][face.hair]
    left, top, right, bottom = SHAPES[face.shape]
    _hair_behind(pen, face.hairstyle, hair)
    pen.block((0.43, 0.70, 0.57, 0.88), _darker(skin))
    for ear in (left, right):
        pen.oval((ear - 0.05, 0.46, ear + 0.05, 0.58), skin)
    if face.shape == "square":
        pen.block((left, top, right, bottom), skin, radius=0.06)
    else:
        pen.oval((left, top, right, bottom), skin)
    moved = 0.075 * view.turn
    _features(pen, face, moved, skin)
    _hair_before(pen, face.hairstyle, hair, (left, top, right), moved)
    return pen.layer


def _features(pen: _Pen, face: Face, moved: float, skin) -> None:
    iris = COLOURS["eyes"][face.eyes]
    for middle in (0.41 + moved, 0.59 + moved):
        pen.oval((middle - 0.065, 0.45, middle + 0.065, 0.56), WHITE)
        pen.oval((middle - 0.045 + moved / 4, 0.455, middle + 0.045 + moved / 4, 0.555), iris)
        if face.glasses == "round":
            pen.oval((middle - 0.1, 0.41, middle + 0.1, 0.61), None, INK, 0.028)
        if face.glasses == "square":
            pen.block((middle - 0.1, 0.42, middle + 0.1, 0.60), None, INK, 0.028)
    if face.glasses != "none":
        pen.stroke([(0.47 + moved, 0.49), (0.53 + moved, 0.49)], INK, 0.028)
    nose = 0.5 + 1.5 * moved
    pen.polygon([(0.5 + moved, 0.52), (nose - 0.03, 0.62), (nose + 0.03, 0.62)], _darker(skin))
    pen.oval((0.43 + moved, 0.66, 0.57 + moved, 0.71), LIPS)


def _hair_behind(pen: _Pen, style: str, hair) -> None:
    if style == "long":
        pen.block((0.2, 0.2, 0.8, 0.94), hair, radius=0.24)
    if style == "curly":
        for x, y in ((0.26, 0.36), (0.74, 0.36), (0.22, 0.5), (0.78, 0.5), (0.25, 0.62)):
            pen.oval((x - 0.12, y - 0.12, x + 0.12, y + 0.12), hair)
        pen.oval((0.63, 0.5, 0.87, 0.74), hair)
    if style == "bun":
        pen.oval((0.37, 0.02, 0.63, 0.26), hair)


def _hair_before(pen: _Pen, style: str, hair, edges, moved: float) -> None:
    left, top, right = edges
    if style == "mohawk":
        pen.block((0.43 + moved / 2, 0.04, 0.57 + moved / 2, 0.36), hair, radius=0.05)
        return
    if style == "curly":
        for x in (0.33, 0.5, 0.67):
            pen.oval((x - 0.14, 0.14, x + 0.14, 0.4), hair)
        return
    # A cap of hair that leaves the forehead free.
    cap = (left - 0.03, top - 0.07, right + 0.03, top + 0.37)
    pen.polygon(_upper_half(cap), hair)
    if style == "long":
        pen.block((left - 0.08, 0.36, left + 0.03, 0.84), hair, radius=0.04)
        pen.block((right - 0.03, 0.36, right + 0.08, 0.84), hair, radius=0.04)


def _upper_half(box) -> list[tuple[float, float]]:
    left, top, right, bottom = box
    angles = np.linspace(np.pi, 2 * np.pi, 40)
    across, down = (right - left) / 2, (bottom - top) / 2
    middle = (left + across, top + down)
    points = [(middle[0] + across * np.cos(a), middle[1] + down * np.sin(a)) for a in angles]
    return [(float(x), float(y)) for x, y in points]


def _stranger(side: int) -> Image.Image:
    """Somebody of whom only the outline is seen."""
    pen, shade = _Pen(side), (96, 100, 108)
    pen.oval((0.34, 0.3, 0.66, 0.72), shade)
    pen.oval((0.2, 0.76, 0.8, 1.3), shade)
    return pen.layer


def _darker(colour) -> tuple[int, int, int]:
    return tuple(round(0.78 * part) for part in colour)


# --- what is around -------------------------------------------------------------------------------


def _background(face: Face, view: View, side: int) -> Image.Image:
    plain = COLOURS["background"][face.background]
    picture = Image.new("RGB", (side, side), plain)
    if view.scene is not None:
        _SCENES[view.scene](ImageDraw.Draw(picture), side)
    return picture


def _seaside(draw: ImageDraw.ImageDraw, side: int) -> None:
    draw.rectangle((0, 0, side, side), (150, 206, 250))
    draw.rectangle((0, side * 0.55, side, side), (30, 96, 176))
    draw.rectangle((0, side * 0.8, side, side), (236, 214, 156))
    draw.ellipse((side * 0.76, side * 0.04, side * 0.96, side * 0.24), (255, 214, 60))


def _library(draw: ImageDraw.ImageDraw, side: int) -> None:
    draw.rectangle((0, 0, side, side), (88, 58, 36))
    books = ((178, 40, 46), (40, 90, 150), (220, 180, 70), (54, 120, 76), (230, 226, 210))
    for shelf in range(4):
        for place in range(8):
            x, y = place * side / 8, shelf * side / 4
            colour = books[(3 * shelf + 2 * place) % len(books)]
            draw.rectangle((x + side * 0.01, y + side * 0.05, x + side * 0.1, y + side / 4), colour)


def _meadow(draw: ImageDraw.ImageDraw, side: int) -> None:
    draw.rectangle((0, 0, side, side), (196, 226, 250))
    draw.polygon([(0, side * 0.6), (side * 0.3, side * 0.2), (side * 0.6, side * 0.6)], (120,) * 3)
    draw.rectangle((0, side * 0.55, side, side), (86, 160, 60))


_SCENES = (_seaside, _library, _meadow)


def _paste(picture: Image.Image, layer: Image.Image, scale: float, shift: float, tilt=0.0):
    """Put a layer on a picture: turned about its middle, scaled, and on the lower edge."""
    side = picture.width
    turned = layer.rotate(tilt, Image.Resampling.BICUBIC) if tilt else layer
    size = round(scale * side)
    scaled = turned if size == side else turned.resize((size, size), Image.Resampling.BOX)
    x = round((side - size) / 2 + shift * side)
    picture.paste(scaled, (x, side - size), scaled)


def _on_paper(pixels: np.ndarray) -> np.ndarray:
    """Weak colours on paper, and ink where neighbouring pixels differ much."""
    grey = pixels.astype(np.float64).mean(axis=2)
    edges = np.zeros_like(grey)
    edges[1:] = np.abs(np.diff(grey, axis=0))
    edges[:, 1:] = np.maximum(edges[:, 1:], np.abs(np.diff(grey, axis=1)))
    ink = np.clip(edges / 90, 0, 1)[..., None]
    paper = np.array([246.0, 238.0, 220.0])
    faint = 0.5 * pixels + 0.5 * paper
    return np.rint(faint * (1 - ink) + 40 * ink).astype(np.uint8)
