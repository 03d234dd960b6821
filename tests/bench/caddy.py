"""Caddy with forward_auth. It is written in Go: GOMAXPROCS keeps it to one core, and valgrind cannot run it."""

from __future__ import annotations

from typing import Dict, List

from asking import Asking
from contenders import environment

CADDYFILE = """\
{{
    admin off
    auto_https off
    log {{
        level ERROR
    }}
}}
{site}:{port} {{
    bind 127.0.0.1
{tls}    route {{
        request_header -X-Subject-*
        forward_auth 127.0.0.1:{auth_port} {{
            uri /check
            copy_headers X-Subject-Id X-Subject-Name X-Subject-Type
        }}
        request_header -Authorization
        reverse_proxy 127.0.0.1:{upstream_port} {{
            transport http {{
                keepalive_idle_conns_per_host 2048
            }}
        }}
    }}
}}
"""


class CaddyForwardAuth(Asking):
    name = "caddy-forward-auth"
    work = "Caddy 2.6: forward_auth to a small server, headers"
    runs_in_valgrind = False

    def write_config(self) -> None:
        tls, file = self.place.setting.tls, self.place.certificate
        config = CADDYFILE.format(site="https://" if tls else "http://", tls=f"    tls {file} {file}\n" if tls else "",
                                  port=self.port, auth_port=self.auth_port, upstream_port=self.place.upstream_port)
        (self.place.folder / "Caddyfile").write_text(config)

    def command(self) -> List[str]:
        return ["caddy", "run", "--config", str(self.place.folder / "Caddyfile"), "--adapter", "caddyfile"]

    def environment(self) -> Dict[str, str]:
        folder = str(self.place.folder)
        return {**environment(), "GOMAXPROCS": "1", "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
