"""What a host's code raises and is no `Exception`: it must end neither a worker nor what others are told."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import traceback
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from celery.exceptions import WorkerShutdown, WorkerTerminate


class ReceiverExitedError(Exception):
    """The receiver raised what is no `Exception`, which would end a process that others run in, too."""


class ReceiverCancelledError(ReceiverExitedError):
    """The receiver let a cancellation out that was not meant for it."""


@contextlib.contextmanager
def only_exceptions() -> Iterator[None]:
    """Raise ReceiverExitedError in place of what a host's code raises and is no `Exception`.

    Ctrl-C passes, and so does what Celery and its pools end a worker with.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt, WorkerShutdown, WorkerTerminate):
        raise
    except BaseException as error:
        # A process of a pool turns a signal into an exit with a negative code.
        if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code < 0:
            raise
        if isinstance(error, SystemExit):
            raise ReceiverExitedError(f"it called sys.exit({error.code!r})") from error
        if isinstance(error, asyncio.CancelledError):
            raise ReceiverCancelledError("something that it awaited was cancelled") from error
        text = "".join(traceback.format_exception_only(error)).strip()
        raise ReceiverExitedError(f"it raised {text}") from error


def guarded(receiver: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls a receiver, and raises nothing of its that is no `Exception`."""

    @functools.wraps(receiver)
    def call(**arguments: Any) -> Any:
        with only_exceptions():
            return receiver(**arguments)

    return call


def guarded_async(receiver: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Return what `guarded` does, for an asynchronous receiver."""

    @functools.wraps(receiver)
    async def call(**arguments: Any) -> Any:
        with only_exceptions():
            return await receiver(**arguments)

    return call
