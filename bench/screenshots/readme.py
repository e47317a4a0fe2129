"""The pictures in the READMEs, each in the language of its README."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from bench.screenshots.browsing import Tab
from bench.screenshots.pages import Page
from tests.support.paths import ROOT

WIDTH = 1200
#: Page → the picture's name, and how much of the page is shown, in pixels from its top.
IMAGES = {"dashboard": ("dashboard", 1060), "event-failing": ("event", 1120)}
COLOURS = 64


def write(one: Tab, page: Page, language: str) -> None:
    """Picture the page's top into docs/images, with few colours: a README is opened over slow lines, too."""
    name, height = IMAGES[page.name]
    one.page.set_viewport_size({"width": WIDTH, "height": height})
    picture = Image.open(BytesIO(one.page.screenshot())).convert("RGB")
    suffix = "" if language == "en" else f".{language}"
    target = ROOT / "docs" / "images" / f"{name}{suffix}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
