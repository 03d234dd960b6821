"""What a condition needs, made once and shared: tokens, stores, upstreams, running contenders."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Tuple

from conditions import Setting
from contenders import Contender, Workplace
from line_up import BY_NAME
from measure import Load
from tokens import make_secrets, make_strangers


@dataclass
class Stage:
    """Use as a context: at its end everything that runs is stopped."""

    tools: Path
    binaries: Dict[str, str]  # of postern, by the name of the contender
    access_log: str
    proxy_core: str
    load_core: str
    upstreams: Dict[Tuple[int, bool], Tuple[subprocess.Popen, int]] = field(default_factory=dict)
    running: Dict[Tuple[str, Setting], Contender] = field(default_factory=dict)
    tokens: Dict[int, List[str]] = field(default_factory=dict)

    def __enter__(self) -> "Stage":
        for name in ("settings", "tokens"):
            shutil.rmtree(self.tools / name, ignore_errors=True)
        strangers = self.tools / "strangers.txt"
        strangers.write_text("\n".join(make_strangers(100_000)) + "\n")
        self.load = Load(self.load_core, strangers)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()
        for process, _ in self.upstreams.values():
            process.kill()
            process.wait()

    def make_certificate(self) -> None:
        key, certificate = self.tools / "key.pem", self.tools / "only-certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650",
                        "-subj", "/CN=shop.example.com", "-addext", "subjectAltName=DNS:shop.example.com,IP:127.0.0.1",
                        "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
        both = self.tools / "certificate.pem"
        both.write_text(certificate.read_text() + key.read_text())
        both.chmod(0o600)

    def upstream(self, setting: Setting) -> Tuple[subprocess.Popen, int]:
        """The process and its port."""
        key = (setting.body, setting.spread)
        if key not in self.upstreams:
            command = [*self.load.pinned(setting), str(self.tools / "upstream"), str(setting.body)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.upstreams[key] = (process, int(process.stdout.readline().split()[1]))
        return self.upstreams[key]

    def place(self, name: str, setting: Setting) -> Workplace:
        server = setting.server()
        data = self.tools / "tokens" / str(server.tokens)
        folder = self.tools / "settings" / server.label().replace(" ", "-").replace(",", "").replace("/", "-") / name
        data.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        if server.tls and not (self.tools / "certificate.pem").exists():
            self.make_certificate()
        if server.tokens not in self.tokens:
            self.tokens[server.tokens] = make_secrets(server.tokens)
            lines = (f"{secret} service-{number}\n" for number, secret in enumerate(self.tokens[server.tokens]))
            (data / "tokens.txt").write_text("".join(lines))
        return Workplace(self.tools, folder, data, self.binaries.get(name, self.binaries["postern"]), self.tokens[server.tokens], self.upstream(server)[1],
                         self.access_log, server)

    def make(self, name: str, setting: Setting) -> Contender:
        return BY_NAME[name](self.place(name, setting))

    def pinned(self, setting: Setting) -> List[str]:
        return [] if setting.spread else ["taskset", "-c", self.proxy_core]

    def contender(self, name: str, setting: Setting) -> Contender:
        """Running; started when it is not."""
        key = (name, setting.server())
        if key not in self.running:
            contender = self.make(name, setting)
            print(f"  starting {name}, {setting.server().label()}", file=sys.stderr)
            contender.start(lambda _role: self.pinned(setting), patience=120)
            self.running[key] = contender
        return self.running[key]

    def stop_all(self) -> None:
        for contender in self.running.values():
            contender.stop()
        self.running.clear()
