"""A server that is not ours: nothing that could harm it is sent, and no secret comes out."""

import json
import logging
import multiprocessing
import pickle
import re
import traceback
from urllib.parse import quote

import pytest
import redis
from servers import foreign_server

from labsupport.errors import NoRedis, Refused
from labsupport.server import open_server

PASSWORD = "hu sh%/?#@:é"
HARMFUL = [
    *("FLUSHALL", "FLUSHDB", "CONFIG SET a b", "CONFIG RESETSTAT", "CONFIG REWRITE", "DEBUG SLEEP 0"),
    *("SHUTDOWN", "CLIENT PAUSE 1", "CLIENT KILL a", "SCRIPT FLUSH", "SCRIPT KILL", "FUNCTION FLUSH"),
    *("FUNCTION DELETE a", "SWAPDB 0 1", "REPLICAOF NO ONE", "SLAVEOF NO ONE", "FAILOVER", "CLUSTER RESET"),
    *("MIGRATE h 1 k 0 1", "MODULE LOAD a", "ACL SETUSER a", "ACL DELUSER a", "KEYS *", "SAVE", "BGSAVE"),
    *("BGREWRITEAOF", "MONITOR"),
]
METHODS = {
    "flushall": (),
    "flushdb": (),
    "config_set": ("maxmemory", 1),
    "config_resetstat": (),
    "config_rewrite": (),
    "shutdown": (),
    "client_pause": (1,),
    "client_kill": ("127.0.0.1:1",),
    "script_flush": (),
    "script_kill": (),
    "function_flush": (),
    "function_delete": ("a",),
    "function_load": ("#!lua name=a\n",),
    "swapdb": (0, 1),
    "replicaof": ("NO", "ONE"),
    "slaveof": (),
    "module_load": ("a",),
    "acl_setuser": ("a",),
    "acl_deluser": ("a",),
    "keys": (),
    "save": (),
    "bgsave": (),
    "bgrewriteaof": (),
    "slowlog_reset": (),
}


@pytest.fixture(scope="module")
def url():
    with foreign_server(PASSWORD) as url:
        yield url


@pytest.fixture(scope="module")
def server(url):
    server = open_server({"REDIS_URL": url})
    yield server
    server.close()


def wire_forms(command):
    """The ways in which redis-py accepts one command."""
    name, *rest = command.split()
    yield (name, *rest)
    yield (name.lower(), *rest)
    yield (name.encode(), *(word.encode() for word in rest))
    yield (bytearray(name.encode()), *rest)
    yield ("", name, *rest)  # it skips the empty word
    yield (f" {command.title()}",)
    yield (command.encode(),)


@pytest.mark.parametrize("command", HARMFUL)
def test_harmful_commands_are_refused_in_every_form(server, command):
    for form in wire_forms(command):
        with pytest.raises(Refused, match=command.split()[0]):
            server.redis.execute_command(*form)


@pytest.mark.parametrize("method", METHODS)
def test_harmful_methods_are_refused(server, method):
    with pytest.raises(Refused):
        getattr(server.redis, method)(*METHODS[method])


def test_watching_everybodys_commands_is_refused(server):
    with pytest.raises(Refused), server.redis.monitor():
        pass


@pytest.mark.parametrize("command", HARMFUL)
def test_pipelines_refuse_and_nothing_of_them_is_sent(server, command):
    server.redis.set("mine", 1)
    for form in wire_forms(command):
        with server.redis.pipeline(transaction=False) as pipe:
            pipe.incr("mine").execute_command(*form)
            with pytest.raises(Refused):
                pipe.execute()
    assert server.redis.get("mine") == b"1"


def test_a_watching_pipeline_refuses_too(server):
    with server.redis.pipeline() as pipe:
        pipe.watch("mine")
        with pytest.raises(Refused):
            pipe.execute_command("FLUSHALL")
        with pytest.raises(Refused):
            pipe.immediate_execute_command("FLUSHALL")
        pipe.multi()
        pipe.flushdb()
        with pytest.raises(Refused):
            pipe.execute()
    with pytest.raises(Refused):
        server.redis.transaction(lambda pipe: pipe.flushall())


@pytest.mark.parametrize(
    "script",
    [
        "return redis.call('FLUSHALL')",
        'redis.pcall("config", "SET", "a", 1)',
        "return server.call 'keys'",
        "local call = redis.call; call('flushdb')",
        "redis.call([[FLUSHALL]])",
    ],
)
def test_scripts_that_name_a_harmful_command_are_refused(server, script):
    for send in (
        lambda: server.redis.eval(script, 0),
        lambda: server.redis.script_load(script),
        server.redis.register_script(script),
    ):
        with pytest.raises(Refused):
            send()
    with server.redis.pipeline() as pipe:
        server.redis.register_script(script)(client=pipe)
        with pytest.raises(Refused):
            pipe.execute()


def test_copies_of_the_client_refuse_too(server):
    copies = [
        server.redis.client(),
        server.address.client(socket_timeout=0.25),
        pickle.loads(pickle.dumps(server.address)).client(),
        redis.Redis(connection_pool=server.redis.connection_pool),
    ]
    for copy in copies:
        with pytest.raises(Refused):
            copy.flushall()
        with pytest.raises(Refused):
            copy.pipeline().flushall().execute()
        with pytest.raises(Refused), copy.pubsub() as subscription:
            subscription.execute_command("FLUSHALL")
        assert copy.ping()


def test_harmless_commands_work(server):
    client = server.redis
    client.set("mine", 1, ex=10)
    assert client.incr("mine") == 2
    assert list(client.scan_iter("mine")) == [b"mine"]
    assert client.eval("return redis.call('GET', KEYS[1])", 1, "mine") == b"2"
    assert client.config_get("maxmemory")
    assert client.client_id()
    assert client.pipeline().get("mine").ttl("mine").execute()[0] == b"2"
    assert client.unlink("mine") == 1


def test_the_client_counts_what_it_sends_a_pipeline_as_one(server):
    client = server.address.client()
    client.ping()
    client.pipeline().set("mine", 1, ex=1).get("mine").execute()
    assert client.commands == 2
    client.close()


def test_the_settings_of_a_connection_do_not_show_the_password():
    with foreign_server(password="sentinel-secret") as url:
        server = open_server({"REDIS_URL": url})
        settings = server.redis.connection_pool.connection_kwargs
        shown = f"{settings} {json.dumps(settings, default=str)} {server.address} {vars(server.address)}"
        assert server.redis.ping() and "sentinel-secret" not in shown
        server.close()


def test_close_twice_leaves_the_server_and_its_keys(url):
    server = open_server({"REDIS_URL": url})
    server.redis.set("mine", 1, ex=10)
    server.close()
    server.close()
    again = open_server({"REDIS_URL": url})
    assert again.redis.get("mine") == b"1"
    again.close()


def test_describe_names_product_version_and_address(server, url):
    port = url.rpartition(":")[2]
    expected = rf"(Valkey|Redis) [\d.]+ at redis://127\.0\.0\.1:{port} \(REDIS_URL\)"
    assert re.fullmatch(expected, server.describe())


def ways_to_say(url):
    """The same server and password in the other ways that a URL knows."""
    host = url.rpartition("@")[2]
    secret = quote(PASSWORD, safe="")
    return [url, f"redis://default:{secret}@{host}", f"redis://{host}?password={secret}"]


def secret_in(text):
    return any(
        form in text for form in (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD), "hu sh", "hu%20sh")
    )


def test_nothing_that_can_be_printed_shows_the_password(url, caplog):
    caplog.set_level(logging.DEBUG)
    for way in ways_to_say(url):
        server = open_server({"REDIS_URL": way})
        pipe = server.redis.pipeline()
        connection = server.redis.connection_pool.get_connection()
        for thing in (
            *(server, server.address, server.redis, server.redis.connection_pool, connection, pipe),
            *(server.describe(), server.address.settings, server.redis.get_connection_kwargs()),
            *(vars(server), vars(server.address), server.redis.client(), server.redis.pubsub()),
        ):
            assert not secret_in(f"{thing!r} {thing!s} {thing}")
        server.close()
    assert not secret_in(caplog.text)


@pytest.mark.parametrize("spoil", ["wrong", "user", "none", "query", "port", "parameter"])
def test_no_error_shows_the_password(url, spoil):
    host, secret = url.rpartition("@")[2], quote(PASSWORD, safe="")
    spoiled = {
        "wrong": f"redis://:{secret}x@{host}",
        "user": f"redis://nobody:{secret}@{host}",
        "none": f"redis://{host}",
        "query": f"redis://{host}?password={secret}x",
        "port": f"redis://:{secret}@127.0.0.1:1/0",
        "parameter": f"redis://:{secret}@{host}?color={secret}",
    }[spoil]
    with pytest.raises(NoRedis) as caught:
        open_server({"REDIS_URL": spoiled})
    text = "".join(traceback.format_exception(caught.value))
    assert not secret_in(text)
    assert "REDIS_URL" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__context__ is None


def test_errors_of_a_lost_server_do_not_show_the_password():
    with foreign_server(PASSWORD) as url:
        server = open_server({"REDIS_URL": url})
    with pytest.raises(redis.ConnectionError) as caught:
        server.redis.get("mine")
    assert not secret_in("".join(traceback.format_exception(caught.value)))
    server.close()


def test_a_user_who_may_do_little_can_still_use_the_lab():
    rights = "user limited on >hush ~lab:* -@all +get +set"
    with foreign_server(arguments=["--" + rights.partition(" ")[0], *rights.split()[1:]]) as url:
        server = open_server({"REDIS_URL": url.replace("://", "://limited:hush@")})
        assert server.redis.set("lab:a", 1, ex=5)
        assert server.describe().startswith("a Redis server at redis://127.0.0.1:")
        server.close()


def read_in_worker(address, answers):
    with address.client() as client:
        answers.put((client.get("mine"), repr(address)))


def test_a_spawned_worker_gets_a_client_from_the_address(server):
    server.redis.set("mine", "seen", ex=30)
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    worker = context.Process(target=read_in_worker, args=(server.address, answers))
    worker.start()
    assert answers.get(timeout=20) == (b"seen", f"<Address {server.address.where}>")
    worker.join(20)
    server.redis.unlink("mine")
