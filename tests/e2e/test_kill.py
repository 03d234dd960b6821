"""kill -9 at any moment: the store opens, every acknowledged write is there, the audit chain is whole."""

import hashlib
import json
import random
import subprocess
import threading
import time

from server import BINARY, environment, until
from wire import PATIENCE, Client


def test_server_and_writers_are_killed_in_a_loop(guard, full, tokens):
    """Writers create, rotate and delete tokens through the command line while a server serves; each round kills one or the other in
    the middle. What a command has acknowledged by its exit must hold afterwards."""
    rounds = 200 if full else 10
    dice = random.Random(20260101)
    postern = guard()
    store = postern.store
    alive = {}  # name -> secret, acknowledged
    gone = []  # secrets whose end was acknowledged
    names = iter(range(1_000_000))

    def write_until_killed(stop):
        """One writer: a sequence of commands, of which the last may be killed."""
        while not stop.is_set():
            name = f"w{next(names)}"
            command = [BINARY, "token", "create", "--name", name, "--json", "--store", str(store.directory)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
            current.append(process)
            output = process.communicate()[0]
            if process.returncode != 0:
                return
            created = json.loads(output)
            alive[name] = created["secret"]
            if dice.random() < 0.4:
                id = created["id"]
                process = subprocess.Popen(
                    [BINARY, "token", "delete", id, "--store", str(store.directory)],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
                )  # fmt: skip
                current.append(process)
                if process.wait() != 0:
                    alive.pop(name)  # unknown: it may or may not have happened
                    return
                gone.append(alive.pop(name))

    def traffic(stop):
        while not stop.is_set():
            try:
                with Client(postern.port) as client:
                    while not stop.is_set():
                        client.ask(target="/read", token=tokens["reader"])
            except (OSError, AssertionError):
                if stop.is_set():
                    return
                time.sleep(0.001)

    for round_number in range(rounds):
        current = []
        stop = threading.Event()
        threads = [threading.Thread(target=write_until_killed, args=(stop,)) for _ in range(2)]
        threads.append(threading.Thread(target=traffic, args=(stop,)))
        for thread in threads:
            thread.start()
        time.sleep(dice.uniform(0.005, 0.15))
        if round_number % 2 == 0:
            postern.kill()
        for process in list(current):
            if process.poll() is None:
                process.kill()
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)
        if round_number % 2 == 0:
            postern.start()
        check(postern, store, alive, gone, everything=round_number % 10 == 9 or round_number == rounds - 1)
    assert len(alive) + len(gone) >= rounds / 4, "the writers got nowhere"


def check(postern, store, alive, gone, everything):
    store.run("store", "verify")
    store.run("audit", "verify")
    with Client(postern.port) as client:
        for name, secret in list(alive.items())[0 if everything else -5 :]:
            assert client.ask(target="/private", token=secret).status == 200, f"{name} was acknowledged and is not there"
        for secret in gone[0 if everything else -5 :]:
            assert client.ask(target="/private", token=secret).status == 401, "a deletion was acknowledged and did not happen"


def test_an_import_that_is_killed_leaves_whole_thousands(guard, tmp_path):
    postern = guard()
    secrets = [f"bulk-{i:06}-Qz7xKp3vLm" for i in range(20_000)]
    secrets.sort(key=lambda secret: hashlib.sha256(secret.encode()).digest())  # as they are imported
    file = tmp_path / "secrets.txt"
    file.write_text("".join(f"{secret} bulk-{i}\n" for i, secret in enumerate(secrets)))
    process = subprocess.Popen(
        [BINARY, "token", "import", str(file), "--store", str(postern.store.directory)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    with Client(postern.port) as client:
        until(lambda: client.ask(target="/private", token=secrets[2500]).status == 200, "the third thousand")
        process.kill()
        process.wait()
        there = [client.ask(target="/private", token=secret).status == 200 for secret in secrets[::100]]
    count = there.index(False) * 100 if False in there else len(secrets)
    assert count >= 2500 and count % 1000 == 0
    assert not any(there[there.index(False) :]) if False in there else True
    postern.store.run("store", "verify")
    postern.store.run("audit", "verify")
    postern.store.run("token", "import", str(file), "--resume")
    assert all(postern.ask(target="/private", token=secret).status == 200 for secret in secrets[::500])


def test_a_server_that_was_killed_under_load_starts_again_at_once(guard, tokens):
    postern = guard()
    for _ in range(3):
        with postern.client() as client:
            assert client.ask(target="/read", token=tokens["reader"]).status == 200
            postern.kill()
        postern.start()
    assert postern.ask(target="/read", token=tokens["reader"]).status == 200


def test_many_killed_readers_do_not_fill_the_reader_table(guard, tokens):
    """Each killed server leaves its reader slots behind; they are cleared by who comes next."""
    postern = guard(config={"shards": 2})
    for _ in range(80):
        postern.kill()
        postern.start()
    assert postern.ask(target="/read", token=tokens["reader"]).status == 200
