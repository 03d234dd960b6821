"""When tokens were used: told by the command line, kept off the request path, right across processes."""

import json
import re
import signal

from server import Postern, until


def shown(postern, token_id):
    return json.loads(postern.store.run("token", "show", token_id, "--json").stdout)


def test_a_use_is_known_within_seconds(guard, house, tokens):
    postern = guard()
    token = house.ids["reader"]
    before = shown(postern, token)
    assert (before["first_used"], before["last_used"], before["last_client"], before["uses"]) == (None, None, None, 0)
    for _ in range(3):
        assert postern.ask(target="/read", token=tokens["reader"]).status == 200
    assert postern.ask(target="/write", token=tokens["reader"]).status == 403  # refused by the policy, yet used
    assert postern.ask(target="/read", token=tokens["reader"][:-1] + "x").status == 401
    after = until(lambda: (s := shown(postern, token))["uses"] >= 4 and s, "the uses")
    assert after["uses"] == 4 and after["last_client"] == "127.0.0.1"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", after["last_used"]) and after["first_used"] <= after["last_used"]
    assert shown(postern, house.ids["writer"])["uses"] == 0


def test_what_was_counted_last_is_written_down_at_the_end(guard, house, tokens):
    postern = guard()
    assert postern.ask(target="/read", token=tokens["reader"]).status == 200
    postern.stop()
    assert shown(postern, house.ids["reader"])["uses"] == 1


def test_two_servers_on_one_store_add_up(guard, house, tokens):
    one = guard()
    two = guard(store=one.store.directory)
    for postern in (one, two, one):
        assert postern.ask(target="/read", token=tokens["reader"]).status == 200
    until(lambda: shown(one, house.ids["reader"])["uses"] == 3, "all three")


def test_kill_9_loses_a_few_seconds_at_most(guard, house, tokens):
    postern = guard()
    assert postern.ask(target="/read", token=tokens["reader"]).status == 200
    until(lambda: shown(postern, house.ids["reader"])["uses"] == 1, "the first")
    postern.process.send_signal(signal.SIGKILL)
    postern.process.wait()
    assert shown(postern, house.ids["reader"])["uses"] == 1
    assert json.loads(postern.store.run("store", "verify", "--json").stdout)["ok"]


def test_an_old_secret_that_is_used_after_its_grace_is_told(guard, house, tokens):
    postern = guard()
    token = house.ids["reader"]
    fresh = postern.store.run("token", "rotate", token, "--quiet").stdout.strip()
    before = len(postern.log)
    for _ in range(2):
        assert postern.ask(target="/read", token=tokens["reader"]).status == 401
    assert postern.ask(target="/read", token=fresh).status == 200
    postern.wait_for_log(f"old secret of {token} was used from 127.0.0.1", before)
    until(lambda: postern.metric("token_rotated_uses_total") == 2, "both uses")
    records = json.loads(postern.store.run("audit", "list", "--limit", 0, "--json").stdout)
    (told,) = [record for record in records if record["action"] == "token.old_secret_used"]
    assert told["target"] == token and told["actor"] == "process:postern-run"
    assert told["change"]["client"] == "127.0.0.1/32"
    until(lambda: shown(postern, token)["uses"] == 1, "the use of the new one alone")


def told(postern, action):
    records = json.loads(postern.store.run("audit", "list", "--limit", 0, "--json").stdout)
    return [record for record in records if record["action"] == action]


def test_a_canary_is_refused_as_if_it_were_unknown_and_raises_an_alarm(guard, house):
    postern = guard()
    secret = postern.store.create_token("bait", "--canary")
    token = postern.store.token_id("bait")
    before = len(postern.log)
    refused = [postern.ask(target="/private", token=presented) for presented in (secret, "pst_" + "A" * 38)]
    assert [reply.status for reply in refused] == [401, 401]
    assert len({json.loads(reply.body)["code"] for reply in refused}) == 1
    assert postern.ask(target="/open/x", token=secret).status == 200  # as with any other text, where everybody may pass
    postern.wait_for_log(f"canary {token} was used from 127.0.0.1", before)
    until(lambda: postern.metric("token_canary_uses_total") == 2, "both uses")
    (record,) = told(postern, "token.canary_used")
    assert record["target"] == token and record["change"]["client"] == "127.0.0.1/32"
    until(lambda: shown(postern, token)["uses"] == 2, "the uses as such")
    assert shown(postern, token)["state"] == "canary"
    assert "canary" in {line.get("token_state") for line in postern.access_log(3)}


def test_a_token_whose_old_secret_is_used_is_disabled_where_that_is_asked_for(guard, house, tokens):
    postern = guard(config={"tokens": {"disable_on_reuse": True}})
    token = house.ids["reader"]
    fresh = postern.store.run("token", "rotate", token, "--quiet").stdout.strip()
    assert postern.ask(target="/read", token=fresh).status == 200
    for turn in range(2):  # the second time within the hour in which nothing is told again
        before = len(postern.log)
        assert postern.ask(target="/read", token=tokens["reader"]).status == 401
        postern.wait_for_log(f"{token} was disabled, because an old secret of it was used", before)
        assert postern.ask(target="/read", token=fresh).status == 401
        if turn == 0:
            postern.store.run("token", "enable", token)
    record = told(postern, "token.disable")[-1]
    assert record["actor"] == "process:postern-run" and "old secret" in record["reason"]


def test_the_last_administrator_is_not_disabled_by_whoever_has_an_old_secret(guard):
    postern = guard(config={"tokens": {"disable_on_reuse": True}})
    for token in postern.store.tokens():
        if "postern.admin" in token["roles"]:
            postern.store.run("token", "delete", token["id"], "--force", "--yes", ok=None)
    old = postern.store.create_token("root", "--role", "postern.admin")
    token = postern.store.token_id("root")
    fresh = postern.store.run("token", "rotate", token, "--quiet").stdout.strip()
    before = len(postern.log)
    assert postern.ask(target="/private", token=old).status == 401
    postern.wait_for_log(f"{token} stays enabled, though an old secret of it was used", before)
    assert postern.ask(target="/private", token=fresh).status == 200


def test_what_nobody_uses_is_one_query(guard, house, tokens):
    postern = guard()
    assert postern.ask(target="/read", token=tokens["reader"]).status == 200
    until(lambda: shown(postern, house.ids["reader"])["uses"] == 1, "the use")

    def unused(duration):
        listing = postern.store.run("token", "list", "--unused", duration, "--json").stdout
        return {token["id"] for token in json.loads(listing)}

    def used_and_unused():
        assert postern.ask(target="/read", token=tokens["reader"]).status == 200
        return unused("6s")

    others = set(house.ids.values()) - {house.ids["reader"]}
    until(lambda: unused("6s") == set(house.ids.values()), "six seconds without a use")
    until(lambda: used_and_unused() == others, "the use of one, which is written down every two seconds")
    assert unused("90d") == set()  # they were made just now
