"""`postern policy diff OLD NEW`: what one policy lets pass and another does not."""

import json

from conftest import POLICY

RULES = "version: 1\nrules:\n"


def diff(shop, old, new, *options, ok=3):
    (shop.folder / "old.yaml").write_text(RULES + old)
    (shop.folder / "new.yaml").write_text(RULES + new)
    return shop.run("policy", "diff", "old.yaml", "new.yaml", *options, ok=ok)


def test_other_words_for_the_same_are_no_difference(shop):
    done = shop.run("policy", "diff", "policy.yaml", "policy-by-verb.yaml")
    assert done.stdout.startswith("the same may pass, and is served alike, in ")
    assert shop.json("policy", "diff", "policy.yaml", "policy-by-verb.yaml")["same"] is True


def test_differences_are_told_with_rules_requests_and_examples(empty):
    old = "  - {id: orders, path: /orders/**, permission: orders.read}\n  - {id: health, path: /health, allow: anonymous}\n"
    new = old + "  - {path: '/orders/{order}', methods: [GET], permission: orders.read, resource: 'order/{order}'}\n"
    new = new.replace("allow: anonymous", "authenticated: true")
    assert diff(empty, old, new).stdout == (
        "looser\n"
        "  before: orders (old.yaml:3): permission orders.read\n"
        "  after:  new.yaml:5: permission orders.read, on order/{order}\n"
        "  example: GET /orders/other-1 with permission orders.read on order/other-1: was refused before, passes now\n"
        "  GET, HEAD /orders/{other}\n"
        "stricter\n"
        "  before: health (old.yaml:4): everybody\n"
        "  after:  health (new.yaml:4): any valid token\n"
        "  example: GET /health without a token: passed before, is refused now\n"
        "  GET, HEAD, other /health\n"
        "2 differences, in 33 classes of requests\n"
    )


def test_an_example_is_what_explain_says_too(empty):
    """The witness of a difference, asked of both policies."""
    old = "  - {path: '/a/{x}', any_of: [{role: r}, {all_of: [{group: g}, {not: {group: h}}]}]}\n"
    new = "  - {path: '/a/{x}', role: r}\n"
    [example] = json.loads(diff(empty, old, new, "--json").stdout)["differences"][0]["examples"]
    assert (example["before"], example["after"]) == ("allow", "deny")
    options = [word for held in example["holds"] for word in (f"--{held.split()[0]}", held.split()[1])]
    for policy, verdict in (("old.yaml", True), ("new.yaml", False)):
        answer = empty.json("policy", "explain", example["method"], example["path"], "--policy", policy, "--subject", "token", *options, ok=None)
        assert answer["allowed"] is verdict


def test_options_and_upstreams_are_compared_by_name(empty):
    rule = "  - {path: /a, role: r, upstream: orders}\n"
    assert diff(empty, rule, rule, ok=0)
    assert "  options: upstream, body_limit, encoded_slash, timeouts\n" in diff(empty, rule, rule.replace("orders", "bills, body_limit: 1MB, encoded_slash: keep, timeouts: {idle: 5s}")).stdout


def test_long_lists_are_cut_unless_asked_for(empty):
    rules = "".join(f"  - {{path: /a{n}/b, role: r}}\n" for n in range(10))
    old, new = rules + "  - {path: /**, role: s}\n", rules + "  - {path: /**, role: t}\n"
    text = diff(empty, old, new).stdout
    assert text.count("\n  GET, HEAD, ") == 5 and "\n  and 47 more sets of requests\n" in text
    whole = diff(empty, old, new, "--all").stdout
    assert whole.count("\n  GET, HEAD, ") == 52 and "more sets" not in whole and "/a7/{other}/**" in whole


def test_rules_may_move_to_another_file(empty):
    rule = "  - {path: /a, role: r}\n"
    (empty.folder / "team.yaml").write_text(RULES + rule)
    other = "  - {path: /b, role: r}\n"
    (empty.folder / "whole.yaml").write_text(RULES + rule + other)
    (empty.folder / "split.yaml").write_text("version: 1\ninclude: [team.yaml]\nrules:\n" + other)
    empty.run("policy", "diff", "whole.yaml", "split.yaml")
    (empty.folder / "team.yaml").write_text(RULES + rule.replace("role: r", "role: s"))
    answer = empty.run("policy", "diff", "whole.yaml", "split.yaml", ok=3).stdout
    assert "  after:  team.yaml:3: role s\n" in answer


def test_what_is_wrong_with_either_is_said(empty):
    assert "old.yaml:3:5" in diff(empty, "  - {path: /a}\n", "  - {path: /a, role: r}\n", ok=1).stderr
    assert "new.yaml:3" in diff(empty, "  - {path: /a, role: r}\n", "  - {pth: /a}\n", ok=1).stderr
    assert "nothing.yaml" in empty.run("policy", "diff", "old.yaml", "nothing.yaml", ok=1).stderr
    assert empty.run("policy", "diff", "old.yaml", ok=2).stderr != ""


def test_the_shop_s_own_policy_without_a_store(empty):
    (empty.folder / "policy.yaml").write_text(POLICY)
    assert empty.json("policy", "diff", "policy.yaml", "policy.yaml")["differences"] == []


def test_an_included_file_that_is_swapped_for_a_link_shows_nothing_of_where_it_leads(shop, tmp_path_factory):
    """Whoever writes one team's file must not see lines of another secret in the mistakes, however quickly they change it."""
    import os
    import threading

    secret = tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_text("password: hunter2\n")
    (shop.folder / "teams").mkdir()
    (shop.folder / "old.yaml").write_text("version: 1\nrules:\n  - {path: /a, deny: true}\n")
    (shop.folder / "new.yaml").write_text("version: 1\ninclude: [teams/a.yaml]\nrules:\n  - {path: /a, deny: true}\n")
    good, link, place = (shop.folder / "teams" / name for name in ("good", "link", "a.yaml"))
    good.write_text("version: 1\nrules:\n  - {path: /b, deny: true}\n")
    link.symlink_to(secret)
    place.write_text(good.read_text())
    over = threading.Event()

    def swap():
        while not over.is_set():
            for source in (good, link):
                spare = shop.folder / "teams" / "spare"
                os.link(source, spare, follow_symlinks=False)
                os.replace(spare, place)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        told = [shop.run("policy", "diff", "old.yaml", "new.yaml", ok=None).stderr for _ in range(60)]
    finally:
        over.set()
        swapper.join()
    assert not [text for text in told if "hunter2" in text]
    assert any("leads out" in text for text in told), told[:3]


def test_an_included_pipe_is_not_waited_for(shop):
    import os

    (shop.folder / "old.yaml").write_text("version: 1\nrules:\n  - {path: /a, deny: true}\n")
    (shop.folder / "new.yaml").write_text("version: 1\ninclude: [pipe.yaml]\nrules:\n  - {path: /a, deny: true}\n")
    os.mkfifo(shop.folder / "pipe.yaml")
    assert "is not a regular file" in shop.run("policy", "diff", "old.yaml", "new.yaml", ok=1).stderr
