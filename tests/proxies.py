"""The shipped proxy configurations, run by the programs that Debian packages, for whoever tests behind them.

Only what is marked "change" in deploy/nginx.conf is changed; deploy/Caddyfile is imported as it is, its
certificate from Caddy's internal CA. Every time-out is the proxy's default.
"""

import datetime
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.servers import free_port, wait_for_port

ROOT = Path(__file__).parents[1]


@dataclass
class Proxy:
    """A proxy that runs, and how its certificate is checked."""

    name: str
    port: int
    trust: ssl.SSLContext
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} isn't installed (Debian: apt-get install {name}): its configuration is untested")
    return found


def certificate(folder: Path) -> Path:
    """A certificate for localhost, signed by itself, beside its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path = folder / "certificate.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return path


def nginx(folder: Path, upstream: str) -> Proxy:
    """deploy/nginx.conf inside the least that nginx starts with."""
    running, port, signed = program("nginx"), free_port(), certificate(folder)
    text = (ROOT / "deploy/nginx.conf").read_text("utf-8")
    for was, now in (
        ("127.0.0.1:8080", upstream),
        ("desk.example.com", "localhost"),
        ("/etc/ssl/dianxiaoer/fullchain.pem", str(signed)),
        ("/etc/ssl/dianxiaoer/privkey.pem", str(folder / "key.pem")),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
    ):
        assert was in text
        text = text.replace(was, now)
    (folder / "site.conf").write_text(text, "utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""  # or its workers couldn't write into our folder
    (folder / "nginx.conf").write_text(
        f"{user}\ndaemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {folder}/site.conf;\n}}\n",
        "utf-8",
    )
    command = [running, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    process = started(command, folder, port, {})
    return Proxy("nginx", port, ssl.create_default_context(cafile=str(signed)), process)


def caddy(folder: Path, upstream: str) -> Proxy:
    """deploy/Caddyfile as it is, imported after what keeps a test to the loopback."""
    running, port = program("caddy"), free_port()
    (folder / "Caddyfile").write_text(
        f"{{\n\tadmin off\n\thttp_port {free_port()}\n\thttps_port {port}\n\tdefault_bind 127.0.0.1\n"
        f"\tskip_install_trust\n}}\nimport {ROOT}/deploy/Caddyfile\n",
        "utf-8",
    )
    environment = {"SITE": "localhost", "TLS": "internal", "BOT": upstream, "XDG_DATA_HOME": str(folder)}
    command = [running, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    process = started(command, folder, port, environment | {"HOME": str(folder)})
    authority = folder / "caddy/pki/authorities/local/root.crt"
    trust = ssl.create_default_context(cafile=str(authority))
    for _ in range(200):  # its own CA takes a moment to sign
        try:
            with socket.create_connection(("127.0.0.1", port)) as raw:
                trust.wrap_socket(raw, server_hostname="localhost").close()
                break
        except ssl.SSLError:
            time.sleep(0.05)
    return Proxy("caddy", port, trust, process)


def started(
    command: list[str], folder: Path, port: int, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, env=os.environ | environment
        )
    try:
        wait_for_port(port, process, log)
    except RuntimeError:
        process.kill()
        process.wait()
        raise
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(20)


STARTS = {"nginx": nginx, "caddy": caddy}
