"""A policy that changes all the time, while requests come on many connections and shards: every request is judged by one
whole policy, by the newest that anybody has seen, and by none that has mistakes."""

import json
import os
import re
import shutil
import signal
import threading

import pytest

from server import until

SWAPS = 1000
SHARDS = {"shards": 4, "limits": {"requests_per_connection": 0}}


def version(number):
    """Two headers of one rule, and one that another rule sets: whoever saw two versions at once would mix them."""
    return (
        "version: 1\nrules:\n"
        f'  - {{id: seen, path: /seen, allow: anonymous, upstream_headers: {{X-First: "{number}", X-Second: "{number}"}}}}\n'
        f'  - {{id: odd, path: /odd, {"allow: anonymous" if number % 2 else "deny: true"}}}\n'
        f'  - {{id: even, path: /even, {"deny: true" if number % 2 else "allow: anonymous"}}}\n'
        "  - {id: rest, path: /**, allow: anonymous}\n"
        "  - {id: closed, path: /closed, deny: true}\n"
    )


def put(postern, text):
    """As an operator should: written beside it, and renamed over it."""
    fresh = postern.folder / "policy.new"
    fresh.write_text(text)
    fresh.rename(postern.policy_file)


class Watcher(threading.Thread):
    """Asks over several connections in turn, and notes what was never to be seen."""

    def __init__(self, postern, done):
        super().__init__(daemon=True)
        self.postern, self.done = postern, done
        self.faults, self.versions, self.asked = [], set(), 0

    def run(self):
        try:
            self.watch()
        except Exception as error:  # a broken connection is a fault, too
            self.faults.append(repr(error))

    def watch(self):
        newest = 0
        clients = [self.postern.client() for _ in range(6)]
        while not self.done.is_set():
            for client in clients:
                reply = client.ask("GET", "/seen")
                sent = json.loads(reply.body)["headers"]
                first, second = (int(value) for name, value in sent if name in ("X-First", "X-Second"))
                if first != second:
                    self.faults.append(f"mixed: {first} and {second}")
                if first < newest:
                    self.faults.append(f"went back from {newest} to {first}")
                newest = max(newest, first)
                self.versions.add(first)
                if client.ask("GET", "/closed").status != 403:
                    self.faults.append("open: /closed")
                self.asked += 1
        for client in clients:
            client.__exit__(None, None, None)


def test_a_thousand_swaps_under_load(guard, whoami):
    postern = guard(policy=version(0), upstream=whoami.url, config=SHARDS)
    done = threading.Event()
    watchers = [Watcher(postern, done) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    for number in range(1, SWAPS + 1):
        if number % 10 == 3:
            put(postern, "version: 1\nrules:\n  - {path: /closed, allow: anonymous")  # breaks off
        elif number % 10 == 5:
            postern.policy_file.unlink()
        elif number % 10 == 7:
            put(postern, "version: 1\nrules:\n  - {path: /closed, allow: anonymous}\n  - {path: /closed, deny: true}\n")
        else:
            put(postern, version(number))
        postern.signal(signal.SIGHUP)
    put(postern, version(SWAPS + 1))
    with postern.client() as client:
        headers = lambda: dict(json.loads(client.ask("GET", "/seen").body)["headers"])  # noqa: E731
        until(lambda: headers().get("X-First") == str(SWAPS + 1), "the last policy", lambda: postern.log[-2000:])
    done.set()
    for watcher in watchers:
        watcher.join(60)
        assert watcher.faults == []
        assert watcher.asked > 0
    assert postern.process.poll() is None
    assert len(set.union(*(watcher.versions for watcher in watchers))) > 3
    assert postern.metric("reloads_total") > 3 and postern.metric("reload_failures_total") > 0
    assert postern.ask("GET", "/odd").status == 200 and postern.ask("GET", "/even").status == 403


def test_once_a_new_policy_was_seen_every_connection_is_judged_by_it(guard, whoami):
    """Also one on another shard, whose next event may be far away."""
    postern = guard(policy=version(0), upstream=whoami.url, config=SHARDS)
    clients = [postern.client() for _ in range(16)]
    for client in clients:
        assert client.ask("GET", "/even").status == 200
    for number in range(1, 30):
        put(postern, version(number))
        postern.signal(signal.SIGHUP)
        now_open, now_closed = ("/odd", "/even") if number % 2 else ("/even", "/odd")
        until(lambda: clients[0].ask("GET", now_open).status == 200, "the new policy")
        assert [client.ask("GET", now_closed).status for client in clients] == [403] * len(clients)
    for client in clients:
        client.__exit__(None, None, None)


# --- what a reload tells ---


def test_log_metrics_and_readiness_tell_what_changed(guard):
    postern = guard(policy=version(1))
    ready = json.loads(postern.admin("/readyz").body)
    assert ready["policy"]["is_latest"] is True
    assert ready["policy"]["last_change"] == {what: {"count": 0, "rules": []} for what in ("added", "removed", "changed")}
    before = len(postern.log)
    put(postern, version(2).replace("id: rest, path: /**", "id: remainder, path: /**"))
    postern.wait_for_log(r"reloaded: 5 rules in force, 1 rule added \(remainder\), 1 removed \(rest\), 3 changed \(seen, odd, even\)", before)
    until(lambda: postern.metric("reloads_total") == 1, "the reload")
    for what, count in (("added", 1), ("removed", 1), ("changed", 3)):
        assert re.search(rf'^postern_policy_rule_changes_total{{change="{what}"}} {count}$', postern.metrics(), re.M)
    changed = json.loads(postern.admin("/readyz").body)["policy"]
    assert changed["last_change"]["changed"] == {"count": 3, "rules": ["seen", "odd", "even"]}
    assert changed["in_force_since"] >= ready["policy"]["in_force_since"]
    before = len(postern.log)
    put(postern, "rules: [")
    postern.wait_for_log("reload refused", before)
    refused = json.loads(postern.admin("/readyz").body)
    assert refused["ready"] is True and refused["policy"]["is_latest"] is False
    assert refused["policy"]["last_change"] == changed["last_change"]


def test_a_reload_without_a_change_says_so(guard):
    postern = guard()
    before = len(postern.log)
    postern.signal(signal.SIGHUP)
    postern.wait_for_log(r"reloaded: \d+ rules in force, no rule changed", before)


# --- when the system does not tell of changes ---


@pytest.fixture
def mounted(guard):
    """The policy lies in a directory of its own, as on a volume."""
    postern = guard(begin=False)
    volume = postern.folder / "volume"
    volume.mkdir()
    (volume / "policy.yaml").write_text(version(1))
    postern.write_config(policy=str(volume / "policy.yaml"))
    return postern.start(), volume


def test_a_directory_that_vanishes_and_comes_back(mounted):
    postern, volume = mounted
    before = len(postern.log)
    shutil.rmtree(volume)
    postern.wait_for_log("cannot watch", before)
    assert postern.ask("GET", "/odd").status == 200 and postern.ask("GET", "/closed").status == 403
    assert b"cannot be watched" in postern.admin("/readyz").body and postern.metric("files_watched") == 0
    assert postern.admin("/readyz").status == 200
    volume.mkdir()
    (volume / "policy.yaml").write_text(version(2))
    until(lambda: postern.ask("GET", "/even").status == 200, "the policy that came back")
    until(lambda: postern.metric("files_watched") == 1, "the watch")
    put_beside = volume / "policy.new"
    put_beside.write_text(version(3))
    put_beside.rename(volume / "policy.yaml")
    until(lambda: postern.ask("GET", "/odd").status == 200, "the policy after that")


def test_a_directory_that_is_moved_away_and_replaced(mounted):
    postern, volume = mounted
    volume.rename(volume.with_name("old"))
    volume.mkdir()
    (volume / "policy.yaml").write_text(version(2))
    until(lambda: postern.ask("GET", "/even").status == 200, "the new directory's policy")
    assert postern.ask("GET", "/closed").status == 403


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_permission_to_read_and_to_watch_is_lost(guard):
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv")
    postern = guard(begin=False, under=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    volume = postern.folder / "volume"
    volume.mkdir()
    (volume / "policy.yaml").write_text(version(1))
    postern.write_config(policy=str(volume / "policy.yaml"))
    for path in [postern.folder, *postern.folder.rglob("*")]:
        os.chown(path, 65534, 65534)
    for parent in postern.folder.parents:
        if parent.stat().st_mode & 0o011 != 0o011:
            parent.chmod(parent.stat().st_mode | 0o011)
    postern.start()
    before = len(postern.log)
    volume.chmod(0)
    postern.signal(signal.SIGHUP)
    postern.wait_for_log("reload refused", before)
    postern.wait_for_log("cannot watch", before)
    assert postern.ask("GET", "/odd").status == 200 and postern.ask("GET", "/closed").status == 403
    (volume / "policy.yaml").write_text(version(2))
    volume.chmod(0o755)
    until(lambda: postern.ask("GET", "/even").status == 200, "the policy that can be read again")


# --- files that are being written ---


def test_a_file_is_read_when_it_is_written_to_its_end(guard):
    """Half of a policy may be a policy, too, and one that lacks the rule that closes a path."""
    postern = guard(policy=version(1))
    whole = version(2)
    half = whole[: whole.index("  - {id: closed")]
    with open(postern.policy_file, "w") as file:
        file.write(half)
        file.flush()
        os.fsync(file.fileno())
        assert postern.ask("GET", "/closed").status == 403
        assert postern.ask("GET", "/odd").status == 200
        file.write(whole[len(half) :])
    until(lambda: postern.ask("GET", "/even").status == 200, "the whole policy")
    assert postern.ask("GET", "/closed").status == 403


def test_a_file_that_breaks_off_is_refused(guard):
    postern = guard(policy=version(1))
    whole = version(2)
    for size in [1, 20, *(found.start() + 5 for found in re.finditer("{id", whole))]:
        before = len(postern.log)
        put(postern, whole[:size])
        postern.wait_for_log("reload refused", before)
        assert postern.ask("GET", "/odd").status == 200 and postern.ask("GET", "/closed").status == 403


def test_another_file_that_is_written_all_the_time_does_not_keep_the_policy_from_being_read(guard):
    postern = guard(policy=version(1))
    done = threading.Event()

    def write():
        while not done.is_set():
            (postern.folder / "noise").write_text("x")

    noise = threading.Thread(target=write, daemon=True)
    noise.start()
    put(postern, version(2))
    until(lambda: postern.ask("GET", "/even").status == 200, "the new policy")
    done.set()
    noise.join()
