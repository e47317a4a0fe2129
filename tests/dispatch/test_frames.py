"""Where a receiver broke, as its delivery keeps it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.dispatch.frames import LAST, MAX_LENGTH, OWN, frames_of, place_of, without_code
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db

HERE = "tests/dispatch/test_frames.py"
NUMBER = "+5511999999999"


def price_of(product: str | None) -> int:
    return {"car": 1}[product or ""]


def quotes(sender: Any, event: Event, **kwargs: Any) -> None:
    try:
        price_of(event.lead.phone if event.lead else None)
    except KeyError as error:
        raise ValueError(f"no price for {error}") from error


def asks_a_library(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.get(name=NUMBER)


def makes_a_user_twice(sender: Any, event: Event, **kwargs: Any) -> None:
    for _turn in range(2):
        User.objects.create(username=NUMBER)


def reads_json(sender: Any, event: Event, **kwargs: Any) -> None:
    json.loads("{")


async def waits(sender: Any, event: Event, **kwargs: Any) -> None:
    await asyncio.sleep(0)
    price_of(NUMBER)


def leaves(sender: Any, event: Event, **kwargs: Any) -> None:
    sys.exit("enough")


def hangs(sender: Any, event: Event, **kwargs: Any) -> None:
    raise SoftTimeLimitExceeded


def deeper(depth: int) -> int:
    return deeper(depth - 1) if depth else price_of("boat")


def line_of(function: Callable[..., Any], text: str) -> int:
    """Return the number of the line of a function that holds a text."""
    code = function.__code__
    lines = Path(code.co_filename).read_text(encoding="utf-8").splitlines()
    return next(number for number in range(code.co_firstlineno, len(lines)) if text in lines[number - 1])


def frame(function: Callable[..., Any], text: str) -> str:
    return f'File "{HERE}", line {line_of(function, text)}, in {function.__name__}\n    {text}'


def raised(function: Callable[[], Any]) -> Exception:
    try:
        function()
    except Exception as error:  # noqa: BLE001  # whatever it is
        return error
    raise AssertionError("it raised nothing")


def dispatched(receiver: Any) -> str:
    lead_created.connect(receiver)
    event = arrived(phone=NUMBER)
    dispatch_due()
    lead_created.disconnect(receiver)
    delivery: Delivery = event.deliveries.get()
    assert delivery.error
    return str(delivery.traceback)


def test_the_receivers_own_frames_are_kept_and_those_of_what_caused_it() -> None:
    raising = 'raise ValueError(f"no price for {error}") from error'
    causing = "price_of(event.lead.phone if event.lead else None)"
    kept = dispatched(quotes)
    assert kept.splitlines() == [
        *frame(quotes, raising).splitlines(),
        "Caused by KeyError",
        *frame(quotes, causing).splitlines(),
        *frame(price_of, 'return {"car": 1}[product or ""]').splitlines(),
    ]
    assert place_of(kept) == f"{HERE}:{line_of(quotes, raising)}"
    assert NUMBER not in kept


def test_a_librarys_frames_come_after_without_their_code() -> None:
    kept = dispatched(asks_a_library)
    own = frame(asks_a_library, "Customer.objects.get(name=NUMBER)")
    assert kept.startswith(own + "\n")
    assert kept.splitlines()[-1].startswith('File "django/db/models/query.py", line ')
    assert kept.count("\n    ") == 1
    assert place_of(kept) == f"{HERE}:{line_of(asks_a_library, 'Customer.objects')}"
    assert 'File "json/decoder.py", line ' in dispatched(reads_json)
    # What the database's driver raised beneath Django's error arose in no line of the site's.
    assert "Caused by" not in dispatched(makes_a_user_twice)


def test_an_asynchronous_receiver_and_one_that_leaves() -> None:
    assert dispatched(waits).startswith(frame(waits, "price_of(NUMBER)") + "\n")
    assert dispatched(leaves) == "Caused by SystemExit\n" + frame(leaves, 'sys.exit("enough")')


def test_one_that_was_interrupted_says_where_it_was() -> None:
    assert dispatched(hangs) == frame(hangs, "raise SoftTimeLimitExceeded")
    assert "still running" in Delivery.objects.get().error


def test_what_no_receiver_raised_has_none() -> None:
    event = arrived()
    Event.objects.update(status=Event.Status.RETRYING)
    event.deliveries.create(receiver="renamed", status="retrying", attempts=0, next_attempt_at=event.received_at)
    dispatch_due()
    assert event.deliveries.get(receiver="renamed").error.endswith("is not connected in this worker")
    assert event.deliveries.get(receiver="renamed").traceback == ""


def test_they_go_with_the_error_when_it_succeeds_or_is_reopened() -> None:
    lead_created.connect(receivers.flaky)
    receivers.failures_left = 2
    event = arrived()
    dispatch_due()
    assert place_of(event.deliveries.get().traceback).startswith("tests/support/receivers.py:")
    assert event.replay() == ["tests.support.receivers.flaky"]
    assert (event.deliveries.get().error, event.deliveries.get().traceback) == ("", "")
    dispatch_due()
    assert event.deliveries.get().traceback
    let_time_pass()
    dispatch_due()
    assert (event.deliveries.get().status, event.deliveries.get().traceback) == ("succeeded", "")


def test_they_are_few_and_short_whatever_is_raised() -> None:
    kept = frames_of(raised(lambda: deeper(200)), __name__)
    places = [line for line in kept.splitlines() if line.startswith("File ")]
    assert (len(places), kept.splitlines()[0]) == (OWN, "…")
    assert kept.endswith(frame(price_of, 'return {"car": 1}[product or ""]'))

    def through_a_library(depth: int) -> Any:
        return json.loads("1", parse_int=lambda _text: through_a_library(depth - 1)) if depth else price_of("boat")

    kept = frames_of(raised(lambda: through_a_library(20)), __name__)
    assert OWN <= kept.count("File ") <= OWN + LAST
    long = type("a" * 9 * MAX_LENGTH, (Exception,), {})()
    long.__cause__ = raised(lambda: price_of("boat"))
    assert frames_of(ValueError("no frames"), __name__) == ""
    outer = ValueError()
    outer.__cause__ = long.with_traceback(long.__cause__.__traceback__)
    assert len(frames_of(outer, __name__)) <= MAX_LENGTH


def test_of_several_errors_at_once_the_first_and_of_a_circle_each_once() -> None:
    group = ExceptionGroup("both", [raised(lambda: price_of("boat")), ValueError()])
    assert frames_of(group, __name__).startswith("Caused by KeyError\n")
    first, second = raised(lambda: price_of("boat")), raised(lambda: price_of("plane"))
    first.__cause__, second.__cause__ = second, first
    assert frames_of(first, __name__).count("Caused by") == 1


@pytest.mark.parametrize("name", ["shop/receivers.py", "shop/__init__.py", "shop/lib/site-packages/other.py"])
def test_a_file_is_named_as_it_is_imported(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    token = "a1" * 32
    file.write_text(f'def save(lead):\n    return lead["{token}"]  # João\n', encoding="utf-8")
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    spec = importlib.util.spec_from_file_location(module, file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    kept = frames_of(raised(lambda: loaded.save({})), "shop.receivers")
    assert f'File "{name}", line 2, in save\n    return lead["a1a1a1…"]' in kept
    assert str(tmp_path) not in kept


def test_source_that_cannot_be_read_keeps_no_failure_from_being_written() -> None:
    class Loader:
        def get_source(self, name: str) -> str:
            raise RuntimeError("the archive is gone")

    scope: dict[str, Any] = {"__name__": "shop.hidden", "__loader__": Loader()}
    exec(compile("def save():\n    1 / 0\n", "/srv/gone/shop/hidden.py", "exec"), scope)
    kept = frames_of(raised(scope["save"]), "shop.hidden")
    assert kept.splitlines()[-1] == 'File "shop/hidden.py", line 2, in save'
    exec(compile("def save():\n    1 / 0\n", "/srv/caf\udce9.py", "exec"), scope)
    kept = frames_of(raised(scope["save"]), "shop.hidden")
    assert kept.splitlines()[-1] == 'File "caf\ufffd.py", line 2, in save'


def test_without_code_only_the_places_are_left() -> None:
    kept = frames_of(raised(lambda: price_of("boat")), __name__)
    assert '{"car": 1}' in kept
    shown = without_code(kept)
    assert '{"car": 1}' not in shown
    assert shown.splitlines()[-1] == frame(price_of, "return").splitlines()[0]
    assert (place_of(""), place_of('File "django/core/cache.py", line 3, in get')) == ("", "django/core/cache.py:3")
