"""What a store should hold, in a few dictionaries: the commands of the test by themselves, without any of the product's code."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional

LISTS = ("groups", "roles", "permissions", "licenses")
KIND = {"groups": "group", "roles": "role", "permissions": "permission", "licenses": "license"}
ADMIN = "postern.admin"


class Refused(Exception):
    """The model says that the store must refuse."""


class Model:
    def __init__(self) -> None:
        self.entities: Dict[str, Dict[str, Any]] = {kind: {} for kind in KIND.values()}
        self.entities["role"][ADMIN] = {"permissions": set()}
        self.entities["group"]["postern.system"] = {}
        self.users: Dict[str, Dict[str, Any]] = {}
        self.tokens: Dict[str, Dict[str, Any]] = {}

    # --- what holds always ---

    def held(self, held: Dict[str, set]) -> Dict[str, set]:
        for name, ids in held.items():
            for id in ids:
                if id not in self.entities[KIND[name]]:
                    raise Refused(f"no {KIND[name]} {id}")
        return held

    def check_seats(self) -> None:
        for id, license in self.entities["license"].items():
            if license["seats"] and self.seats(id) > license["seats"]:
                raise Refused("seats")

    def seats(self, id: str) -> int:
        return sum(id in holder["licenses"] for holder in [*self.users.values(), *self.tokens.values()])

    def has_administrator(self) -> bool:
        for token in self.tokens.values():
            if not token["enabled"]:
                continue
            if token["owner"] is None and ADMIN in token["roles"]:
                return True
            owner = self.users.get(token["owner"])
            if owner and owner["enabled"] and ADMIN in owner["roles"]:
                return True
        return False

    # --- commands ---

    def apply(self, operation: Dict[str, Any]) -> bool:
        """Carries out; whether anything changed. What is refused leaves the model as it is, and raises."""
        after = copy.deepcopy(self)
        getattr(after, "do_" + operation["do"])(**operation["with"])
        after.check_seats()
        if self.has_administrator() and not after.has_administrator():
            raise Refused("last administrator")
        changed = after.__dict__ != self.__dict__
        self.__dict__ = after.__dict__
        return changed or operation["do"] == "rotate"

    def do_create_entity(self, kind: str, id: str, permissions: Optional[List[str]] = None, seats: int = 0) -> None:
        if id in self.entities[kind]:
            raise Refused("exists")
        self.held({"permissions": set(permissions or [])})
        self.entities[kind][id] = {"permission": {}, "group": {}, "role": {"permissions": set(permissions or [])},
                                   "license": {"seats": seats}}[kind]  # fmt: skip

    def do_update_role(self, id: str, permissions: List[str]) -> None:
        if id not in self.entities["role"]:
            raise Refused("missing")
        self.held({"permissions": set(permissions)})
        self.entities["role"][id] = {"permissions": set(permissions)}

    def do_update_license(self, id: str, seats: int) -> None:
        if id not in self.entities["license"]:
            raise Refused("missing")
        self.entities["license"][id] = {"seats": seats}

    def do_delete_entity(self, kind: str, id: str) -> None:
        if id not in self.entities[kind] or id.startswith("postern."):
            raise Refused("missing or reserved")
        del self.entities[kind][id]
        name = {value: key for key, value in KIND.items()}[kind]
        for holder in [*self.users.values(), *self.tokens.values()]:
            holder[name].discard(id)
        for role in self.entities["role"].values():
            if kind == "permission":
                role["permissions"].discard(id)

    def do_create_user(self, id: str, **held: List[str]) -> None:
        if id in self.users:
            raise Refused("exists")
        self.users[id] = {"enabled": True, **self.held({name: set(held.get(name, [])) for name in LISTS})}

    def do_update_user(self, id: str, enabled: bool, **held: List[str]) -> None:
        if id not in self.users:
            raise Refused("missing")
        self.users[id] = {"enabled": enabled, **self.held({name: set(held.get(name, [])) for name in LISTS})}

    def do_delete_user(self, id: str) -> None:
        if self.users.pop(id, None) is None:
            raise Refused("missing")
        self.tokens = {token: value for token, value in self.tokens.items() if value["owner"] != id}

    def do_create_token(self, name: str, owner: Optional[str] = None, id: str = "", **held: List[str]) -> None:
        if owner is not None and owner not in self.users:
            raise Refused("no owner")
        sets = self.held({one: set(held.get(one, [])) for one in LISTS})
        self.tokens[id or name] = {"name": name, "owner": owner, "enabled": True, **sets}

    def do_update_tokens(self, ids: List[str], **held: List[str]) -> None:
        for id in ids:
            if id not in self.tokens:
                raise Refused("missing")
            if self.tokens[id]["owner"] is not None and any(held.values()):
                raise Refused("owned")
            self.tokens[id].update(self.held({name: set(held.get(name, [])) for name in LISTS}))

    def do_give_token(self, id: str, owner: str) -> None:
        if id not in self.tokens or owner not in self.users:
            raise Refused("missing")
        self.tokens[id].update({"owner": owner, **{name: set() for name in LISTS}})

    def do_switch_tokens(self, ids: List[str], enabled: bool) -> None:
        for id in ids:
            if id not in self.tokens:
                raise Refused("missing")
            self.tokens[id]["enabled"] = enabled

    def do_rotate(self, ids: List[str]) -> None:
        if any(id not in self.tokens for id in ids):
            raise Refused("missing")

    def do_delete_tokens(self, ids: List[str]) -> None:
        for id in ids:
            if self.tokens.pop(id, None) is None:
                raise Refused("missing")
