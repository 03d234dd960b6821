"""postern as it is run, with everything switched on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import List

from contenders import Contender, Workplace, connections_max, environment, free_port

CATALOG = """\
version: 1
permissions:
  - {id: shop.orders.read, name: Read orders}
  - {id: shop.admin, name: Administer}
"""
ORDERS = "  - {path: /api/v1/orders/**, methods: [GET, POST], permission: shop.orders.read}\n"
OTHERS = """\
  - {path: /health, allow: anonymous}
  - {path: /api/v1/admin/**, permission: shop.admin}
"""


def policy(rules: int) -> str:
    """The rule that the requests need, and others about it."""
    text = "version: 1\nrules:\n" + ORDERS + (OTHERS if rules >= 3 else "")
    more = (f"  - {{path: '/api/v1/resource{number}/{{id}}/items/**', methods: [GET], permission: shop.orders.read}}\n"
            for number in range(max(0, rules - 3)))
    return text + "".join(more)


def run_postern(place: Workplace, *arguments: str) -> None:
    done = subprocess.run([place.postern, *arguments], capture_output=True, text=True, timeout=7200, env=environment())
    if done.returncode != 0:
        raise SystemExit(f"postern {' '.join(arguments)}: {done.stdout}{done.stderr}")


def make_store(place: Workplace) -> Path:
    """With all tokens; made once for all settings that have as many."""
    store = place.data / "store"
    if not store.exists():
        (place.data / "catalog.yaml").write_text(CATALOG)
        run_postern(place, "catalog", "apply", str(place.data / "catalog.yaml"), "--store", str(store))
        run_postern(place, "token", "import", str(place.tokens_file), "--permission", "shop.orders.read", "--store", str(store))
    return store


class Postern(Contender):
    name = "postern"
    work = "everything: token store, policy, headers, deadlines, metrics, access log"

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        folder, setting = place.folder, place.setting
        (folder / "policy.yaml").write_text(policy(setting.rules))
        self.config = folder / "postern.yaml"
        self.config.write_text(json.dumps({
            "listen": f"127.0.0.1:{self.port}",
            "upstream": f"http://127.0.0.1:{place.upstream_port}",
            "store": str(make_store(place)),
            "store_size_max": "8GiB",  # valgrind has no room for the default
            "policy": str(folder / "policy.yaml"),
            "metrics": {"listen": f"127.0.0.1:{free_port()}"},
            "log": {"access": place.access_log},
            "shards": setting.cores,
            # Unknown tokens all come from one address here, and a burst needs many upstream connections.
            "limits": {"auth_failures_per_minute": 0, "upstream_connections": connections_max()},
            **({"tls": {"certificate": str(place.certificate)}} if setting.tls else {}),
        }))

    def command(self) -> List[str]:
        return [self.place.postern, "run", "--config", str(self.config)]


class PosternUring(Postern):
    """The io_uring build, whose binary `--postern-uring` names."""

    name = "postern-uring"
    work = Postern.work + "; system calls gathered"
    runs_in_valgrind = False  # it would measure the fall-back
