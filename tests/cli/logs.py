"""Lines of an access log as the server writes them."""

import json
from pathlib import Path
from typing import Any, List


def line(method: str = "GET", path: str = "/orders/17", **fields: Any) -> str:
    """One decided request; a field given as None is left out."""
    told = {
        "time": "2026-11-24T15:00:00.123Z", "request_id": "r1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "client": "192.0.2.1", "method": method, "host": "shop.example", "path": path, "status": 200, "rule": "orders",
        "verdict": "allow", "reason": "granted", "subject_type": "anonymous", "subject": "",
        "bytes_received": 0, "bytes_sent": 2, "duration_us": 1500, **fields,
    }  # fmt: skip
    return json.dumps({key: value for key, value in told.items() if value is not None})


def by(token: str, method: str = "GET", path: str = "/orders/17", user: str = "", **fields: Any) -> str:
    """One by a valid token, of its own or of a user."""
    who = {"subject_type": "user", "subject": user} if user else {"subject_type": "token", "subject": token}
    return line(method, path, **{**who, "token": token, "token_state": "valid", **fields})


def anonymous(method: str = "GET", path: str = "/health", **fields: Any) -> str:
    return line(method, path, **{"rule": "health", "reason": "anonymous", **fields})


def denied(text: str, reason: str = "missing_permission", **fields: Any) -> str:
    return json.dumps({**json.loads(text), "verdict": "deny", "reason": reason, "status": 403, **fields})


def shadowed(text: str, reason: str = "missing_permission", **fields: Any) -> str:
    return json.dumps({**json.loads(text), "shadowed": True, "reason": reason, **fields})


def write(folder: Path, lines: List[str], name: str = "access.log") -> str:
    (folder / name).write_text("".join(one + "\n" for one in lines))
    return name
