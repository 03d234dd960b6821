"""Certificates made by the openssl command, and a client that tells a clean end from a cut one."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any, List, Optional

from wire import PATIENCE, Client, Ended


def openssl(*arguments: Any) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"openssl {' '.join(map(str, arguments))}\n{done.stderr}"


class Pair:
    """A certificate and its key, as files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate, self.key = certificate, key

    @property
    def config(self) -> dict:
        return {"certificate": str(self.certificate), "key": str(self.key)}


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self.certificate, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                f"/CN=Test {name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, file: str, *names: str, subject: str = "/CN=test", days: int = 30, rsa: bool = False,
              until: str = "") -> Pair:
        """A certificate for DNS names and IP addresses; negative days: expired; `until`: 20300101000000Z."""
        request, certificate, key = (self.folder / f"{file}.{end}" for end in ("csr", "crt", "key"))
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        openssl("req", "-new", "-newkey", *kind, "-nodes", "-utf8", "-subj", subject, "-keyout", key, "-out", request)
        extensions = self.folder / f"{file}.ext"
        spelled = ",".join(("IP:" if name.replace(".", "").isdigit() or ":" in name else "DNS:") + name for name in names)
        extensions.write_text(f"subjectAltName={spelled}\n" if names else "basicConstraints=CA:FALSE\n")
        if days <= 0 or until:
            return self._expired(request, certificate, key, extensions, until or "20200201000000Z")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days",
                days, "-extfile", extensions, "-out", certificate)
        return Pair(certificate, key)

    def _expired(self, request: Path, certificate: Path, key: Path, extensions: Path, until: str) -> Pair:
        """`openssl x509` gives no begin in the past; `openssl ca` does."""
        index = self.folder / "index.txt"
        index.write_text("")
        config = self.folder / "ca.cnf"
        config.write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n"
            "unique_subject=no\n[p]\ncommonName=optional\n" % (index, self.folder)
        )
        openssl("ca", "-batch", "-config", config, "-cert", self.certificate, "-keyfile", self.key, "-in", request, "-out",
                certificate, "-startdate", "20200101000000Z", "-enddate", until, "-extfile", extensions, "-notext")
        return Pair(certificate, key)

    def server_context(self, pair: Pair, *, clients: Optional["Authority"] = None, **settings: Any) -> ssl.SSLContext:
        """Shows `pair`; demands a certificate that `clients` vouches for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        if clients:
            context.load_verify_locations(str(clients.certificate))
            context.verify_mode = ssl.CERT_REQUIRED
        for name, value in settings.items():
            setattr(context, name, value)
        return context

    def client_context(self, pair: Optional[Pair] = None, **settings: Any) -> ssl.SSLContext:
        """Trusts this authority; shows `pair` when asked."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if pair:
            context.load_cert_chain(pair.certificate, pair.key)
        for name, value in settings.items():
            setattr(context, name, value)
        return context


class TlsClient(Client):
    """`Client` over TLS. `cut` tells whether the peer ended without saying so."""

    def __init__(self, port: int, context: ssl.SSLContext, name: Optional[str] = "api.test", *, announce: bytes = b"",
                 session: Optional[ssl.SSLSession] = None, sock: Optional[socket.socket] = None) -> None:
        if sock is None:
            super().__init__(port)
        else:
            super(Client, self).__init__(sock)
        if announce:
            self.sock.sendall(announce)
        self.cut = False
        self.sock = context.wrap_socket(self.sock, server_hostname=name, suppress_ragged_eofs=False, session=session)

    def _more(self) -> bool:
        try:
            return super()._more()
        except ssl.SSLEOFError:
            self.cut = self.ended = True
            return False
        except ssl.SSLError as error:
            raise Ended(str(error)) from error

    def subject(self) -> str:
        """Common name of the certificate that was shown."""
        fields = dict(pair[0] for pair in self.sock.getpeercert()["subject"])
        return fields["commonName"]


def names(context: ssl.SSLContext, port: int, wanted: List[str]) -> List[str]:
    """Which certificate is shown for each name."""
    shown = []
    for name in wanted:
        with TlsClient(port, context, name) as client:
            shown.append(client.subject())
    return shown
