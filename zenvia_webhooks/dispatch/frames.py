"""Where a receiver broke: the last frames of what it raised, as text, without values and without the error's words.

A frame is a line as Python writes it, its file as its module is imported (`shop/receivers.py`), so that nothing tells
how a machine is laid out. Below a frame of the site's own code stands the line of its source; a library's has none.
"""

from __future__ import annotations

import linecache
import logging
import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import PurePath
from types import FrameType

from zenvia_webhooks import safe_json
from zenvia_webhooks.redaction import redact_tokens

logger = logging.getLogger(__name__)

#: What is kept of the site's own frames, of all of them, and of errors that the last one came from.
OWN, LAST, ERRORS = 6, 4, 3
#: Characters of a line of source, and of all.
MAX_LINE, MAX_LENGTH = 160, 4000
#: What calls receivers: nothing up to there tells where one broke.
CALLERS = ("zenvia_webhooks.dispatch.", "zenvia_webhooks.signals.")

_STDLIB = sysconfig.get_path("stdlib")
_CODE = " " * 4
_CAUSE = "Caused by "
_FRAME = re.compile(rf'^File "(.+)", line (\d+), in .+(\n{_CODE})?', re.MULTILINE)

Frame = tuple[FrameType, int]


def frames_of(error: BaseException, module: str) -> str:
    """Return the last frames of an error that a receiver of this module raised; below, where one that caused it arose.

    Empty if none is the receiver's or of what it called. Raises nothing: the failure must be written.
    """
    lines = _lines(error, module.partition(".")[0])
    text: str = safe_json.make_safe(redact_tokens("\n".join(lines)))
    return text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH].rpartition("\n")[0]


def without_code(text: str) -> str:
    """Return frames without the lines of source, which may hold a name, a number or a key that somebody wrote there."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(_CODE))


def place_of(text: str) -> str:
    """Return where an error was raised: the last frame of the site's own code, as `shop/receivers.py:12`.

    Of a library alone, the first frame; empty where there is none.
    """
    frames: list[tuple[str, str, str]] = _FRAME.findall(text.partition(_CAUSE)[0] or text)
    file, line, _code = next((frame for frame in reversed(frames) if frame[2]), frames[0] if frames else ("", "", ""))
    return f"{file}:{line}" if file else ""


def _lines(error: BaseException, home: str) -> Iterator[str]:
    for number, one in enumerate(_chain(error)):
        frames = _frames_after_ours(one)
        own = [index for index, (frame, _line) in enumerate(frames) if _is_own(frame, home)]
        if number and not own:
            continue  # where a library's error arose within it
        if number:
            yield _CAUSE + type(one).__name__
        kept = sorted({*own[-OWN:], *range(max(len(frames) - LAST, 0), len(frames))})
        for before, index in zip([-1, *kept], kept, strict=False):
            if index > before + 1:
                yield "…"
            yield from _described(*frames[index], has_code=index in own)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, then what it came from, as a traceback shows it; of several at once, the first."""
    found: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in found and len(found) < ERRORS:
        yield one
        found.add(id(one))
        came_from = one.__cause__ if one.__cause__ is not None or one.__suppress_context__ else one.__context__
        if came_from is None and isinstance(one, BaseExceptionGroup):
            came_from = one.exceptions[0]
        one = came_from


def _frames_after_ours(error: BaseException) -> list[Frame]:
    frames = list(traceback.walk_tb(error.__traceback__))
    ours = [number for number, (frame, _line) in enumerate(frames, 1) if f"{_module(frame)}.".startswith(CALLERS)]
    return frames[ours[-1] if ours else 0 :]


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def _is_own(frame: FrameType, home: str) -> bool:
    name, file = _module(frame).partition(".")[0], frame.f_code.co_filename
    if name == home:
        return True  # wherever it is installed
    is_library = file.startswith((_STDLIB, "<")) or {"site-packages", "dist-packages"} & {*PurePath(file).parts}
    return not is_library and name != "zenvia_webhooks"


def _described(frame: FrameType, line: int, *, has_code: bool) -> Iterator[str]:
    file = frame.f_code.co_filename
    yield f'File "{_path(file, _module(frame))}", line {line}, in {frame.f_code.co_name}'
    if has_code and (code := _code_of(frame, line)):
        yield _CODE + code[:MAX_LINE]


def _code_of(frame: FrameType, line: int) -> str:
    file = frame.f_code.co_filename
    try:
        linecache.checkcache(file)
        return linecache.getline(file, line, frame.f_globals).strip()
    except Exception:
        # It may be a loader of the host's own that is asked.
        logger.exception("the source of %s can't be read", _module(frame))
        return ""


def _path(file: str, module: str) -> str:
    """Return the end of a file's path that is its module's name; its name alone if that is another."""
    path, names = PurePath(file), module.split(".")
    parts = [*path.parts[:-1], path.stem]
    if parts[-len(names) :] == names:
        return "/".join([*names[:-1], path.name])
    if parts[-len(names) - 1 : -1] == names:  # __init__.py
        return "/".join([*names, path.name])
    return path.name
