"""A learner reaches their own keys on the class Redis, and what the class opens: nothing else, by no command.

Which commands there are, and where their keys stand, the server itself says; so a later one's are tried too.
"""

from __future__ import annotations

import shutil
import socket
from collections import defaultdict
from dataclasses import dataclass

import pytest
import redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from labsupport.classroom import names
from labsupport.classroom.member import ADD, Member
from labsupport.errors import BadArgument
from labsupport.server import choose_server
from labsupport.workshop import acl
from labsupport.workshop.class_server import ClassServer
from labsupport.workshop.instructor import Instructor

SERVERS = sorted({choose_server({}).where, shutil.which("redis-server") or choose_server({}).where})
OWN, OTHER = "lab:alice:own", "lab:alice2:secret"  # the names begin alike
COUNTER, SIGNAL = names.counter(1), names.SIGNAL
VICTIMS = (OTHER, "lab:alice2:weight_1", "lab:alice2:stream", SIGNAL, names.ROSTER, names.RESULT)
UNASKED = {"auth", "hello", "quit", "reset"}  # the server lets everybody, known or not
# What needs no key and is allowed, for it tells nothing of others.
TELLING_NOTHING = """client|getname client|id client|setname discard echo exec multi ping script|exists
    script|load time unwatch xgroup|help xinfo|help"""
KEYLESS = UNASKED.union(TELLING_NOTHING.split())
# Of the families: they see other keys, or look inside the server.
NEVER = {"sort", "sort_ro", "pfdebug"}
# Reading, says the server: BITFIELD if it only gets; XREADGROUP always, but no key of the class is a stream.
READS_TOO = {"bitfield", "xreadgroup"}
# What depends on a command's own syntax.
ESCAPES = [
    f"SORT {OWN}",
    f"SORT {OWN} BY lab:alice2:weight_*",
    f"SORT {OWN} GET lab:alice2:*",
    f"SORT {OWN} STORE {OTHER}",
    f"COPY {OWN} {OWN} DB 1",
    f"MOVE {OWN} 1",
    f"MIGRATE 127.0.0.1 1 {OTHER} 0 1",
    f"BITFIELD {SIGNAL} SET u8 0 1",
    f"SET {SIGNAL} 1 GET",
    f"GETEX {SIGNAL} EX 1",
    f"XREAD STREAMS {OWN} lab:alice2:stream 0 0",
    "XREADGROUP GROUP g c STREAMS lab:alice2:stream >",
    "EVAL return(redis.call('get','lab:'..'alice2:secret')) 0",
    f"EVAL return(redis.call('get',KEYS[1])) 1 {OTHER}",
    f"EVAL return(redis.call('set',ARGV[1],1)) 0 {SIGNAL}",
    "EVAL return(redis.call('client','list')) 0",
    "EVAL return(redis.call('acl','list')) 0",
    "CLIENT TRACKING ON BCAST PREFIX lab:alice2:",
    "CLIENT NO-EVICT ON",
    "SUBSCRIBE __keyspace@0__:lab:alice2:secret",
    "PSUBSCRIBE *",
    f"PUBLISH {OWN} 1",
    "SELECT 1",
    "INFO",
    "GET lab:alice",
    "GET lab:aliceX:own",
    "GET lab:*",
]


@dataclass
class Command:
    """A command or subcommand, as the server describes it."""

    words: list[str]
    arity: int
    families: set[str]
    keys: list[dict]  # where they stand

    def with_key(self, key: str) -> list[list[str]]:
        """Calls that name this key, once in each place that a key may have; other keys are alice's own."""
        places = range(len(self.keys))
        calls = [self._call(number, key, "") for number in places]
        return calls + [self._call(number, OWN, key) for number in places if self._takes_two(number)]

    def _call(self, target: int, first: str, second: str) -> list[str]:
        """With these keys in one place, and alice's own in the others that have to be filled."""
        words = [*self.words, *["1"] * (abs(self.arity) - len(self.words))]
        for number, place in enumerate(self.keys):
            keys = [first, second or OWN] if number == target else [OWN, OWN]
            if place["begin"] == "keyword" and number == target:
                words += [place["keyword"], keys[0], *["1"] * (place["limit"] // 2)]
            elif place["begin"] == "index":
                _fill(words, place, keys if second and number == target else keys[:1])
        return words

    def _takes_two(self, number: int) -> bool:
        place = self.keys[number]
        return place["begin"] == "index" and (place["find"] == "keynum" or place["lastkey"] != 0)

    @property
    def name(self) -> str:
        return "|".join(self.words)

    @property
    def knows_its_keys(self) -> bool:
        return all(place["begin"] != "unknown" for place in self.keys)


def _fill(words: list[str], place: dict, keys: list[str]) -> None:
    """Put one or two keys in this place."""
    at = place["index"]
    if place["find"] == "keynum":
        _put(words, at + place["keynumidx"], str(len(keys)))
        at += place["firstkey"]
    _put(words, at, keys[0])
    if place.get("lastkey", 0) > 0:  # two, no fewer
        _put(words, at + 1, [*keys, OWN][1])
    elif keys[1:]:
        words[at + 1 : at + 1] = [*["1"] * (place["keystep"] - 1), keys[1]]


def _put(words: list[str], at: int, word: str) -> None:
    words += ["1"] * (at + 1 - len(words))
    words[at] = word


def _pairs(flat: list) -> dict:
    def text(value):
        return value.decode() if isinstance(value, bytes) else value

    return {text(name): text(value) for name, value in zip(flat[::2], flat[1::2])}


def _place(raw: list) -> dict:
    """Where a key stands: what the server calls begin_search and find_keys, in one dict."""
    begin, find = (_pairs(_pairs(raw)[part]) for part in ("begin_search", "find_keys"))
    return _pairs(begin["spec"]) | _pairs(find["spec"]) | {"begin": begin["type"], "find": find["type"]}


def commands(admin: redis.Redis) -> list[Command]:
    found = []
    for name, about in admin.command().items():
        entries = [[name, about["arity"], about["acl_categories"], about["key_specifications"]]]
        if about["subcommands"]:
            entries = [[sub[0].decode(), sub[1], sub[6], sub[8]] for sub in about["subcommands"]]
        for word, arity, families, keys in entries:
            texts = {each.decode() if isinstance(each, bytes) else each for each in families}
            found.append(Command(word.split("|"), arity, texts, [_place(raw) for raw in keys]))
    return found


@pytest.fixture(scope="module", params=SERVERS, ids=lambda path: path.rpartition("/")[2])
def room(request):
    """A class of two, in which everything holds something already."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("LAB_REDIS_SERVER", request.param)
        with ClassServer(["alice", "alice2"]) as server:
            for key in (OTHER, SIGNAL, names.RESULT):
                server.admin.set(key, "7")
            server.admin.set("lab:alice2:weight_1", "1")
            server.admin.xgroup_create("lab:alice2:stream", "g", mkstream=True)
            yield server


@pytest.fixture(scope="module")
def known(room):
    return commands(room.admin)


@pytest.fixture
def alice(room):
    with redis.Redis.from_url(room.urls["alice"], protocol=2, socket_timeout=10) as client:
        yield client


def replies(client: redis.Redis, calls: list[list[str]]) -> list:
    with client.pipeline(transaction=False) as pipe:
        pipe.response_callbacks = {}  # as the server says it
        for words in calls:
            pipe.execute_command(*words)
        return pipe.execute(raise_on_error=False)


def allowed(room, calls: list[list[str]], user: str = "alice") -> list[bool]:
    """Which of the calls the user may make, as the server's own dry run says."""
    said = replies(room.admin, [["ACL", "DRYRUN", user, *words] for words in calls])
    return [answer == b"OK" for answer in said]


def bare(known: list[Command]) -> list[tuple[Command, list[str]]]:
    """The commands that need no key, or of which the server cannot tell where it stands; each with a call."""
    found = [each for each in known if not each.keys or not each.knows_its_keys]
    return [(each, [*each.words, *["1"] * (abs(each.arity) - len(each.words))]) for each in found]


@pytest.fixture
def untouched(room):
    """What is not alice's is at the end of the test what it was at its beginning."""
    before = {key: (room.admin.dump(key), room.admin.pttl(key)) for key in VICTIMS}
    keys = set(room.admin.keys())
    yield
    assert {key: (room.admin.dump(key), room.admin.pttl(key)) for key in VICTIMS} == before
    assert {key for key in set(room.admin.keys()) ^ keys if not key.startswith(b"lab:alice:")} == set()


def calls_on(known: list[Command], key: str) -> list[tuple[Command, list[str]]]:
    return [(each, words) for each in known if each.knows_its_keys for words in each.with_key(key)]


def refusals_missing(calls: list[list[str]], answers: list) -> list[tuple[list[str], str]]:
    """The calls that were not refused for what they are, each with its answer.

    Some are refused to everybody: to scripts, or because the server's settings say so.
    """
    refusals = ("permission", "not allowed", "user executing the script can't")
    said = [str(answer) if isinstance(answer, ResponseError) else "" for answer in answers]
    return [(w, text) for w, text in zip(calls, said) if not any(words in text for words in refusals)]


def test_no_command_reaches_a_key_of_another_learner(room, known, alice, untouched):
    calls = calls_on(known, OTHER)
    answers = replies(alice, [words for _, words in calls])
    assert [
        words for (_, words), said in zip(calls, answers) if not isinstance(said, NoPermissionError)
    ] == []
    # The calls are what they should be: of each command that she may use, the server finds that key in them.
    usable = allowed(room, [command.with_key(OWN)[0] for command, _ in calls])
    found = replies(room.admin, [["COMMAND", "GETKEYS", *words] for _, words in calls])
    named = [isinstance(keys, list) and OTHER.encode() in keys for keys in found]
    assert [w for (_, w), use, there in zip(calls, usable, named) if use and not there] == []
    assert sum(usable) > 150  # and it is not that nothing is allowed


def test_nor_from_within_a_script(room, known, alice, untouched):
    calls = [words for _, words in calls_on(known, OTHER)]
    script = "return redis.pcall(unpack(ARGV))"
    answers = replies(alice, [["EVAL", script, "0", *words] for words in calls])
    assert refusals_missing(calls, answers) == []


def test_nor_does_any_other_trick(room, alice, untouched):
    calls = [words.split() for words in ESCAPES]
    assert refusals_missing(calls, replies(alice, calls)) == []
    with pytest.raises(NoPermissionError), alice.pipeline() as pipe:
        pipe.set(OWN, 1).get(OTHER).execute()
    for who in (["alice2", "guessed"], ["instructor", ""], ["default", ""], [""]):
        with pytest.raises(AuthenticationError):
            alice.execute_command("AUTH", *who)
        assert alice.execute_command("SET", OWN, 1)  # still alice, and no more than that


def test_without_a_key_only_what_tells_nothing_of_others_is_allowed(room, known, alice, untouched):
    keyless = bare(known)
    may = allowed(room, [words for _, words in keyless])
    assert {each.name for (each, _), yes in zip(keyless, may) if yes} == KEYLESS
    refused = [words for (_, words), yes in zip(keyless, may) if not yes]
    assert refusals_missing(refused, replies(alice, refused)) == []


def test_whoever_gives_no_password_can_do_nothing(room, known):
    calls = [words for each, words in bare(known) if each.name not in UNASKED]
    with socket.create_connection(("127.0.0.1", room.port)) as nobody, nobody.makefile("rb") as answers:
        nobody.sendall("".join(f"{' '.join(words)}\r\n" for words in calls).encode())
        said = [answers.readline() for _ in calls]
    others = b"-EXECABORT", b"-ERR DEBUG command not allowed", b"-ERR MODULE command not allowed"
    assert [line for line in said if not line.startswith((b"-NOAUTH", *others))] == []


def test_nobody_who_can_log_in_is_an_administrator(room):
    users = {line.split()[1]: line.split()[2:] for line in room.admin.acl_list()}
    assert {name for name, rules in users.items() if "on" in rules} == {"alice", "alice2", "instructor"}
    assert {name for name, rules in users.items() if "+@all" in rules or "nopass" in rules} == {"default"}


@pytest.mark.parametrize("name", ["*", "class", "instructor", "a:b", "a*", "Alice", "", "a b", "alice\n"])
def test_a_name_that_would_open_other_keys_is_refused(name):
    with pytest.raises(BadArgument, match="cannot be a learner's name"):
        ClassServer(["alice", name])


def may_call(room, known: list[Command], user: str, key: str) -> set[str]:
    """The commands that the user may call on this key, with no other key in the call."""
    calls = [(each, [key if word == OWN else word for word in words]) for each, words in calls_on(known, key)]
    may: dict[str, bool] = defaultdict(lambda: True)
    for (command, _), yes in zip(calls, allowed(room, [words for _, words in calls], user)):
        may[command.name] &= yes
    return {name for name, yes in may.items() if yes}


def test_by_family_of_commands_and_kind_of_key_this_is_what_a_learner_may(room, known):
    def of(family: str) -> set[str]:
        return {each.name for each in known if each.keys and family in each.families}

    on = {key: may_call(room, known, "alice", key) for key in (OWN, OTHER, SIGNAL, COUNTER, names.FAILED)}
    assert on[OTHER] == set()
    data = set().union(*map(of, acl.FAMILIES.split())) - NEVER
    scripts = {"eval", "eval_ro", "evalsha", "evalsha_ro"}
    assert on[OWN] == data | set(acl.KEYS.split()) | scripts | {"watch"}
    reads = data & (of("@read") | READS_TOO)
    about = {"exists", "type", "touch", "ttl", "pttl", "expiretime", "pexpiretime", "watch"}
    assert on[SIGNAL] == reads | about | {"eval_ro", "evalsha_ro"}
    assert on[COUNTER] - on[SIGNAL] == {"set", "incr", "incrby"}
    assert on[names.FAILED] - on[SIGNAL] == {"hincrby"}


def test_the_instructor_reads_all_and_writes_what_is_the_class_s(room, known):
    on = {key: may_call(room, known, "instructor", key) for key in (OWN, SIGNAL, COUNTER, "other:key")}
    assert on == {OWN: {"get", "hget", "hgetall"}, SIGNAL: {"get", "hget", "hgetall", "set"}} | {
        COUNTER: on[SIGNAL],
        "other:key": set(),
    }
    keyless = [words for _, words in bare(known)]
    may = {each.name for (each, _), yes in zip(bare(known), allowed(room, keyless, "instructor")) if yes}
    assert may < KEYLESS


def test_all_that_a_class_needs_works(room, alice):
    with room.admin.pipeline() as pipe:
        pipe.delete(SIGNAL, names.RESULT, COUNTER).execute()
    instructor, member = Instructor(room.instructor_url), Member(room.urls["alice"])
    assert member.look() == (None, [])
    for add in ADD.values():
        add(alice, COUNTER, names.tally("alice"), 1)
    assert alice.hincrby(names.FAILED, "06-race", 1) == 1
    alice.set(names.here("alice"), 0, ex=60)  # as `look` has done, but that holds 3 seconds only
    assert instructor.look().here == 1
    assert (int(alice.get(COUNTER)), alice.hgetall(names.tally("alice"))) == (2, {b"1": b"2"})
    with alice.pipeline() as pipe:
        pipe.watch(COUNTER)
        pipe.multi()
        pipe.incr(COUNTER).expire(names.tally("alice"), 60).execute()
    with alice.lock("lab:alice:lock", timeout=5):
        assert alice.register_script("return redis.call('incr', KEYS[1])")(["lab:alice:n"]) == 1
    member.close()
    instructor.close()
