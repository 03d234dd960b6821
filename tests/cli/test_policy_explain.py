"""`postern policy explain`: the decision, the rule with its place, each part of what it demands, and the near misses."""

import http.client
import os

from conftest import BINARY, TOKEN
from serving import Serving


def test_a_request_that_is_let_in(shop):
    answer = shop.json("policy", "explain", "GET", "/orders/17", "--token", TOKEN)
    assert (answer["allowed"], answer["reason"], answer["status"]) == (True, "granted", None)
    assert answer["place"] == "policy.yaml:4"
    assert answer["requirements"] == [
        {"requirement": "permission shop.orders.read", "place": "policy.yaml:4", "depth": 0, "answer": "met",
         "through": "through role shop.reader"}
    ]
    assert f"X-Subject-Token-Id: {TOKEN}" in answer["headers"]


def test_a_request_that_is_denied_names_what_is_missing_and_who_has_it(shop):
    answer = shop.json("policy", "explain", "PUT", "/orders/17", "--role", "shop.writer")
    assert (answer["allowed"], answer["reason"], answer["status"]) == (False, "missing_license", 403)
    assert answer["parameters"] == {"order": "17"}
    assert [(part["requirement"], part["answer"], part["through"]) for part in answer["requirements"]] == [
        ("all_of", "not met", ""),
        ("permission shop.orders.write", "met", "through role shop.writer"),
        ("license shop.pro", "not met", "not assigned"),
    ]
    assert answer["headers"] == []
    text = shop.run("policy", "explain", "PUT", "/orders/17", "--role", "shop.reader").stdout
    assert "denied, 403 insufficient_scope: missing_permission (permission shop.orders.write)" in text
    assert "not met, given by role shop.writer" in text


def test_near_misses_say_what_kept_a_rule_from_governing(shop):
    answer = shop.json("policy", "explain", "DELETE", "/orders/17", "--role", "shop.writer")
    assert (answer["rule"], answer["reason"]) == (None, "no_rule")
    assert [(miss["place"], miss["why"], miss["detail"]) for miss in answer["near_misses"]] == [
        ("policy.yaml:4", "method", "the method DELETE is not among GET"),
        ("policy.yaml:5", "method", "the method DELETE is not among PUT"),
    ]
    answer = shop.json("policy", "explain", "GET", "/order/17", "--role", "shop.writer")
    assert [(miss["why"], miss["detail"]) for miss in answer["near_misses"]] == [
        ("segment", 'segment 1 is "order", not "orders"')
    ]
    answer = shop.json("policy", "explain", "GET", "/health/")
    assert [miss["detail"] for miss in answer["near_misses"]] == ["the path has a '/' more at its end"]


def test_without_a_token_with_an_unusable_one_and_of_a_disabled_owner(shop):
    assert shop.json("policy", "explain", "GET", "/orders/17")["reason"] == "no_credential"
    assert shop.json("policy", "explain", "GET", "/orders/17", "--unusable")["reason"] == "invalid_token"
    answer = shop.json("policy", "explain", "GET", "/orders/17", "--user", "bob")
    assert (answer["reason"], answer["token_state"], answer["status"]) == ("invalid_token", "owner_disabled", 401)
    answer = shop.json("policy", "explain", "GET", "/orders/17", "--user", "alice")
    assert (answer["allowed"], "X-Subject-Type: user" in answer["headers"]) == (True, True)


def test_the_canonical_path_is_what_is_matched(shop):
    assert shop.json("policy", "explain", "get", "http://Shop.Example/%6frders/17?x=1", "--user", "alice")["path"] == "/orders/17"
    answer = shop.json("policy", "explain", "GET", "/orders/../health")
    assert (answer["allowed"], answer["reason"], answer["status"]) == (False, "dot_segment", 400)


def test_conditions_are_told_one_by_one(shop):
    (shop.folder / "policy.yaml").write_text(
        "version: 1\nrules:\n"
        "  - {path: /a, authenticated: true, client: [10.0.0.0/8], query: {v: [1, 2]}, headers: {X-Env: {absent: true}},\n"
        "     upstream_headers: {X-Tier: gold}}\n"
    )
    def ask(*words):
        answer = shop.json("policy", "explain", "GET", *words, "--role", "shop.reader")
        return answer["allowed"], answer["reason"], [one["condition"] for one in answer["conditions"] if not one["holds"]]
    assert ask("/a?v=1", "--client", "10.1.1.1") == (True, "granted", [])
    assert ask("/a?v=1&v=3", "--client", "10.1.1.1") == (False, "condition_not_met", ["query v"])
    assert ask("/a", "--client", "192.0.2.1", "--header", "x-env: 1") == (
        False, "condition_not_met", ["client", "query v", "header x-env"])
    assert "X-Tier: gold" in shop.json("policy", "explain", "GET", "/a?v=1", "--client", "10.1.1.1", "--role", "shop.reader")["headers"]


def test_words_that_make_no_sense(shop):
    assert "exclude each other" in shop.refused("policy", "explain", "GET", "/", "--user", "bob", "--unusable", code=2)
    assert "begins with '/'" in shop.refused("policy", "explain", "GET", "orders", code=2)
    assert shop.refused("policy", "explain", "GET", "/", "--token", "tok_0000000000000000")


def test_what_explain_says_is_what_the_server_does(shop):
    """Every rule of the file by every kind of subject: the answer's status is the server's."""
    made = {}
    for name, words in {"reader": ["--role", "shop.reader"], "writer": ["--role", "shop.writer", "--license", "shop.pro"]}.items():
        made[name] = shop.json("token", "create", "--name", name, *words)
    environment = {**shop.environment(), "POSTERN_LISTEN": "127.0.0.1:0", "POSTERN_UPSTREAM": "http://127.0.0.1:9"}
    with Serving([BINARY, "run"], cwd=shop.folder, environment={**environment, "PATH": os.environ["PATH"]}) as serving:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            for path in ("/health", "/orders/1", "/orders/1/lines", "/nowhere"):
                for name in (None, "reader", "writer"):
                    who = [] if name is None else ["--token", made[name]["id"]]
                    told = shop.json("policy", "explain", method, path, *who)
                    connection = http.client.HTTPConnection(serving.url.removeprefix("http://"), timeout=20)
                    headers = {} if name is None else {"Authorization": "Bearer " + made[name]["secret"]}
                    connection.request(method, path, headers=headers)
                    status = connection.getresponse().status
                    connection.close()
                    # Nobody listens behind it: what is let in ends as 502.
                    assert status == (502 if told["allowed"] else told["status"]), (method, path, name, told)


def test_an_escaped_slash_is_explained_as_it_is_served(shop):
    (shop.folder / "policy.yaml").write_text(
        'version: 1\nrules:\n  - {id: file, path: "/files/{name}", encoded_slash: keep, allow: anonymous}\n'
        '  - {id: secret, path: "/files/{name}/secret", deny: true}\n'
    )
    record = shop.json("policy", "explain", "GET", "/files/a%2fb")
    assert (record["rule"], record["path"], record["parameters"]) == ("file", "/files/a%2Fb", {"name": "a%2Fb"})
    refused = shop.json("policy", "explain", "GET", "/files/a%2Fsecret")
    assert (refused["allowed"], refused["status"], refused["reason"]) == (False, 400, "encoded_slash")
