"""The example project with a stand-in Zenvia, on this machine: `python3 dev.py demo` runs this file.

Starts a web server, a Celery worker with beat, and the sandbox; then shows how one lead becomes a contact.
"""

import argparse
import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import BinaryIO

import django
from demo_services import HERE, DemoFailed, Services, Stopped, choose_port

LOCK = "demo.lock"
# Of another project, or meant for the example's real site: the demo is for itself, and its data are wiped.
NOT_OURS = ("DATABASE_URL", "SECRET_KEY", "CELERY_", "ZENVIA_")


def main() -> int:
    parser = argparse.ArgumentParser(description="Show one lead's way through the example project.")
    parser.add_argument("--once", action="store_true", help="stop after the first lead; exit 0 if it arrived")
    parser.add_argument("--data-dir", type=Path, default=HERE.parent / ".demo", help="wiped at the start")
    arguments = parser.parse_args()
    data_dir: Path = arguments.data_dir.resolve()

    try:
        with claim(data_dir):
            services = Services(data_dir)
            try:
                show(services, data_dir, once=arguments.once)
            finally:
                print("Stopping what was started ...", flush=True)
                services.stop()
    except Stopped:
        print("Stopped.")
        # Before the lead has arrived there is nothing to be content with.
        return 1 if arguments.once else 0
    except DemoFailed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    return 0


def claim(data_dir: Path) -> BinaryIO:
    """Empty `data_dir`, and hold it for this demo until the returned file is closed."""
    data_dir.mkdir(parents=True, exist_ok=True)
    if any(data_dir.iterdir()) and not (data_dir / LOCK).exists():
        raise DemoFailed(f"{data_dir} holds something else: name an empty folder with --data-dir")
    lock = (data_dir / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DemoFailed(f"another demo is running in {data_dir}") from None
    for path in data_dir.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
    return lock


def show(services: Services, data_dir: Path, *, once: bool) -> None:
    """Start everything, show the lead's way and, unless `once`, stay up until somebody asks to stop."""
    web_port, sandbox_port = choose_port(8000), choose_port(8090)
    web_url, sandbox_url = f"http://127.0.0.1:{web_port}", f"http://127.0.0.1:{sandbox_port}"
    set_environment(data_dir, web_url, sandbox_url)

    print("Making the database ...", flush=True)
    services.run("migrate", "manage.py", "migrate", "--no-input")
    print("Starting the web server, the Celery worker and the stand-in Zenvia ...", flush=True)
    services.start("web", "manage.py", "runserver", "--noreload", f"127.0.0.1:{web_port}")
    services.start("sandbox", "manage.py", "zenvia_sandbox", "--port", str(sandbox_port))
    # Pool and number of processes are named, as an example: receivers have time limits under prefork alone.
    worker = ["-A", "example_project", "worker", "-B", "--pool", "prefork", "--concurrency", "2"]
    services.start("worker", "-m", "celery", *worker, "--loglevel", "INFO")

    django.setup()
    # Models can be imported from here on.
    import demo_story

    demo_story.prepare(services, web_url, sandbox_url)
    demo_story.tell(services, sandbox_url)
    if once:
        print("The receiver has run, and the contact is there.")
        return
    user, password = demo_story.USER, demo_story.PASSWORD
    print(f"""
It stays up. Have a look:
  contacts          {web_url}/   (log in as below)
  admin             {web_url}/admin/   (user {user}, password {password}; this machine only)
  stand-in Zenvia   {sandbox_url}/   (its buttons send more events)
  logs and data     {data_dir}

Ctrl-C stops everything.
""", flush=True)  # fmt: skip
    while True:
        services.pause(0.5)


def set_environment(data_dir: Path, web_url: str, sandbox_url: str) -> None:
    """Set this process's environment, and so its children's, to the demo's own settings."""
    for name in list(os.environ):
        if name.startswith(NOT_OURS):
            del os.environ[name]
    local = "127.0.0.1,localhost"
    no_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), local]))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "DATA_DIR": str(data_dir),
        "DEBUG": "1",
        "ALLOWED_HOSTS": local,
        "CALLBACK_BASE_URL": web_url,
        "ZENVIA_API_KEY": "demo-key",
        "ZENVIA_API_URL": f"{sandbox_url}/v1",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        # The log files are to show what has happened so far.
        "PYTHONUNBUFFERED": "1",
    }


if __name__ == "__main__":
    sys.exit(main())
