"""Brokers of the harness's own, and the ways in which they break."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from bench.faults.databases import NotHereError, find
from bench.faults.processes import Processes
from tests.support.host import environment, free_port

#: Celery's own name for it: the example project gives it none.
QUEUE = "celery"


class Broker(ABC):
    """A message broker in a folder."""

    name: str

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.processes = Processes(folder)

    @property
    @abstractmethod
    def url(self) -> str: ...

    def start(self) -> None:  # noqa: B027  # files need none
        """Start it and wait until it answers."""

    def stop(self) -> None:
        self.processes.stop()

    @abstractmethod
    def messages(self) -> int:
        """Return how many wait for a worker."""

    @abstractmethod
    def wipe(self) -> None:
        """Throw every message away."""


class Files(Broker):
    """The example project's filesystem broker: there is no server, the site's own folder holds the messages."""

    name = "filesystem"

    @property
    def url(self) -> str:
        return ""

    def messages(self) -> int:
        return len(self._files())

    def wipe(self) -> None:
        for message in self._files():
            message.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return list(self.folder.parent.glob("site*/broker/messages/*.msg"))


class NetworkBroker(Broker):
    port: int

    def kill(self) -> None:
        """Kill it, and every message with it: connections are refused."""
        self.processes.kill("broker")

    def pause(self) -> None:
        self.processes.pause("broker")

    def resume(self) -> None:
        self.processes.resume("broker")

    @contextlib.contextmanager
    def silent_stand_in(self) -> Iterator[None]:
        """Have something else listen in its place that takes connections and never says a word."""
        with socket.create_server(("127.0.0.1", self.port), backlog=200):
            yield


class Redis(NetworkBroker):
    name = "Redis"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.program, self.client = find("redis-server"), find("redis-cli")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.processes.start("broker", [self.program, *options], env=environment(), cwd=self.folder)
        self.processes.wait(lambda: self._ask("ping") == "PONG", "Redis answers", 30)

    def messages(self) -> int:
        return int(self._ask("llen", QUEUE))

    def wipe(self) -> None:
        assert self._ask("flushall") == "OK"

    def _ask(self, *command: str) -> str:
        tool = [self.client, "-p", str(self.port), *command]
        return subprocess.run(tool, capture_output=True, text=True, timeout=30).stdout.strip()


class RabbitMQ(NetworkBroker):
    name = "RabbitMQ"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, epmd_port = free_port(), free_port()
        # Debian's wrappers on PATH change the user; what they wrap does not.
        self.tools = Path("/usr/lib/rabbitmq/bin")
        if not (self.tools / "rabbitmq-server").exists():
            found = shutil.which("rabbitmq-server")
            if found is None:
                raise NotHereError("rabbitmq-server is not installed")
            self.tools = Path(found).resolve().parent
        (folder / "plugins").write_text("[].\n")
        self.environment = environment() | {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"faults{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            # A name server of our own, or Erlang would leave one running that we did not start.
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self.name_server = ["epmd", "-port", str(epmd_port)]

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        if "epmd" not in self.processes.running:
            self.processes.start("epmd", self.name_server, env=self.environment, cwd=self.folder)
        self.processes.start("broker", [str(self.tools / "rabbitmq-server")], env=self.environment, cwd=self.folder)
        self.processes.wait(lambda: "Starting broker... completed" in self.processes.log("broker"), "RabbitMQ", 90)

    def stop(self) -> None:
        # Erlang takes its time, and nothing here is worth a clean end.
        for name in reversed(tuple(self.processes.running)):
            self.processes.kill(name)

    def kill(self) -> None:
        super().kill()
        # So that start() waits for the next one's word.
        self.processes.log_path("broker").unlink()

    def messages(self) -> int:
        queues = dict(line.split("\t") for line in self.control("list_queues", "--silent", "name", "messages"))
        return int(queues.get(QUEUE, 0))

    def wipe(self) -> None:
        self.control("stop_app")
        self.control("force_reset")
        self.control("start_app")

    def alarm(self, *, on: bool) -> None:
        """Have it believe that its memory is used up, or not: it then stops reading from who publishes."""
        self.control("set_vm_memory_high_watermark", "0.0000001" if on else "0.6")

    def control(self, *arguments: str) -> list[str]:
        """Have its own tool do something; return the lines that it says."""
        tool = [str(self.tools / "rabbitmqctl"), *arguments]
        done = subprocess.run(tool, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()


BROKERS: dict[str, type[Broker]] = {kind.name: kind for kind in (Redis, RabbitMQ, Files)}
