"""The package's texts in other languages: from the code into the catalogues, and compiled.

    python .ci/catalogues.py            say what is stale or missing; fails if anything is (part of `dev.py check`)
    python .ci/catalogues.py --write    bring new texts into each django.po, and compile each django.mo

It works with Babel, so nobody needs GNU gettext. The compiled catalogues are in git: so an installation from git, the
sdist and the wheel have them, and building needs neither Babel nor gettext.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "zenvia_webhooks"
#: Language → its rule for plurals.
LANGUAGES = {"es": "nplurals=2; plural=(n != 1);", "pt_BR": "nplurals=2; plural=(n > 1);"}
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}
HEADER = "# The texts of django-zenvia-webhooks. The words to use are in docs/translating.md.\n#"
PLACEHOLDER = re.compile(r"%\((\w+)\)[\d.]*[a-z]|(?<!\{)\{(\w+)(?:![a-z])?(?::[^}]*)?\}(?!\})")
#: One without a name: a translator can't tell what it stands for, nor change the order.
UNNAMED = re.compile(r"(?<!%)%[sdrf]|(?<!\{)\{\}")
#: A call in an f-string, which Python's tokenizer shows from 3.12 on.
HIDDEN = re.compile(r"""\{(_|n?gettext(_lazy)?)\(["']""")


class OwnCatalog(Catalog):
    """A catalogue whose header says nothing but what is needed to read it: a date would make it differ each time."""

    def __init__(self, language: str = "en") -> None:
        super().__init__(locale=language, header_comment=HEADER, fuzzy=False)
        self.header = [("Language", language), ("Content-Type", "text/plain; charset=utf-8")]
        if language in LANGUAGES:
            self.header.append(("Plural-Forms", LANGUAGES[language]))
        self._set_mime_headers(self.header)

    def _own_headers(self) -> list[tuple[str, str]]:
        return self.header

    mime_headers = property(_own_headers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    texts = marked()
    problems = [f"{where}: {text!r} has a placeholder without a name" for where, text in _unnamed(texts)]
    problems += [f"{name}: a text inside an f-string is not found" for name in _in_f_strings()]
    for language in LANGUAGES:
        folder = PACKAGE / "locale" / language / "LC_MESSAGES"
        po, mo = folder / "django.po", folder / "django.mo"
        catalog = merged(texts, po, language)
        text, compiled = _as_po(catalog), _as_mo(catalog)
        if arguments.write:
            folder.mkdir(parents=True, exist_ok=True)
            po.write_bytes(text)
            mo.write_bytes(compiled)
        name = po.relative_to(ROOT)
        problems += [f"{name}: {problem}" for message in catalog if message.id for problem in faults(message)]
        if not po.exists() or po.read_bytes() != text:
            problems.append(f"{name} is stale. Run: python3 dev.py messages")
        if not mo.exists() or mo.read_bytes() != compiled:
            problems.append(f"{name.with_suffix('.mo')} is stale. Run: python3 dev.py messages")
    print("\n".join(problems) or f"{len(texts)} texts are translated into {', '.join(LANGUAGES)}.")
    return 1 if problems else 0


def marked() -> Catalog:
    """Return every text of the package that is marked for translation, with the files that hold it."""
    catalog = OwnCatalog()
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix == ".py":
            source = path.read_bytes()
        elif path.suffix == ".html":
            # What Django itself hands to xgettext: tags as calls, and all else as X.
            calls = templatize(path.read_text(encoding="utf-8"), origin=str(path))
            source = "\n".join(map(str.strip, calls.splitlines())).encode()
        else:
            continue
        name = path.relative_to(ROOT).as_posix()
        # Without the lines, which change with all that is above.
        where = cast("list[tuple[str, int]]", [(name, None)])
        for _line, text, comments, context in extract("python", io.BytesIO(source), KEYWORDS, ["Translators:"]):
            catalog.add(text, context=context, locations=where, auto_comments=comments)
    return catalog


def merged(texts: Catalog, po: Path, language: str) -> Catalog:
    """Return the texts with the translations that a catalogue has for them; what nobody says any more is left out."""
    known = Catalog()
    if po.exists():
        with po.open("rb") as file:
            known = read_po(file, locale=language)
    catalog = OwnCatalog(language)
    for text in sorted((text for text in texts if text.id), key=lambda text: (text.locations[0][0], str(text.id))):
        found = known.get(text.id, text.context)
        catalog.add(
            text.id,
            string=_string(found, catalog.num_plurals if text.pluralizable else 0),
            context=text.context,
            locations=text.locations,
            flags={"fuzzy"} if found and found.fuzzy else (),
            auto_comments=text.auto_comments,
            user_comments=found.user_comments if found else (),
        )
    return catalog


def faults(message: Message) -> Iterator[str]:
    """Yield what is wrong with a translation."""
    ids, strings = _forms(message.id), _forms(message.string)
    if not all(strings) or len(strings) < len(ids):
        yield f"{ids[0]!r} is not translated"
    elif message.fuzzy:
        yield f"{ids[0]!r} is fuzzy"
    else:
        # A singular may do without the number.
        wanted = _placeholders(ids[-1])
        least = set.intersection(*map(_placeholders, ids))
        for string in strings:
            if not least <= _placeholders(string) <= wanted:
                yield f"{ids[0]!r} has other placeholders than {string!r}"


def _string(found: Message | None, plurals: int) -> str | tuple[str, ...]:
    forms = _forms(found.string) if found else ()
    if not plurals:
        return forms[0] if forms else ""
    return tuple([*forms, *[""] * plurals][:plurals])


def _forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def _placeholders(text: str) -> set[str]:
    return {first or second for first, second in PLACEHOLDER.findall(text)}


def _unnamed(texts: Catalog) -> Iterator[tuple[str, str]]:
    for message in texts:
        for text in _forms(message.id):
            if UNNAMED.search(text):
                yield str(message.locations[0][0]), text


def _in_f_strings() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if HIDDEN.search(path.read_text(encoding="utf-8")):
            yield path.relative_to(ROOT).as_posix()


def _as_po(catalog: Catalog) -> bytes:
    file = io.BytesIO()
    write_po(file, catalog, width=120, include_lineno=False)
    return file.getvalue()


def _as_mo(catalog: Catalog) -> bytes:
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
