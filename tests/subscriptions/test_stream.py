"""A registration that changes under a steady stream of events: none is refused, none is doubled."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils.timezone import now
from pytest_django.live_server_helper import LiveServer

from tests.support.host import wait_for
from zenvia_webhooks import subscriptions
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.sandbox.samples import sample_payload
from zenvia_webhooks.sandbox.sender import encode, post_event
from zenvia_webhooks.webhook import tokens

SENDERS = 3
#: Events before, and events after the change.
ENOUGH = 15

pytestmark = pytest.mark.django_db(transaction=True)


class Stream:
    """Events by the number, each posted to everything that is registered for its topic at its moment."""

    def __init__(self, sandbox: Sandbox, contract: str, topics: list[str]) -> None:
        self.sandbox, self.contract = sandbox, contract
        self.numbers, self.topics = itertools.count(), itertools.cycle(topics)
        #: What was answered to each event, in the order of arrival.
        self.answers: list[list[tuple[int, str]]] = []
        self.went_nowhere: list[str] = []
        self.errors: list[BaseException] = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send_until_over) for _ in range(SENDERS)]

    def _send_until_over(self) -> None:
        try:
            while not self._over.is_set():
                self._send()
        except BaseException as error:  # noqa: BLE001 (the test looks at them)
            self.errors.append(error)

    def _send(self) -> None:
        with self._lock:
            number, topic = next(self.numbers), next(self.topics)
        payload = sample_payload(topic, self.contract, id=f"{topic}-{number}")
        wire = get_contract(self.contract).wire_topic(topic, {})
        to = [one for one in self.sandbox.subscriptions if wire in one.topics]
        answers = []
        for one in to:
            about = {"subscriptionId": one.id} if self.contract == "conversion" else {}
            answer = post_event(one.callback_url, encode({**payload, **about}), user_agent="zenvia")
            answers.append((answer.status, answer.json().get("status", answer.body)))
        with self._lock:
            self.answers.append(answers)
            if not to:
                self.went_nowhere.append(topic)

    def wait_for_more(self) -> None:
        since = len(self.answers)
        wait_for(lambda: self.errors or len(self.answers) >= since + ENOUGH, lambda: str(self.errors))

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(params=["help_center", "conversion"])
def contract(request: pytest.FixtureRequest, account: dict[str, Any]) -> Iterator[str]:
    account["CONTRACT"] = request.param
    yield request.param
    connections.close_all()


@pytest.fixture
def registered(contract: str, sandbox: Sandbox, live_server: LiveServer, settings: Any) -> Subscription:
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = live_server.url
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    assert made.status == "active"
    return made


def change_within(stream: Stream, change: Callable[[], None]) -> None:
    with stream:
        stream.wait_for_more()
        change()
        stream.wait_for_more()
    assert stream.errors == []
    answers = [answer for answers in stream.answers for answer in answers]
    assert {status for status, _text in answers} == {200}
    # Whichever way an event came, and however often, it is one.
    for each in filter(None, stream.answers):
        assert sorted(text for _status, text in each) == ["accepted", *["duplicate"] * (len(each) - 1)]
    assert Event.objects.count() == len(list(filter(None, stream.answers)))


def test_rotation_refuses_and_doubles_nothing_and_then_the_old_token_dies(
    contract: str, registered: Subscription, sandbox: Sandbox
) -> None:
    old_url = registered.registered_url
    stream = Stream(sandbox, contract, ["lead.created"])

    change_within(stream, lambda: subscriptions.rotate(registered, overlap=timedelta(hours=1)))

    assert stream.went_nowhere == []
    assert registered.status == "active"
    [there] = sandbox.subscriptions
    assert there.callback_url == registered.registered_url != old_url
    late = encode(sample_payload("lead.created", contract))
    assert post_event(old_url, late, user_agent="zenvia").status == 200
    Subscription.objects.update(previous_token_expires_at=now() - timedelta(seconds=1))
    tokens.forget()  # as after five seconds
    late = encode(sample_payload("lead.created", contract))
    assert post_event(old_url, late, user_agent="zenvia").status == 404
    assert post_event(there.callback_url, late, user_agent="zenvia").status == 200


def test_a_change_of_topics_refuses_and_doubles_nothing(
    contract: str, registered: Subscription, sandbox: Sandbox
) -> None:
    stream = Stream(sandbox, contract, ["lead.created", "quote.updated"])
    topics = ["quote.updated"] if contract == "help_center" else ["lead.created", "quote.updated"]

    change_within(stream, lambda: subscriptions.change_topics(registered, topics))

    assert registered.status == "active"
    assert len(sandbox.subscriptions) == 1
    assert set(Event.objects.values_list("topic", flat=True)) == {"lead.created", "quote.updated"}
    if contract == "conversion":
        assert set(stream.went_nowhere) <= {"quote.updated"}
