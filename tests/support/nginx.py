"""A real nginx with the configuration that compose.yaml mounts, on free ports and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.host import free_port, wait_for
from tests.support.paths import ROOT

SITE = "crm.example.com"
CONFIGURATION = ROOT / "example_project" / "deploy" / "nginx.conf"
AROUND = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{}}
http {{
    client_body_temp_path {folder}/temporary;
    proxy_temp_path {folder}/temporary;
    fastcgi_temp_path {folder}/temporary;
    uwsgi_temp_path {folder}/temporary;
    scgi_temp_path {folder}/temporary;
    include {folder}/default.conf;
}}
"""


def need_nginx() -> str:
    """Return the path of nginx; skip the present test where there is none."""
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if found is None or shutil.which("openssl") is None:
        pytest.skip("nginx and openssl are not installed (on Debian: apt install nginx-light openssl)")
    return found


class Nginx:
    """nginx as shipped: only addresses and folders differ, and the error log tells more."""

    def __init__(self, folder: Path, web_ports: list[int]) -> None:
        self.folder, self.port, self.plain_port = folder, free_port(), free_port()
        self.program = need_nginx()
        text = CONFIGURATION.read_text()
        for ours, here in {
            "${SITE}": SITE,
            "listen 80": f"listen 127.0.0.1:{self.plain_port}",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "server web1:8000 ": f"server 127.0.0.1:{web_ports[0]} ",
            "server web2:8000 ": f"server 127.0.0.1:{web_ports[1]} ",
            "/etc/nginx/certs/": f"{folder}/",
            "/var/log/nginx/": f"{folder}/",
        }.items():
            assert ours in text, f"{CONFIGURATION.name} has no {ours!r}"
            text = text.replace(ours, here)
        (folder / "default.conf").write_text(text)
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
        names = ["-keyout", "privkey.pem", "-out", "fullchain.pem", "-subj", f"/CN={SITE}"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
        with (folder / "console.log").open("wb") as console:
            self._process = subprocess.Popen(
                [self.program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")],
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._listens, self.logs)

    def _listens(self) -> bool:
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self.plain_port)) == 0

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in self.folder.glob("*.log"))

    def access(self) -> list[str]:
        return (self.folder / "access.log").read_text().splitlines()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
