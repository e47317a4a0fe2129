"""All that is looked at, in its order; each on its own, so that one fault is one finding."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from zenvia_webhooks.diagnosis import (
    broker,
    callback,
    database,
    deliveries,
    events,
    keys,
    recovery,
    settings,
    subscriptions,
    workers,
    zenvia,
)
from zenvia_webhooks.diagnosis.findings import Area, Finding, Severity, Verdict, broken, skipped
from zenvia_webhooks.diagnosis.recent import Recent, read_recent
from zenvia_webhooks.exceptions import ZenviaConfigurationError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One look at one area."""

    area: Area
    look: Callable[..., Iterable[Finding]]
    #: What must be in order for it to say anything true: else it is skipped.
    needs: tuple[Area, ...] = ()
    #: Whether it is handed what reads recent events, which is read once for all.
    reads_recent: bool = False


#: A cause comes before what it brings about: people read from the top.
CHECKS = (
    Check(area=Area.SETTINGS, look=settings.check_settings),
    Check(area=Area.DATABASE, look=database.check_database),
    Check(area=Area.BROKER, look=broker.check_broker),
    Check(area=Area.WORKER, look=workers.check_worker, needs=(Area.DATABASE, Area.BROKER)),
    Check(area=Area.BEAT, look=workers.check_beat, needs=(Area.WORKER,)),
    Check(area=Area.RECEIVERS, look=workers.check_receivers, needs=(Area.WORKER,)),
    Check(area=Area.KEY, look=keys.check_keys),
    Check(area=Area.CALLBACK, look=settings.check_callback_settings),
    Check(area=Area.CALLBACK, look=callback.check_callback, needs=(Area.CALLBACK,)),
    Check(area=Area.COPY, look=subscriptions.check_copy, needs=(Area.DATABASE,)),
    Check(area=Area.SUBSCRIPTIONS, look=subscriptions.check_subscriptions, needs=(Area.DATABASE,), reads_recent=True),
    Check(area=Area.ZENVIA, look=zenvia.check_zenvia, needs=(Area.DATABASE, Area.KEY)),
    Check(area=Area.DELIVERIES, look=deliveries.check_deliveries, needs=(Area.DATABASE,)),
    Check(area=Area.EVENTS, look=events.check_due, needs=(Area.DATABASE, Area.WORKER, Area.BEAT, Area.COPY)),
    Check(area=Area.EVENTS, look=events.check_outcomes, needs=(Area.DATABASE,), reads_recent=True),
    Check(area=Area.EVENTS, look=events.check_unhandled, needs=(Area.DATABASE, Area.RECEIVERS), reads_recent=True),
    Check(area=Area.RECOVERY, look=recovery.check_recovery, needs=(Area.DATABASE,)),
)


#: The areas of which all that is looked at stands in our tables.
READ = {Area.RECEIVERS, Area.COPY, Area.SUBSCRIPTIONS, Area.EVENTS, Area.DELIVERIES, Area.RECOVERY}
#: What a page can look at each time it is opened: our tables alone.
READINGS = (
    Check(area=Area.SETTINGS, look=settings.check_settings),
    Check(area=Area.WORKER, look=workers.read_worker),
    Check(area=Area.BEAT, look=workers.check_beat, needs=(Area.WORKER,)),
    *(replace(check, needs=tuple(set(check.needs) - {Area.DATABASE})) for check in CHECKS if check.area in READ),
)


def diagnose(areas: Iterable[Area] = tuple(Area)) -> Iterator[Finding]:
    """Yield what is found in these areas, as it is found. Changes nothing, and raises nothing.

    What an area needs is looked at, too, though not yielded. KEY and ZENVIA call Zenvia, CALLBACK this site itself, and
    BROKER sends a hint; WORKER waits some seconds for it if the last heartbeat is old. The others read the database.
    """
    yield from _look(CHECKS, areas, read_recent)


def verdict(areas: Iterable[Area] = tuple(Area), read: Callable[[], Recent] = read_recent) -> Verdict:
    """Return what our tables alone say, worst first: cheap enough for a page, a health check and a task of beat's.

    Whoever has read the recent events anyway hands them in by `read`.

    A bounded number of queries, none of which reads a table; no call leaves this process. Changes nothing, and raises
    nothing.
    """
    problems = [finding for finding in _look(READINGS, areas, read) if finding.is_problem]
    return Verdict(problems=tuple(sorted(problems, key=lambda finding: finding.severity != Severity.BROKEN)))


def readings(areas: Iterable[Area] = tuple(Area)) -> Iterator[Finding]:
    """Yield what our tables alone say of these areas, as `verdict` does, and also of what is in order."""
    yield from _look(READINGS, areas, read_recent)


def _look(checks: Sequence[Check], areas: Iterable[Area], read: Callable[[], Recent]) -> Iterator[Finding]:
    wanted, read_once = set(areas), functools.cache(read)
    needed = _with_needs(checks, wanted)
    unusable: set[Area] = set()
    for check in checks:
        if check.area in needed:
            for finding in _run(check, unusable, read_once):
                if finding.severity in (Severity.BROKEN, Severity.SKIPPED):
                    unusable.add(check.area)
                if check.area in wanted:
                    yield finding


def _with_needs(checks: Sequence[Check], areas: set[Area]) -> set[Area]:
    more = areas.union(*(check.needs for check in checks if check.area in areas))
    return areas if more == areas else _with_needs(checks, more)


def _run(check: Check, unusable: set[Area], read: Callable[[], Recent]) -> Iterator[Finding]:
    if missing := [area for area in check.needs if area in unusable]:
        # Where its own area is at fault, that has been said.
        if check.area not in missing:
            yield skipped(
                check.area,
                _("Not looked at: it needs %(areas)s.") % {"areas": ", ".join(str(area.label) for area in missing)},
            )
        return
    try:
        yield from check.look(read) if check.reads_recent else check.look()
    except ZenviaConfigurationError as error:
        yield skipped(check.area, _("Not looked at: %(error)s") % {"error": error})
    except Exception as error:
        logger.exception("looking at %s failed", check.area)
        yield broken(
            check.area,
            "check-failed",
            _("It could not be looked at: %(error)s.") % {"error": type(error).__name__},
            _("The log has the whole error."),
        )
