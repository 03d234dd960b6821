"""`postern policy replay`: what a policy would change for recorded requests, and what the log cannot tell."""

import http.client
import json
import os

import pytest
from conftest import BINARY, TOKEN
from logs import anonymous, by, denied, line, shadowed, write
from serving import Serving


def policy(shop, *rules, top=""):
    (shop.folder / "new.yaml").write_text("version: 1\n" + top + "rules:\n" + "".join(f"  - {rule}\n" for rule in rules))


def replay(shop, lines, *words, ok=3):
    return shop.json("policy", "replay", write(shop.folder, lines), "--policy", "new.yaml", *words, ok=ok)


def groups(answer):
    return [(one["change"], one["count"], one["subject"], one["rule"], one["why"]) for one in answer["groups"]]


def test_the_same_policy_changes_nothing(shop):
    log = write(shop.folder, [anonymous(), by(TOKEN), denied(by(TOKEN, "PUT")), denied(line(), "no_credential")])
    done = shop.run("policy", "replay", log)
    assert (done.stdout, done.stderr) == ("unchanged: 4 requests\n4 lines read\n", "")


def test_what_would_be_denied_and_what_let_in(shop):
    policy(
        shop,
        "{id: health, path: /health, authenticated: true}",
        "{id: orders, path: /orders/**, permission: shop.orders.write}",
        "{id: open, path: /open, allow: anonymous}",
    )
    answer = replay(shop, [
        anonymous(), anonymous(time="2026-11-23T15:00:00.123Z"), by(TOKEN), by(TOKEN, path="/orders/18"),
        denied(line(path="/open"), "no_rule", rule=""), denied(by(TOKEN, path="/gone"), "no_rule", rule=""),
    ])
    assert groups(answer) == [
        ("newly_denied", 2, "anonymous", "health", "no_credential"),
        ("newly_denied", 2, f"token {TOKEN}", "orders", "missing_permission (permission shop.orders.write)"),
        ("newly_allowed", 1, "anonymous", "open", "anonymous"),
    ]
    assert (answer["newly_denied"], answer["newly_allowed"], answer["unchanged"], answer["lines"]) == (4, 1, 1, 6)
    first = answer["groups"][0]
    assert (first["place"], first["rule_then"], first["reason_then"]) == ("new.yaml:3", "health", "anonymous")
    assert (first["first"], first["last"]) == ("2026-11-23T15:00:00.123Z", "2026-11-24T15:00:00.123Z")
    text = shop.run("policy", "replay", "access.log", "--policy", "new.yaml", ok=3).stdout
    assert text.startswith(
        "newly denied: 4 requests\n"
        "  2  anonymous  GET /health and alike\n"
        "    rule health (new.yaml:3): no_credential; then anonymous by rule health\n"
    )
    assert text.endswith("unchanged: 1 request\n6 lines read\n")


def test_shadow_mode_is_told_and_can_be_taken_as_enforced(shop):
    policy(shop, "{id: orders, path: /orders/**, permission: shop.orders.write, mode: shadow}")
    lines = [by(TOKEN), shadowed(by(TOKEN, path="/orders/9")), denied(line(), "no_credential")]
    answer = replay(shop, lines, ok=0)
    assert groups(answer) == [
        ("shadow_only", 1, f"token {TOKEN}", "orders", "missing_permission (permission shop.orders.write)")] * 2
    assert [one["shadowed_then"] for one in answer["groups"]] == [False, True]
    answer = replay(shop, lines, "--enforce")
    assert (answer["newly_denied"], answer["unchanged"]) == (2, 1)
    # A shadowed denial of the log has passed; without it the same is newly denied.
    policy(shop, "{id: orders, path: /orders/**, permission: shop.orders.write}")
    assert replay(shop, lines)["newly_denied"] == 2


@pytest.mark.parametrize(
    "rule, change, why",
    [
        ("query: {v: 1}, authenticated: true", "undecidable", "depends on query v"),
        ("headers: {X-Env: [a]}, query: {v: 1}, allow: anonymous", "undecidable", "depends on query v, header x-env"),
        ("headers: {X-Env: [a]}, permission: shop.orders.write", "newly_denied", "missing_permission (permission shop.orders.write)"),
        ("client: [10.0.0.0/8], headers: {X-Env: [a]}, authenticated: true", "newly_denied", "condition_not_met (client)"),
        ("client: [192.0.2.0/24], permission: shop.orders.read", None, None),
        ("credentials: [{cookie: session}], permission: shop.orders.read", "undecidable", "depends on the place of its token"),
        ("credentials: [{cookie: session}], permission: shop.orders.write", "newly_denied", None),
        ("credentials: [{cookie: session}], allow: anonymous", None, None),
        ("headers: {X-Env: [a]}, deny: true", "newly_denied", "denied"),
        ("query: {v: 1}, authenticated: true, mode: shadow", None, None),
    ],
)
def test_what_the_log_does_not_hold_is_never_guessed(shop, rule, change, why):
    policy(shop, f"{{id: r, path: /orders/**, {rule}}}")
    answer = replay(shop, [by(TOKEN)], ok=0 if change is None else 3)
    assert [one["change"] for one in answer["groups"]] == ([] if change is None else [change])
    if why is not None:
        assert answer["groups"][0]["why"] == why


@pytest.mark.parametrize(
    "old, new, reason, change",
    [
        # It held then, so it holds.
        ("headers: {X-Env: [a]}, authenticated: true", "headers: {X-Env: [a]}, permission: shop.orders.read", "granted", None),
        ("headers: {X-Env: [a]}, authenticated: true", "headers: {X-Env: [a]}, permission: shop.orders.write", "granted", "newly_denied"),
        ("headers: {X-Env: [a]}, authenticated: true", "headers: {X-Env: [b]}, authenticated: true", "granted", "undecidable"),
        ("headers: {X-Env: [a]}, authenticated: true", "headers: {X-Env: [a]}, query: {v: 1}, authenticated: true", "granted", "undecidable"),
        # It did not hold then.
        ("headers: {X-Env: [a]}, authenticated: true", "headers: {X-Env: [a]}, permission: shop.orders.read", "condition_not_met", None),
        ("headers: {X-Env: [a]}, authenticated: true", "headers: {X-Env: [a]}, query: {v: 1}, authenticated: true", "condition_not_met", None),
        ("headers: {X-Env: [a]}, authenticated: true", "headers: {X-Env: [b]}, authenticated: true", "condition_not_met", "undecidable"),
        ("headers: {X-Env: [a]}, authenticated: true", "authenticated: true", "condition_not_met", "newly_allowed"),
        # One of the two did not, and nobody knows which.
        ("headers: {X-Env: [a]}, query: {v: 1}, authenticated: true", "headers: {X-Env: [a]}, authenticated: true", "condition_not_met", "undecidable"),
        ("client: [10.0.0.0/8], query: {v: 1}, authenticated: true", "query: {v: 1}, authenticated: true", "condition_not_met", "undecidable"),
        ("client: [192.0.2.0/24], query: {v: 1}, authenticated: true", "query: {v: 1}, authenticated: true", "condition_not_met", None),
        ("credentials: [{cookie: c}], authenticated: true", "credentials: [{cookie: c}], permission: shop.orders.read", "granted", None),
        ("credentials: [{cookie: c}], authenticated: true", "authenticated: true", "granted", "undecidable"),
    ],
)  # fmt: skip
def test_with_the_old_policy_more_is_known(shop, old, new, reason, change):
    (shop.folder / "old.yaml").write_text(f"version: 1\nrules:\n  - {{id: orders, path: /orders/**, {old}}}\n")
    policy(shop, f"{{id: r, path: /orders/**, {new}}}")
    request = by(TOKEN) if reason == "granted" else denied(by(TOKEN), reason)
    answer = replay(shop, [request], "--old", "old.yaml", ok=0 if change is None else 3)
    assert [one["change"] for one in answer["groups"]] == ([] if change is None else [change])
    # A log that another policy wrote says nothing of this one's conditions.
    if "headers" in new and reason == "granted" and "write" not in new:
        assert replay(shop, [by(TOKEN, rule="other")], "--old", "old.yaml")["undecidable"] == 1


def test_in_shadow_mode_a_missing_token_says_nothing_of_conditions(shop):
    rule = "{id: orders, path: /orders/**, query: {v: 1}, authenticated: true%s}"
    (shop.folder / "old.yaml").write_text("version: 1\nrules:\n  - " + rule % ", mode: shadow" + "\n")
    policy(shop, "{id: orders, path: /orders/**, query: {v: 1}, allow: anonymous}")
    assert replay(shop, [denied(line(), "no_credential")], "--old", "old.yaml")["undecidable"] == 1
    (shop.folder / "old.yaml").write_text("version: 1\nrules:\n  - " + rule % "" + "\n")
    assert replay(shop, [denied(line(), "no_credential")], "--old", "old.yaml")["newly_allowed"] == 1


def test_a_preflight_that_was_let_in_still_is(shop):
    (shop.folder / "old.yaml").write_text("version: 1\nrules:\n  - {id: cors, path: /**, allow: preflight}\n")
    policy(shop, "{id: cors, path: /**, allow: preflight}", "{id: all, path: /**, methods: [GET], authenticated: true}")
    request = anonymous("OPTIONS", "/orders", rule="cors")
    assert replay(shop, [request])["undecidable"] == 1
    assert replay(shop, [request], "--old", "old.yaml", ok=0)["unchanged"] == 1


def test_a_token_that_is_gone_makes_undecidable_only_what_depends_on_its_rights(shop):
    gone = "tok_0000000000000000"
    policy(
        shop,
        "{id: any, path: /any, authenticated: true}",
        "{id: right, path: /right, permission: shop.orders.read}",
        "{id: either, path: /either, any_of: [{authenticated: true}, {permission: shop.orders.read}]}",
        "{id: none, path: /none, all_of: [{client_certificate: true}, {permission: shop.orders.read}]}",
        '{id: self, path: "/self/{user}", owner: {user}}',
        "{id: neither, path: /neither, not: {group: staff}}",
    )
    paths = ("/any", "/right", "/either", "/none", f"/self/{gone}", "/self/other", "/neither", "/nowhere")
    answer = replay(shop, [by(gone, path=path) for path in paths])
    assert sorted((one["path"], one["change"]) for one in answer["groups"]) == [
        ("/neither", "undecidable"), ("/none", "newly_denied"), ("/nowhere", "newly_denied"),
        ("/right", "undecidable"), ("/self/other", "newly_denied"),
    ]
    assert {one["why"] for one in answer["groups"] if one["change"] == "undecidable"} == {"depends on the rights of its token"}
    # Of a user who is still there, a token that is not does no harm.
    assert replay(shop, [by(gone, path="/right", user="alice")], ok=0)["unchanged"] == 1
    # A token that is sent where only this rule looks may have been sent, and nobody knew.
    policy(shop, "{id: r, path: /r, authenticated: true, credentials: [{cookie: c}]}")
    assert replay(shop, [denied(line(path="/r"), "no_rule", rule="")])["undecidable"] == 1


def test_a_token_counts_as_valid_as_it_did_then(shop):
    shop.run("token", "disable", TOKEN)
    policy(shop, "{id: orders, path: /orders/**, permission: shop.orders.read}")
    assert replay(shop, [by(TOKEN)], ok=0)["unchanged"] == 1
    unusable = denied(line(token="", token_state="expired"), "invalid_token")
    assert replay(shop, [unusable], ok=0)["unchanged"] == 1


def test_without_a_store_rights_are_not_known(empty):
    policy(empty, "{id: a, path: /orders/**, permission: shop.orders.read}", "{id: h, path: /health, allow: anonymous}")
    done = empty.run("policy", "replay", write(empty.folder, [by(TOKEN), anonymous()]), "--policy", "new.yaml", "--json", ok=3)
    assert "what tokens hold is not known" in done.stderr
    answer = json.loads(done.stdout)
    assert (answer["undecidable"], answer["unchanged"]) == (1, 1)


def test_requests_that_no_rule_refused_are_set_aside(shop):
    policy(shop, "{id: all, path: /**, allow: anonymous}")
    lines = [
        line(path="/a/../b", status=400, code="dot_segment", rule=None, verdict=None, reason=None, subject_type=None, subject=None),
        denied(line(), "invalid_token", code="too_many_failures", status=429),
    ]
    answer = replay(shop, lines, ok=0)
    assert (answer["refused_before_rules"], answer["refused_by_limit"], answer["lines"], answer["groups"]) == (1, 1, 2, [])


def test_escaped_slashes_are_the_policy_s(shop):
    policy(shop, '{id: files, path: "/files/{name}", authenticated: true, encoded_slash: keep}')
    request = by(TOKEN, path="/files/a%2Fb")
    assert replay(shop, [request], ok=0)["unchanged"] == 1
    policy(shop, "{id: files, path: /files/**, authenticated: true}")
    assert groups(replay(shop, [request])) == [("newly_denied", 1, f"token {TOKEN}", None, "encoded_slash")]


BROKEN = [
    ("{", "no JSON: "),
    ("[]", "no JSON object"),
    ("{}", '"time" is missing'),
    (line(client="x"), '"client" is no address'),
    (line(verdict="maybe"), '"verdict" is neither allow nor deny'),
    (line(shadowed="yes"), '"shadowed" is neither true nor false'),
    (line(reason=None), '"reason" is missing'),
    (line(method=7), '"method" is no text'),
    (line(subject="a\x1b[2J"), '"subject" holds a control character'),
    (line(path="/a/../b"), "method, host or path are not in canonical form"),
    (line(path="/a?b"), "method, host or path are not in canonical form"),
    (line(host="Shop.Example"), "method, host or path are not in canonical form"),
    (line(path="/" + "a" * 20000), "longer than any line of the log"),
]


def test_broken_lines_are_counted_named_and_lose_nothing(shop):
    policy(shop, "{id: orders, path: /orders/**, permission: shop.orders.read}")
    lines = [one for broken, _ in BROKEN for one in (by(TOKEN), broken)] + [by(TOKEN)[:40]]
    (shop.folder / "access.log").write_text("\n".join(lines))  # the last one is still being written
    answer = shop.json("policy", "replay", "access.log", "--policy", "new.yaml", ok=3)
    assert (answer["lines"], answer["broken"], answer["unchanged"]) == (len(lines), len(BROKEN) + 1, len(BROKEN))
    for number, (one, (_, why)) in enumerate(zip(answer["broken_lines"], BROKEN)):
        assert (one["file"], one["line"]) == ("access.log", 2 * number + 2)
        assert one["why"].startswith(why), one
    text = shop.run("policy", "replay", "access.log", "--policy", "new.yaml", ok=3).stdout
    assert f"{len(lines)} lines read, {len(BROKEN) + 1} of them broken:\n  access.log:2: no JSON: " in text


def test_several_logs_and_standard_input(shop):
    policy(shop, "{id: orders, path: /orders/**, permission: shop.orders.read}")
    write(shop.folder, [by(TOKEN)], "access.log.1")
    answer = shop.json("policy", "replay", "access.log.1", "/dev/stdin", "--policy", "new.yaml", stdin=by(TOKEN) + "\n\n" + by(TOKEN))
    assert (answer["lines"], answer["unchanged"]) == (3, 3)
    assert "No such file" in shop.refused("policy", "replay", "no.log")
    shop.refused("policy", "replay", ".")


@pytest.mark.skipif("POSTERN_SANITIZED" in os.environ, reason="a sanitizer keeps what was freed")
def test_memory_does_not_grow_with_the_log(shop):
    """A log many times as long takes no more memory."""
    policy(shop, "{id: orders, path: /orders/**, permission: shop.orders.write}")

    def peak(count):
        (shop.folder / "access.log").write_text((by(TOKEN) + "\n") * count)
        script = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        import subprocess

        command = ["/usr/bin/python3", "-c", script, BINARY, "policy", "replay", "access.log", "--policy", "new.yaml"]
        return int(subprocess.run(command, capture_output=True, text=True, cwd=shop.folder, env=shop.environment()).stdout)

    few = peak(100)
    many = peak(100_000)  # 40 MB
    assert many < few + 8_000, (few, many)  # KiB


def test_the_log_of_a_server_is_read_back_whole(shop):
    """What a server wrote, put to its own policy, changes nothing; to another one, what that one says."""
    made = shop.json("token", "create", "--name", "writer", "--role", "shop.writer", "--license", "shop.pro")
    environment = {**shop.environment(), "POSTERN_LISTEN": "127.0.0.1:0", "POSTERN_UPSTREAM": "http://127.0.0.1:9", "PATH": os.environ["PATH"]}
    requests = 0
    with Serving([BINARY, "run", "--access-log", "server.log"], cwd=shop.folder, environment=environment) as serving:
        for method in ("GET", "HEAD", "PUT", "OPTIONS"):
            for path in ("/health", "/orders/1?a=b", "/orders/%c3%a9", "/nowhere", "/orders/../x", "*"):
                for secret in (None, made["secret"], "x" * 40):
                    if path == "*" and method != "OPTIONS":
                        continue
                    connection = http.client.HTTPConnection(serving.url.removeprefix("http://"), timeout=20)
                    connection.request(method, path, headers={} if secret is None else {"Authorization": "Bearer " + secret})
                    connection.getresponse().read()
                    connection.close()
                    requests += 1
        assert serving.stop() == 0
    answer = shop.json("policy", "replay", "server.log")
    assert (answer["lines"], answer["broken"]) == (requests, 0)
    assert answer["unchanged"] + answer["refused_before_rules"] + answer["refused_by_limit"] == requests
    assert answer["unchanged"] > 40
    policy(shop, "{id: health, path: /health, allow: anonymous}")
    answer = shop.json("policy", "replay", "server.log", "--policy", "new.yaml", ok=3)
    assert {(one["subject"], one["why"]) for one in answer["groups"]} == {(f"token {made['id']}", "no_rule")}


def test_a_method_in_lower_case_is_one_like_others(shop):
    """Anybody may ask with one; it is no reason to distrust the log."""
    policy(shop, "{id: orders, path: /orders/**, permission: shop.orders.read}")
    (shop.folder / "access.log").write_text(by(TOKEN, "get") + "\n")
    answer = shop.json("policy", "replay", "access.log", "--policy", "new.yaml")
    assert (answer["lines"], answer["broken"]) == (1, 0)
