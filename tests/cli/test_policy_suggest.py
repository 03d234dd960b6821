"""`postern policy suggest`: the least rights that recorded requests needed, by subject and by role."""

from conftest import TOKEN
from logs import anonymous, by, denied, line, shadowed, write

POLICY = """\
version: 1
rules:
  - {id: read, path: /orders/**, methods: [GET], permission: shop.orders.read}
  - {id: write, path: "/orders/{order}", methods: [PUT], permission: shop.orders.write, license: shop.pro}
  - {id: either, path: /either, any_of: [{permission: shop.orders.write}, {all_of: [{group: staff}, {permission: shop.orders.read}]}, {permission: shop.invoices.read}]}
  - {id: invoice, path: "/invoices/{invoice}", permission: shop.invoices.read, resource: "invoice/{invoice}"}
  - {id: role, path: /role, role: shop.reader}
  - {id: self, path: "/users/{user}", owner: {user}}
  - {id: open, path: /open, allow: anonymous}
"""


def suggest(shop, lines, *words, ok=0):
    (shop.folder / "policy.yaml").write_text(POLICY)
    return shop.json("policy", "suggest", write(shop.folder, lines), *words, ok=ok)


def token(shop, *words):
    return shop.json("token", "create", "--name", "t", *words)["id"]


def test_a_role_that_gives_too_much_is_replaced_by_one_that_fits(shop):
    writer = token(shop, "--role", "shop.writer", "--permission", "shop.invoices.read")
    answer = suggest(shop, [by(writer), by(writer, path="/orders/18"), by(writer, path="/open")])
    [subject] = answer["subjects"]
    assert (subject["type"], subject["id"], subject["requests"]) == ("token", writer, 3)
    assert (subject["roles"], subject["permissions"]) == (["shop.reader"], [])
    assert subject["never_used"] == ["shop.invoices.read", "shop.orders.write"]
    assert subject["command"] == f"postern token update {writer} --set-role shop.reader --set-permission ''"
    assert answer["roles"] == [
        {"id": "shop.writer", "holders": 1, "others": 0, "used": ["shop.orders.read"], "never_used": ["shop.orders.write"]}]
    # What it says runs, and then there is nothing more to say.
    shop.run("token", "update", writer, "--set-role", "shop.reader", "--set-permission", "")
    assert shop.json("policy", "suggest", "access.log")["subjects"][0]["command"] is None


def test_what_shadow_mode_let_pass_is_needed_and_lacking(shop):
    reader = token(shop, "--role", "shop.reader")
    put = shadowed(by(reader, "PUT"))
    [subject] = suggest(shop, [by(reader), put, put])["subjects"]
    assert subject["without_the_right"] == 2
    assert subject["lacking"] == {
        "permissions": ["shop.orders.write"], "grants": [], "roles": [], "groups": [], "licenses": ["shop.pro"]}
    assert subject["roles"] == ["shop.writer"]
    assert subject["command"] == f"postern token update {reader} --set-role shop.writer --add-license shop.pro"
    text = shop.run("policy", "suggest", "access.log").stdout
    assert text.startswith(
        f"token {reader}: 3 requests, 2 of them without the right to\n"
        "  needs permission shop.orders.read, shop.orders.write\n"
        "  lacks permission shop.orders.write, license shop.pro\n"
        f"  postern token update {reader} --set-role shop.writer --add-license shop.pro\n"
        "role shop.reader: held by 1 of them and 2 that the log does not name\n"
        "  used shop.orders.read\n"
    )


def test_denied_requests_count_only_when_asked_for(shop):
    lines = [by(TOKEN), denied(by(TOKEN, "PUT")), denied(by(TOKEN, path="/nowhere"), "no_rule"), denied(line(), "no_credential"), anonymous()]
    answer = suggest(shop, lines)
    assert (answer["counted"], answer["aside"]) == (1, 4)
    answer = suggest(shop, lines, "--denied")
    assert (answer["counted"], answer["aside"]) == (2, 3)
    assert answer["subjects"][0]["lacking"]["permissions"] == ["shop.orders.write"]


def test_of_alternatives_the_one_that_is_held_is_taken(shop):
    staff = token(shop, "--role", "shop.reader", "--group", "staff")
    nobody = token(shop)
    answer = suggest(shop, [by(staff, path="/either"), shadowed(by(nobody, path="/either"))])
    found = {one["id"]: one for one in answer["subjects"]}
    assert (found[staff]["roles"], found[staff]["command"]) == (["shop.reader"], None)
    assert found[nobody]["lacking"]["permissions"] == ["shop.orders.write"]


def test_grants_are_enough_where_rules_ask_for_a_resource(shop):
    few, many = token(shop, "--permission", "shop.invoices.read"), token(shop, "--permission", "shop.invoices.read")
    lines = [by(few, path=f"/invoices/{n}") for n in (1, 2, 1)] + [by(many, path=f"/invoices/{n}") for n in range(9)]
    found = {one["id"]: one for one in suggest(shop, lines)["subjects"]}
    assert (found[few]["permissions"], found[few]["grants"]) == ([], ["shop.invoices.read=invoice/1", "shop.invoices.read=invoice/2"])
    assert found[few]["command"] == (
        f"postern token update {few} --set-permission '' --set-grant shop.invoices.read=invoice/1 --set-grant shop.invoices.read=invoice/2")
    assert (found[many]["permissions"], found[many]["grants"], found[many]["command"]) == (["shop.invoices.read"], [], None)


def test_rights_of_an_owned_token_are_its_user_s(shop):
    mine = shop.json("token", "create", "--name", "mine", "--owner", "alice")["id"]
    [subject] = suggest(shop, [by(mine, user="alice"), by(mine, path="/users/alice", user="alice"), by(mine, path="/role", user="alice")])["subjects"]
    assert (subject["type"], subject["id"], subject["roles"], subject["command"]) == ("user", "alice", ["shop.reader"], None)


def test_what_no_right_would_let_in_and_who_is_gone(shop):
    gone = "tok_0000000000000000"
    answer = suggest(shop, [by(gone), by(gone, path="/users/bob"), by(gone, path="/nowhere")])
    assert answer["hopeless"] == 2
    [subject] = answer["subjects"]
    assert (subject["id"], subject["known"], subject["roles"], subject["command"]) == (gone, False, ["shop.reader"], None)


def test_the_catalog_file_narrows_roles_and_can_be_applied(shop):
    writer = token(shop, "--role", "shop.writer")
    mine = shop.json("token", "create", "--name", "mine", "--owner", "alice")["id"]
    lines = [by(writer), shadowed(by(writer, path="/invoices/1")), shadowed(by(mine, "PUT", user="alice"))]
    suggest(shop, lines)
    text = shop.run("policy", "suggest", "access.log", "--yaml").stdout
    assert f"# lacks grant shop.invoices.read=invoice/1: postern token update {writer} --add-grant shop.invoices.read=invoice/1\n" in text
    # Only alice of the log holds it and did not use it, but the declared token holds it too.
    assert "# role shop.reader: held by 1 of them, never used shop.orders.read; left as it is, for 1 others hold it\n" in text
    (shop.folder / "suggested.yaml").write_text(text)
    report = shop.json("catalog", "apply", "suggested.yaml")
    assert report["updated"] == ["role shop.writer", "user alice"]
    assert shop.json("role", "show", "shop.writer")["permissions"] == ["shop.orders.read"]
    alice = shop.json("user", "show", "alice")
    assert (alice["permissions"], alice["licenses"], alice["roles"], alice["groups"], alice["email"]) == (
        ["shop.orders.write"], ["shop.pro"], ["shop.reader"], ["staff"], "alice@shop.example")


def test_a_log_cannot_write_into_the_catalog_file(shop):
    """Whoever can forge a line names nobody but those the store has."""
    forged = shadowed(by(TOKEN, "PUT", subject="x: postern token delete y"))
    suggest(shop, [forged])
    text = shop.run("policy", "suggest", "access.log", "--yaml").stdout
    assert "delete y" not in text and f"postern token update {TOKEN} --add-permission shop.orders.write" in text


def test_broken_lines_and_no_store(shop, tmp_path):
    answer = suggest(shop, [by(TOKEN), "{"], ok=3)
    assert (answer["counted"], answer["broken"]) == (1, 1)
    assert "looked up in the store" in shop.refused("policy", "suggest", "access.log", "--store", "nowhere", "--policy", "policy.yaml")


def test_a_role_that_a_rule_keeps_out_is_not_proposed(shop):
    """It may give just what is needed, and shut its holder out all the same."""
    policy = POLICY.replace("rules:\n", "rules:\n  - {id: kept, path: /kept, permission: shop.orders.read, not: {role: shop.reader}}\n")
    holder = token(shop, "--permission", "shop.orders.read")
    (shop.folder / "policy.yaml").write_text(policy)
    [subject] = shop.json("policy", "suggest", write(shop.folder, [by(holder, path="/kept")]))["subjects"]
    assert (subject["roles"], subject["permissions"], subject["command"]) == ([], ["shop.orders.read"], None)
