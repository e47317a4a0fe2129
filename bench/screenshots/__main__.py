"""Picture every page of ours: `python3 dev.py screenshots`.

Starts a site of its own, filled with made-up people and with a receiver that is out of order, and opens each page in
English, Portuguese and Spanish, light and dark, 1280 and 390 pixels wide. Exits 1 after naming each page that had an
error in the console, was answered with 400 or more, or is wider than the window.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, sync_playwright

from bench.screenshots.browsing import Tab, tab
from bench.screenshots.pages import PAGES, Page
from bench.screenshots.readme import IMAGES, write
from bench.screenshots.site import running
from tests.support.browser import FLAGS, chromium
from tests.support.paths import ROOT

LANGUAGES = {"en": "en-us", "pt-BR": "pt-br", "es": "es"}
THEMES = ("light", "dark")
WIDTHS = (1280, 390)
HEIGHT = 900


def main() -> int:
    names = [page.name for page in PAGES]
    parser = argparse.ArgumentParser(prog="dev.py screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "screenshots", help="the folder for the pictures")
    parser.add_argument("--only", nargs="+", choices=names, metavar="PAGE", help=", ".join(names))
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=list(THEMES))
    parser.add_argument("--widths", nargs="+", type=int, default=list(WIDTHS), metavar="PIXELS")
    parser.add_argument("--readme", action="store_true", help="picture what the READMEs show into docs/images, no more")
    arguments = parser.parse_args()
    path = chromium()
    if path is None:
        parser.error("no Chromium is installed: such as apt install chromium")
    faults: list[str] = []
    with sync_playwright() as started, tempfile.TemporaryDirectory() as folder:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        for language in arguments.languages:
            place = Path(folder) / language
            place.mkdir()
            with running(place, LANGUAGES[language]) as site, tab(browser, site, language) as one:
                wanted = arguments.only or (IMAGES if arguments.readme else names)
                for page in opened(one, [page for page in PAGES if page.name in wanted], faults, language):
                    if arguments.readme:
                        write(one, page, language)
                    else:
                        faults += picture(one, page, language, arguments)
        browser.close()
    for fault in faults:
        print(fault, file=sys.stderr)  # noqa: T201  # to whoever asked for the pictures
    return 1 if faults else 0


def opened(one: Tab, pages: Iterable[Page], faults: list[str], language: str) -> Iterator[Page]:
    """Yield each page when the tab is at it; note what was wrong with it."""
    for page in pages:
        try:
            one.open(page)
            yield page
        except Error as error:
            one.faults.append(str(error).partition("\n")[0])
        faults += [f"{page.name} in {language}: {fault}" for fault in one.faults]
        one.faults.clear()


def picture(one: Tab, page: Page, language: str, arguments: Any) -> Iterator[str]:
    """Picture the page in each theme and width; yield where it is wider than the window."""
    for width in arguments.widths:
        one.page.set_viewport_size({"width": width, "height": HEIGHT})
        for theme in arguments.themes:
            one.page.emulate_media(color_scheme=theme)
            folder = arguments.out / language / f"{theme}-{width}"
            folder.mkdir(parents=True, exist_ok=True)
            one.page.screenshot(path=folder / f"{page.name}.png", full_page=True)
        yield from (f"{page.name} in {language}: {fault} at {width} px" for fault in one.too_wide())


if __name__ == "__main__":
    sys.exit(main())
