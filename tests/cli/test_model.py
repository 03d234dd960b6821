"""Random commands from several processes at once, killed at random, against a plain model.

The order in which the commands took effect is that of the audit log, in which each names itself by its reason. So the model
is led through the same order and must then hold what the store holds; what was acknowledged must stand in the log, what was
refused must not, and the model must have had a moment at which it refused, too.

POSTERN_MODEL_ROUNDS=1000 makes it long; POSTERN_MODEL_SEED plays another game.
"""

import copy
import json
import os
import random
import subprocess
import time

from conftest import BINARY, PATIENCE, SANITIZER
from model import ADMIN, KIND, LISTS, Model, Refused

ROUNDS = int(os.environ.get("POSTERN_MODEL_ROUNDS", "40"))
SEED = int(os.environ.get("POSTERN_MODEL_SEED", "1"))
AT_ONCE = 4


class Game:
    def __init__(self, shop):
        self.shop, self.dice, self.model = shop, random.Random(SEED), Model()
        self.number = 0
        self.secrets = {}  # token -> its secret, when somebody saw it
        shop.run("user", "create", "u0", "--reason", "start")
        shop.run("user", "delete", "u0", "--reason", "start")
        self.sequence = shop.json("audit", "list", "--limit", 0)[-1]["sequence"]

    # --- commands ---

    def some(self, kind, most=2):
        known = sorted(self.model.entities[kind]) + [f"{kind[0]}{self.dice.randrange(5)}"] * (self.dice.random() < 0.1)
        return self.dice.sample(known, min(len(known), self.dice.randrange(most + 1)))

    def held(self):
        return {name: sorted(set(self.some(KIND[name]))) for name in LISTS}

    def tokens(self, most):
        known = sorted(self.model.tokens)
        return self.dice.sample(known, min(len(known), self.dice.randint(1, most))) or ["tok_0000000000000000"]

    def operation(self):
        """One command: what it does to the model, its words, and what it reads from standard input."""
        dice = self.dice
        name = dice.choice(
            "create_entity create_entity update_role update_license delete_entity create_user update_user update_user "
            "delete_user create_token create_token create_token create_token update_tokens update_tokens give_token "
            "switch_tokens switch_tokens rotate delete_tokens".split()
        )
        kind = dice.choice(sorted(KIND.values()))
        id, user = f"{kind[0]}{dice.randrange(5)}", f"u{dice.randrange(4)}"
        held = self.held()
        set_words = [word for one in LISTS for word in (f"--set-{KIND[one]}", ",".join(held[one]))]
        own_words = [word for one in LISTS for item in held[one] for word in (f"--{KIND[one]}", item)]
        if name == "create_entity":
            permissions, seats = self.some("permission", 3), dice.randrange(4)
            extra = {"role": ["--permission", ",".join(permissions)], "license": ["--seats", seats]}.get(kind, [])
            return name, {"kind": kind, "id": id, "permissions": permissions if kind == "role" else [], "seats": seats}, [
                kind, "create", id, *extra], ""  # fmt: skip
        if name == "update_role":
            role, permissions = f"r{dice.randrange(5)}", self.some("permission", 3)
            return name, {"id": role, "permissions": permissions}, ["role", "update", role, "--set-permission", ",".join(permissions)], ""
        if name == "update_license":
            license, seats = f"l{dice.randrange(5)}", dice.randrange(4)
            return name, {"id": license, "seats": seats}, ["license", "update", license, "--seats", seats], ""
        if name == "delete_entity":
            id = dice.choice([id, id, id, ADMIN]) if kind == "role" else id
            return name, {"kind": kind, "id": id}, [kind, "delete", id], ""
        if name == "create_user":
            return name, {"id": user, **held}, ["user", "create", user, *own_words], ""
        if name == "update_user":
            enabled = dice.random() < 0.7
            return name, {"id": user, "enabled": enabled, **held}, [
                "user", "update", user, "--enable" if enabled else "--disable", *set_words], ""  # fmt: skip
        if name == "delete_user":
            return name, {"id": user}, ["user", "delete", user], ""
        if name == "create_token":
            made = f"t{self.number}"
            if dice.random() < 0.4:
                return name, {"name": made, "owner": user}, ["token", "create", "--name", made, "--owner", user], ""
            return name, {"name": made, **held}, ["token", "create", "--name", made, *own_words], ""
        ids = self.tokens(3)
        lines = "\n".join(ids)
        if name == "update_tokens":
            return name, {"ids": ids, **held}, ["token", "update", "--file", "-", *set_words], lines
        if name == "give_token":
            return name, {"id": ids[0], "owner": user}, ["token", "update", ids[0], "--owner", user], ""
        if name == "switch_tokens":
            enabled = dice.random() < 0.5
            return name, {"ids": ids, "enabled": enabled}, ["token", "enable" if enabled else "disable", "--file", "-"], lines
        if name == "rotate":
            return name, {"ids": ids}, ["token", "rotate", "--file", "-"], lines
        return name, {"ids": ids}, ["token", "delete", "--file", "-"], lines

    # --- a round ---

    def round(self):
        running = []
        for _ in range(AT_ONCE):
            self.number += 1
            do, arguments, words, lines = self.operation()
            process = subprocess.Popen(
                [BINARY, *map(str, words), "--json", "--reason", f"op{self.number}"], text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.shop.environment(), cwd=self.shop.folder,
            )  # fmt: skip
            process.stdin.write(lines)
            process.stdin.close()
            process.stdin = None
            running.append({"reason": f"op{self.number}", "do": do, "with": arguments, "process": process, "words": words})
        for one in self.dice.sample(running, self.dice.randrange(AT_ONCE // 2 + 1)):
            time.sleep(self.dice.random() * 0.01)  # a moment to die at, not one to wait for
            one["process"].kill()
        for one in running:
            one["output"], one["told"] = one["process"].communicate(timeout=PATIENCE)
            one["code"] = one["process"].returncode
            assert not SANITIZER.search(one["told"]), one["told"]
        self.replay({one["reason"]: one for one in running})

    def replay(self, operations):
        records = self.shop.json("audit", "list", "--limit", 0, "--after", self.sequence)
        order, targets = [], {}
        for record in records:
            self.sequence = record["sequence"]
            assert record["reason"] in operations
            targets.setdefault(record["reason"], []).append(record["target"])
            if record["reason"] not in order:
                order.append(record["reason"])
        moments = [copy.deepcopy(self.model)]
        for reason in order:
            one = operations[reason]
            assert one["code"] <= 0, f"refused, yet done: {one}"
            if one["do"] == "create_token":
                one["with"]["id"] = targets[reason][0]
            self.model.apply(one)  # the store did it, so that the model must be able to
            moments.append(copy.deepcopy(self.model))
        for reason, one in operations.items():
            if reason in order or one["code"] < 0:
                continue
            verdicts = set()
            for moment in moments:
                try:
                    verdicts.add("changed" if copy.deepcopy(moment).apply(one) else "same")
                except Refused:
                    verdicts.add("refused")
            expected = "same" if one["code"] == 0 else "refused"
            assert expected in verdicts, (one, verdicts)

    def compare(self):
        shop, model = self.shop, self.model
        tokens = {token["id"]: token for token in shop.json("token", "list", "--limit", 0)}
        assert {
            id: {"name": token["name"], "owner": token["owner"], "enabled": token["enabled"], **{name: set(token[name]) for name in LISTS}}
            for id, token in tokens.items()
        } == model.tokens  # fmt: skip
        users = {user["id"]: user for user in shop.json("user", "list", "--limit", 0)}
        assert {
            id: {"enabled": user["status"] == "enabled", **{name: set(user[name]) for name in LISTS}} for id, user in users.items()
        } == model.users
        for kind in KIND.values():
            entities = {entity["id"]: entity for entity in shop.json(kind, "list")}
            assert set(entities) == set(model.entities[kind])
            for id, entity in entities.items():
                if kind == "role":
                    assert set(entity["permissions"]) == model.entities["role"][id]["permissions"]
                if kind == "license":
                    assert (entity["max_subjects"], entity["subjects"]) == (model.entities["license"][id]["seats"], model.seats(id))
        verdict = json.loads(shop.run("store", "verify", "--json").stdout)
        assert verdict["ok"], verdict


def test_random_commands_killed_at_random_leave_what_the_model_says(empty):
    game = Game(empty)
    for _ in range(ROUNDS):
        game.round()
        game.compare()
    assert game.model.tokens or game.number < 100
