"""Clients and operators learn in time that a token ends."""

import re

import pytest

from server import until
from wire import response


def with_token(guard, *arguments, expires_header=True):
    postern = guard(config={"headers": {"token_expires": expires_header}})
    return postern, postern.store.create_token("ending", "--role", "test.reader", *arguments)


def test_answers_say_when_the_token_ends(guard, upstream, tokens):
    postern, token = with_token(guard, "--expires", "2099-01-02T03:04:05Z")
    reply = postern.ask(target="/read", token=token)
    assert reply.status == 200 and reply.all("X-Token-Expires") == ["Fri, 02 Jan 2099 03:04:05 GMT"]
    assert postern.ask(target="/read", token=tokens["reader"]).all("X-Token-Expires") == []
    assert postern.ask(target="/open").all("X-Token-Expires") == []


def test_a_token_ends_with_its_owner(guard):
    postern, _ = with_token(guard)
    postern.store.run("user", "create", "eve", "--enabled-until", "2099-01-02", "--role", "test.reader")
    token = postern.store.create_token("eve's", "--owner", "eve", "--expires", "2100-01-01")
    assert postern.ask(target="/read", token=token).all("X-Token-Expires") == ["Fri, 02 Jan 2099 00:00:00 GMT"]


@pytest.mark.parametrize("ours", [True, False])
def test_the_field_is_ours_alone_where_it_is_asked_for(guard, upstream, ours):
    postern, _ = with_token(guard, expires_header=ours)
    upstream.answer = response(200, "X-Token-Expires: never")
    assert postern.ask(target="/open").all("X-Token-Expires") == ([] if ours else ["never"])


def test_the_metric_counts_what_ends_soon(guard):
    postern = guard()
    for days in ("2h", "3d", "3d", "20d", "300d"):
        postern.store.create_token(f"in {days}", "--expires", days)

    def counted():
        return dict(re.findall(r'^postern_tokens_expiring{days="(\d+)"} (\d+)$', postern.metrics(), re.M))

    until(lambda: counted() == {"1": "1", "7": "3", "30": "4"}, "the counts", lambda: str(counted()))
