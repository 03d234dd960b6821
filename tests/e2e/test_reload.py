"""Policy and configuration change under a running server: a good one takes effect whole, a bad one changes nothing."""

import os
import re
import signal

import pytest

from server import POLICY, until

MISTAKES = """\
version: 1
rules:
  - {id: open, path: /open/**, allow: anonymous}
  - id: typo
    pth: /typo
    allow: anonymous
  - id: first
    path: /twice/{a}
    permission: test.read
  - id: second
    path: /twice/{b}
    permission: test.write
  - id: unknown
    path: /unknown
    permission: test.raed
"""

OTHER = "version: 1\nrules:\n  - {id: other, path: /other, allow: anonymous}\n"


def status(postern, target):
    return postern.ask(target=target).status


def test_a_policy_of_three_mistakes_names_them_all_and_changes_nothing(guard):
    postern = guard()
    before = len(postern.log)
    postern.policy_file.write_text(MISTAKES)
    postern.signal(signal.SIGHUP)
    for place in (r"policy\.yaml:5:\d+", r"policy\.yaml:1[012]:\d+", r"policy\.yaml:15:\d+"):
        postern.wait_for_log(place, before)
    log = postern.log[before:]
    assert re.search(r'pth.*did you mean "path"', log)
    assert re.search(r"test\.raed.*did you mean \"test\.read\"", log)
    assert re.search(r"twice", log) and "7" in log  # the other rule's line
    assert status(postern, "/open") == 200
    assert status(postern, "/typo") == 401
    assert status(postern, "/twice/x") == 401
    assert metric(postern, "last_reload_successful") == 0
    assert metric(postern, "reload_failures_total") >= 1


def metric(postern, name):
    return float(re.search(rf"^postern_{name} (\S+)$", postern.metrics(), re.M)[1])


def test_a_bad_policy_is_told_by_readiness_and_stays_ready(guard):
    """The last good one guards as before, so traffic may go on coming; the detail says what is wrong."""
    postern = guard()
    postern.policy_file.write_text("rules: [")
    postern.signal(signal.SIGHUP)
    until(lambda: metric(postern, "last_reload_successful") == 0, "the failed reload")
    ready = postern.admin("/readyz")
    assert ready.status == 200
    assert b"policy" in ready.body


@pytest.mark.parametrize(
    "text", ["", "rules: []", "version: 2\nrules: []\n", "version: 1\nrules: 7\n", "\0\xff", "version: 1\nrules:\n  - {path: /**}\n", "- &a [*a]"]
)
def test_no_bad_policy_opens_anything(guard, text):
    postern = guard()
    postern.policy_file.write_text(text, encoding="latin-1")
    before = len(postern.log)
    postern.signal(signal.SIGHUP)
    postern.wait_for_log(r"policy", before)
    assert status(postern, "/open") == 200
    assert status(postern, "/read") == 401


def test_a_policy_that_vanishes_leaves_the_last_one(guard):
    postern = guard()
    postern.policy_file.unlink()
    before = len(postern.log)
    postern.signal(signal.SIGHUP)
    postern.wait_for_log(r"policy", before)
    assert status(postern, "/read") == 401 and status(postern, "/open") == 200


def test_a_good_policy_by_sighup(guard):
    postern = guard()
    assert status(postern, "/other") == 401
    postern.policy_file.write_text(OTHER)
    postern.signal(signal.SIGHUP)
    until(lambda: status(postern, "/other") == 200, "the new policy")
    assert status(postern, "/open") == 401


def test_a_good_policy_by_writing_the_file(guard):
    postern = guard()
    postern.policy_file.write_text(OTHER)
    until(lambda: status(postern, "/other") == 200, "the new policy")


def test_a_good_policy_by_renaming_over_the_file(guard):
    postern = guard()
    fresh = postern.folder / "policy.yaml.new"
    fresh.write_text(OTHER)
    fresh.rename(postern.policy_file)
    until(lambda: status(postern, "/other") == 200, "the new policy")


def test_a_policy_mounted_as_a_config_map(guard):
    """policy.yaml -> ..data/policy.yaml, ..data -> ..2026_1; the kubelet swaps ..data by a rename."""
    postern = guard(begin=False)
    mount = postern.folder / "mount"
    mount.mkdir()

    def publish(revision, text):
        (mount / f"..{revision}").mkdir()
        (mount / f"..{revision}" / "policy.yaml").write_text(text)
        (mount / "..data_tmp").symlink_to(f"..{revision}")
        (mount / "..data_tmp").rename(mount / "..data")

    publish("2026_1", POLICY)
    (mount / "policy.yaml").symlink_to("..data/policy.yaml")
    postern.write_config(policy=str(mount / "policy.yaml"))
    postern.start()
    assert status(postern, "/other") == 401
    publish("2026_2", OTHER)
    until(lambda: status(postern, "/other") == 200, "the second revision")
    publish("2026_3", POLICY)
    until(lambda: status(postern, "/other") == 401, "the third revision")
    publish("2026_4", MISTAKES)
    postern.wait_for_log(r"policy\.yaml:5:\d+")
    assert status(postern, "/open") == 200
    publish("2026_5", OTHER)
    until(lambda: status(postern, "/other") == 200, "the fifth revision")


INCLUDING = "version: 1\ninclude: [teams/a.yaml]\nrules:\n  - {id: open, path: /open, allow: anonymous}\n"
TEAM = "version: 1\nrules:\n  - {id: other, path: /other, allow: anonymous}\n"


@pytest.fixture
def team(guard):
    """A running guard, and the file of a team that its policy includes."""
    postern = guard(begin=False)
    (postern.folder / "teams").mkdir()
    file = postern.folder / "teams" / "a.yaml"
    file.write_text(TEAM)
    postern.policy_file.write_text(INCLUDING)
    postern.start()
    return postern, file


def test_an_included_file_is_watched(team):
    postern, file = team
    assert status(postern, "/other") == 200
    file.write_text(TEAM.replace("/other", "/more"))
    until(lambda: status(postern, "/more") == 200, "the team's new rule")
    assert status(postern, "/other") == 401 and status(postern, "/open") == 200
    fresh = file.with_suffix(".new")
    fresh.write_text(TEAM)
    fresh.rename(file)
    until(lambda: status(postern, "/other") == 200, "the team's first rule again")


def test_a_mistake_in_an_included_file_changes_nothing(team):
    postern, file = team
    before = len(postern.log)
    file.write_text(TEAM + "  - {pth: /typo}\n")
    postern.wait_for_log(r"teams/a\.yaml:4:\d+: .*pth", before)
    assert status(postern, "/other") == 200 and status(postern, "/open") == 200
    assert b"teams/a.yaml:4" in postern.admin("/readyz").body


def test_an_included_file_that_vanishes_and_comes_back(team):
    postern, file = team
    before = len(postern.log)
    file.unlink()
    postern.wait_for_log(r"policy\.yaml:2:\d+: .*teams/a\.yaml.*No such file", before)
    assert status(postern, "/other") == 200
    file.write_text(TEAM.replace("/other", "/more"))
    until(lambda: status(postern, "/more") == 200, "the file that came back")
    assert status(postern, "/other") == 401


def test_a_file_that_is_included_later_is_watched_from_then_on(team):
    postern, _ = team
    second = postern.folder / "second"
    second.mkdir()
    (second / "b.yaml").write_text("version: 1\nrules:\n  - {path: /second, allow: anonymous}\n")
    postern.policy_file.write_text(INCLUDING.replace("teams/a.yaml", "teams/a.yaml, second/b.yaml"))
    until(lambda: status(postern, "/second") == 200, "the second file")
    (second / "b.yaml").write_text("version: 1\nrules:\n  - {path: /third, allow: anonymous}\n")
    until(lambda: status(postern, "/third") == 200, "its change")


def test_a_file_that_is_included_later_and_broken_is_watched_until_it_is_mended(team):
    postern, _ = team
    second = postern.folder / "second"
    second.mkdir()
    (second / "b.yaml").write_text("version: 1\nrulez: []\n")
    before = len(postern.log)
    postern.policy_file.write_text(INCLUDING.replace("teams/a.yaml", "teams/a.yaml, second/b.yaml"))
    postern.wait_for_log("reload refused", before)
    (second / "b.yaml").write_text("version: 1\nrules:\n  - {path: /second, allow: anonymous}\n")
    until(lambda: status(postern, "/second") == 200, "the mended file")


def test_a_config_change_that_needs_no_restart(guard):
    postern = guard()
    assert postern.ask("GET", "/open", "X-Forwarded-Proto: https").status == 200
    before = len(postern.log)
    postern.write_config(limits={"body": "1KiB"}, timeouts={"drain": "5s", "response": "3s"})
    postern.signal(signal.SIGHUP)
    until(lambda: postern.ask("POST", body=b"x" * 2000).status == 413, "the body limit", lambda: postern.log[before:])


def test_a_config_of_mistakes_changes_nothing(guard):
    postern = guard()
    before = len(postern.log)
    postern.config_file.write_text(postern.config_file.read_text().replace('"upstream"', '"upstraem"'))
    postern.signal(signal.SIGHUP)
    postern.wait_for_log(r'upstraem.*did you mean "upstream"', before)
    assert status(postern, "/open") == 200


def test_requests_under_way_and_connections_survive_a_reload(guard, upstream):
    import threading

    from wire import Request, request, response

    asked, release = threading.Event(), threading.Event()

    def serve(connection):
        connection.head(Request)
        asked.set()
        release.wait(30)
        connection.send(response())

    postern = guard()
    upstream.serve = serve
    with postern.client() as client, postern.client() as idle:
        assert idle.ask(target="/nowhere").status == 401
        client.send(request("GET", "/open"))
        assert asked.wait(30)
        upstream.serve = None
        postern.policy_file.write_text(OTHER)
        postern.signal(signal.SIGHUP)
        until(lambda: status(postern, "/other") == 200, "the new policy")
        release.set()
        assert client.reply().status == 200
        assert idle.ask(target="/other").status == 200


def test_an_entity_that_is_deleted_later_is_warned_of(guard, tokens):
    postern = guard()
    postern.store.run("permission", "delete", "test.read")
    assert postern.ask(target="/read", token=tokens["writer"]).status == 403
    until(lambda: b"test.read" in postern.admin("/readyz").body, "the warning", lambda: postern.admin("/readyz").body.decode())
    assert postern.admin("/readyz").status == 200


def test_the_access_log_is_reopened_after_it_was_rotated_away(guard):
    postern = guard()
    postern.ask()
    postern.access_log(1)
    os.rename(postern.access_file, postern.folder / "access.log.1")
    postern.signal(signal.SIGHUP)
    until(lambda: postern.access_file.exists(), "the new log file")
    postern.ask()
    assert len(postern.access_log(1)) == 1


@pytest.mark.parametrize("text", ["\ufeff" + POLICY, "rules: [", INCLUDING.replace("teams/a.yaml", "gone.yaml")])
def test_a_file_that_stays_as_it_is_is_read_once(guard, text):
    """An event in its directory is no change; a refused policy is not complained about again with each of them."""
    postern = guard(begin=False)
    postern.policy_file.write_text("version: 1\nrules:\n  - {path: /never, deny: true}\n")
    postern.start()
    postern.policy_file.write_text(text, encoding="utf-8")
    until(lambda: metric(postern, "reloads_total") + metric(postern, "reload_failures_total") == 1, "the change")
    for _ in range(4):  # far enough apart to be looked at one by one
        (postern.folder / "other").write_text("x")
        for _ in range(150):
            status(postern, "/open")
    fresh = postern.folder / "policy.new"
    fresh.write_text(OTHER)
    fresh.rename(postern.policy_file)
    until(lambda: status(postern, "/other") == 200, "the policy after that")
    assert metric(postern, "reloads_total") + metric(postern, "reload_failures_total") == 2

OPEN_FIRST = "version: 1\nrules:\n  - {id: all, path: /**, allow: anonymous}\n"
GUARDED = OPEN_FIRST + "  - {id: admin, path: /admin/**, authenticated: true}\n"


@pytest.mark.parametrize("way", ["made anew", "written over"])
def test_half_a_policy_is_not_read(guard, tmp_path, way):
    """It is well-formed, and guards less than the whole."""
    postern = guard(policy=GUARDED)
    assert status(postern, "/admin/x") == 401
    before = len(postern.log)
    if way == "made anew":
        postern.policy_file.unlink()
    with postern.policy_file.open("w") as file:
        file.write(OPEN_FIRST)
        file.flush()
        # Another file's events in the directory make it look, and see that this one is not done. What it says of a file that is
        # not closed shows that it has looked.
        (postern.policy_file.parent / "other").write_text("x")
        postern.wait_for_log("policy.yaml is being written and was not closed yet", before)
        assert status(postern, "/admin/x") == 401
        file.write("  - {id: admin, path: /admin/**, authenticated: true}\n  - {id: new, path: /new, deny: true}\n")
    until(lambda: status(postern, "/new") != 200, "the whole policy")
    assert status(postern, "/admin/x") == 401
    assert "1 rules in force" not in postern.log


def test_a_log_beside_the_policy_does_not_keep_it_from_being_read(guard):
    postern = guard()
    with (postern.policy_file.parent / "busy.log").open("w") as log:
        postern.policy_file.write_text(OTHER)
        for _ in range(200):
            log.write("x")
            log.flush()
            if status(postern, "/other") == 200:
                return
    until(lambda: status(postern, "/other") == 200, "the new policy")


@pytest.mark.parametrize("what", ["an included directory", "the policy's directory"])
def test_a_swapped_link_in_the_middle_of_a_path_is_noticed(guard, what):
    postern = guard(begin=False)
    rules = "version: 1\nrules:\n  - {{id: open, path: /open, {0}}}\n"
    for name, demand in (("one", "allow: anonymous"), ("two", "deny: true")):
        (postern.folder / name).mkdir()
        (postern.folder / name / "rules.yaml").write_text(rules.format(demand))
    links = postern.folder / "links"  # where nothing else is watched
    links.mkdir()
    (links / "now").symlink_to("../one")
    if what == "an included directory":
        postern.policy_file.write_text("version: 1\ninclude: [links/now/rules.yaml]\nrules:\n  - {path: /other, deny: true}\n")
    else:
        postern.write_config(policy=str(links / "now" / "rules.yaml"))
    postern.start()
    assert postern.ask("GET", "/open").status == 200
    (links / "next").symlink_to("../two")
    (links / "next").rename(links / "now")
    until(lambda: postern.ask("GET", "/open").status in (401, 403), "the other rule")
    assert postern.metric("files_watched") == 1
