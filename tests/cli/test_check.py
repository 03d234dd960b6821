"""`postern check` and the configuration's reference."""

import re
import shutil


def test_a_good_configuration(shop):
    assert shop.run("check").stdout == "ok: 3 rules in policy.yaml\n"
    assert shop.json("check", "--config", "postern.yaml") == {"ok": True, "rules": 3, "diagnostics": []}


def test_all_mistakes_at_once_with_line_column_and_caret(shop):
    """A typo, a duplicate rule and an unknown permission."""
    (shop.folder / "policy.yaml").write_text(
        "version: 1\n"
        "rules:\n"
        "  - {pth: /health, allow: anonymous}\n"
        "  - {path: /a, authenticated: true}\n"
        "  - {path: /a, permission: shop.orders.read}\n"
        "  - {path: /b, permission: shop.orders.raed}\n"
    )
    done = shop.run("check", ok=1)
    assert done.stdout == ""
    assert re.search(r'^policy.yaml:3:6: .*"pth".*did you mean "path"', done.stderr, re.M)
    assert re.search(r"^      \^|^ +\^", done.stderr, re.M)
    assert re.search(r"^policy.yaml:6:\d+: .*shop.orders.raed.*did you mean .shop.orders.read", done.stderr, re.M)
    answer = shop.json("check", ok=1)
    assert answer["ok"] is False
    lines = {one["line"] for one in answer["diagnostics"]}
    assert {3, 6} <= lines and lines & {4, 5}
    assert all(set(one) == {"file", "line", "column", "message", "suggestion"} for one in answer["diagnostics"])


def test_a_mistake_in_the_configuration(shop):
    (shop.folder / "postern.yaml").write_text("upstraem: http://127.0.0.1:1\npolicy: policy.yaml\n")
    complaint = shop.run("check", ok=1).stderr
    assert 'did you mean "upstream"' in complaint


def test_flags_and_variables_count_as_with_run(shop):
    assert "nowhere.yaml" in shop.run("check", "--policy", "nowhere.yaml", ok=1).stderr
    assert "--listen" in shop.run("check", "--listen", "nonsense", ok=1).stderr
    assert "POSTERN_SHARDS" in shop.run("check", ok=1, environment={"POSTERN_SHARDS": "many"}).stderr


def test_without_a_store_names_are_not_looked_up_and_that_is_told(shop):
    shutil.rmtree(shop.store)
    done = shop.run("check")
    assert done.stdout.startswith("ok: ")
    assert "names in the policy were not looked up" in done.stderr
    assert not shop.store.exists()


def test_the_catalog_file_s_names_are_known_with_and_without_a_store(shop):
    (shop.folder / "extra.yaml").write_text("version: 1\npermissions: [shop.extra]\nlicenses: [{id: l.app, kind: application}]\n")
    (shop.folder / "policy.yaml").write_text(
        "version: 1\nrules:\n  - {path: /a, permission: shop.extra}\n  - {path: /b, application_license: l.app}\n"
        "  - {path: /c, permission: shop.orders.read}\n"
    )
    assert "shop.extra" in shop.run("check", ok=1).stderr
    assert shop.json("check", "--catalog", "extra.yaml")["ok"] is True
    shutil.rmtree(shop.store)
    complaint = shop.run("check", "--catalog", "extra.yaml", ok=1).stderr
    assert "shop.orders.read" in complaint and "shop.extra" not in complaint.split("\n")[0]


def test_mistakes_of_the_catalog_file_are_told_too(shop):
    (shop.folder / "extra.yaml").write_text("version: 1\nroels: []\n")
    assert 'extra.yaml:2:1: unknown key "roels"; did you mean "roles"?' in shop.run("check", "--catalog", "extra.yaml", ok=1).stderr


def test_what_run_would_not_start_with_is_told_too(shop):
    """Files of TLS on both sides, and a credential among the subject headers: all at once."""
    config = """\
listen: 127.0.0.1:0
store: store
policy: policy.yaml
tls: {certificate: no-such.crt, key: no-such.key}
upstreams:
  default: {url: "https://127.0.0.1:8000", tls: {ca: no-such-ca.crt}}
  other: {url: "https://127.0.0.1:8001", tls: {ca: postern.yaml}}
"""
    (shop.folder / "postern.yaml").write_text(config)
    (shop.folder / "policy.yaml").write_text(
        "version: 1\nrules:\n  - {path: /a, authenticated: true, credentials: [{header: X-Subject-Key}]}\n"
    )
    told = shop.run("check", ok=1).stderr
    for sentence in ("tls: no-such.crt: No such file", "upstreams.default: tls: no-such-ca.crt: No such file",
                     "upstreams.other: tls: postern.yaml: holds no certificate", '"x-subject-key" lies among the subject headers'):
        assert sentence in told, told
    assert len(shop.json("check", ok=1)["diagnostics"]) == 4
    assert re.search(r"^policy.yaml:3:\d+: ", told, re.M)
    # Where no listener speaks TLS its files are not read.
    (shop.folder / "postern.yaml").write_text(config.split("upstreams:")[0].replace("127.0.0.1:0", "{address: '127.0.0.1:0', tls: false}")
                                              + "upstream: http://127.0.0.1:8000\n")
    assert "no-such" not in shop.run("check", ok=1).stderr


def test_the_reference_speaks_of_every_option(shop):
    reference = shop.run("config", "reference").stdout
    options = shop.json("config", "reference")
    assert len(options) > 20
    for option in options:
        assert option["name"].split(".")[-1] in reference
    assert "POSTERN_TIMEOUTS_HEAD" in reference
    listen = next(option for option in options if option["name"] == "listen")
    assert listen["flag"] == "--listen" and listen["meaning"] and listen["change"] in ("reload", "restart")


# --- a policy in several files ---


def team(shop, name, text):
    path = shop.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


INCLUDING = "version: 1\ninclude: [teams/orders.yaml, billing.yaml]\nrules:\n  - {path: /health, allow: anonymous}\n"
ORDERS = 'version: 1\nrules:\n  - {path: "/orders/**", permission: shop.orders.read}\n'
BILLING = 'version: 1\nrules:\n  - {path: "/invoices/**", permission: shop.invoices.read}\n'


def included(shop):
    team(shop, "policy.yaml", INCLUDING)
    team(shop, "teams/orders.yaml", ORDERS)
    team(shop, "billing.yaml", BILLING)


def test_included_files_are_checked_as_one_policy(shop):
    included(shop)
    assert shop.run("check").stdout == "ok: 3 rules in policy.yaml and 2 files it includes\n"


def test_a_conflict_between_two_files_names_both(shop):
    included(shop)
    team(shop, "billing.yaml", BILLING + '  - {path: "/orders/**", role: shop.reader}\n')
    complaint = shop.run("check", ok=1).stderr
    assert re.search(r"^billing\.yaml:4:5: .*already governed by the rule at teams/orders\.yaml:3;", complaint, re.M)
    assert '  - {path: "/orders/**", role: shop.reader}' in complaint
    (diagnostic,) = shop.json("check", ok=1)["diagnostics"]
    assert (diagnostic["file"], diagnostic["line"]) == ("billing.yaml", 4)


def test_an_included_file_lies_in_the_policy_s_directory(shop):
    """Whoever may write one file of the policy must not bring lines of another file into the log."""
    included(shop)
    secret = shop.folder.parent / "secret.txt"
    secret.write_text("hunter2: [\n")
    (shop.folder / "billing.yaml").unlink()
    (shop.folder / "billing.yaml").symlink_to(secret)
    complaint = shop.run("check", ok=1).stderr
    assert re.search(r'^policy\.yaml:2:30: "billing\.yaml" is a link that leads out of the policy\'s directory', complaint, re.M)
    assert "hunter2" not in complaint


def test_an_included_file_is_a_file(shop):
    import os

    included(shop)
    (shop.folder / "billing.yaml").unlink()
    os.mkfifo(shop.folder / "billing.yaml")
    assert '"billing.yaml" is not a regular file' in shop.run("check", ok=1).stderr
    (shop.folder / "billing.yaml").unlink()
    (shop.folder / "billing.yaml").mkdir()
    assert '"billing.yaml" is not a regular file' in shop.run("check", ok=1).stderr
    (shop.folder / "billing.yaml").rmdir()
    assert re.search(r"^policy\.yaml:2:30: .*No such file", shop.run("check", ok=1).stderr, re.M)


def test_links_within_the_directory_are_followed(shop):
    """As a ConfigMap is mounted: every file a link, all of them into one directory that is swapped."""
    included(shop)
    (shop.folder / "..2026_1").mkdir()
    for name in ("policy.yaml", "billing.yaml"):
        (shop.folder / name).rename(shop.folder / "..2026_1" / name)
        (shop.folder / name).symlink_to(f"..data/{name}")
    (shop.folder / "..data").symlink_to("..2026_1")
    assert shop.run("check").stdout.startswith("ok: 3 rules")


def test_explain_and_prove_tell_the_included_file(shop):
    included(shop)
    shop_api = shop.folder / "openapi.yaml"
    shop_api.write_text('openapi: 3.0.3\ninfo: {title: S, version: "1"}\npaths: {/health: {get: {}}}\n')
    told = shop.run("policy", "explain", "GET", "/orders/1", "--role", "shop.reader").stdout
    assert "rule teams/orders.yaml:3, teams/orders.yaml:3: /orders/**" in told
    record = shop.json("policy", "explain", "GET", "/invoices/1", "--role", "shop.reader")
    assert record["place"] == "billing.yaml:3" and record["requirements"][0]["place"] == "billing.yaml:3"
    findings = shop.json("policy", "prove", "--openapi", "openapi.yaml")["findings"]
    places = {(one["file"], one["line"]) for one in findings}
    assert {("teams/orders.yaml", 3), ("billing.yaml", 3)} <= places
