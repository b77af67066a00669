"""Connection strings as people paste them: read as they were meant, or refused without a piece of the password."""

import inspect
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from console.domain.urls import (
    LONGEST,
    UrlError,
    cleaned,
    decoded,
    looks_like_pairs,
    read_pairs,
    read_url,
    spread,
)
from console.errors import ConsoleError
from console.runtime.addresses import broker_address, database_access
from console.secret import Secret
from console.settings import Settings, load
from console.store.dsn import Dsn, read_dsn

NOTHING: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGPORT", "PGSERVICE", "PGSERVICEFILE", "PGSSLMODE", "PGSSLROOTCERT", "PGTARGETSESSIONATTRS",
                 "PGCONNECT_TIMEOUT"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


RAW = ["p@ss", "p/w", "a#b", "100%", "q?x", "p@s/s#?", "12/34", "p:w", "£ünïcode", "a b", "#", "/", "@", "?", "%",
       "x?y=z", "12?y=z", "a&b", "+plus+"]  # fmt: skip


@pytest.mark.parametrize("password", RAW)
def test_a_password_may_stand_as_it_is(password: str) -> None:
    """Without it, what a provider shows in one field cannot be pasted beside what it shows in another."""
    for tail in ("@h/db", "@h:5/db", "@[::1]:5/db", "@h,i/db?sslmode=require", "@h"):
        url = read_url(f"postgresql://u:{password}{tail}", frozenset({"sslmode"}))
        assert (url.user, url.password) == ("u", password)
        assert url.hosts[0][0] in {"h", "::1"}
        broker = broker_address(Settings(), f"mqtt://u:{password}{tail.partition('/')[0]}")
        assert (broker.username, broker.password) == ("u", password)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_any_encoded_password_is_read_as_it_was(password: str) -> None:
    url = f"postgresql://u:{quote(password, safe='')}@h/db"
    assert read_url(url, NOTHING).password == password


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ('""', "it is empty"),
        ("x" * (LONGEST + 1), "longer than"),
        ("postgresql://u:p\n@h", "more than one line"),
        ("h/db", "no scheme"),
        ("postgresql://u:p@::1/db", "check its host, port and brackets"),
        ("postgresql://u:p@h:99999/db", "check its host"),
        ("postgresql://u:p@h:x/db", "check its host"),
        ("postgresql://u:p@h/db?x", "check its host"),
        ("postgresql://u:/1@a?user=b@c", "several ways"),
        ("postgresql://u:a%zz%20@h", "write each plain % as %25"),
        ("postgresql://u:%ff@h", "not UTF-8"),
        ("postgresql://u:%00@h", "zero byte"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(UrlError, match=says):
        read_url(cleaned(text), frozenset({"user"}))


def test_what_stands_around_a_url_is_no_part_of_it() -> None:
    """Without it, a file that Windows wrote, or a line of a shell script, is another URL."""
    for text in ("\ufeffmqtt://h\r\n", "'mqtt://h'", '  "mqtt://h"\n', "`mqtt://h`", "mqtt://h\0\n"):
        assert cleaned(text) == "mqtt://h"
    assert decoded("a%b", "x") == "a%b"


def test_pairs_are_read_as_libpq_does() -> None:
    assert looks_like_pairs("host=h")
    assert not looks_like_pairs("postgresql://h?a=b")
    assert not looks_like_pairs("h")
    assert read_pairs(r"host = h  password='it\'s a \\' x=") == (
        ("host", "h"),
        ("password", "it's a \\"),
        ("x", ""),
    )
    assert read_pairs(r"password=a\ b'c") == (("password", "a b'c"),)
    for text in ("host=h secret word", "password='x'y", "password='open", "= x"):
        with pytest.raises(UrlError, match="single quotes"):
            read_pairs(text)


def test_ports_are_for_all_hosts_or_for_each() -> None:
    assert spread(["a", "b"], []) == (("a", None), ("b", None))
    assert spread(["a", "b"], [1]) == (("a", 1), ("b", 1))
    assert spread(["a", "b"], [1, 2]) == (("a", 1), ("b", 2))
    with pytest.raises(UrlError, match="a different number of ports"):
        spread(["a", "b"], [1, 2, 3])


SAME = [
    ("postgres://u:p@h/db", (("h", 5432),)),
    ("postgresql://u:p@h1:1,h2:2/db", (("h1", 1), ("h2", 2))),
    ("postgresql://u:p@h1,h2:7/db", (("h1", 5432), ("h2", 7))),
    ("postgresql://u:p@[2001:db8::1]:7/db", (("2001:db8::1", 7),)),
    ("postgresql://u:p@%2Frun%2Fp:7/db", (("/run/p", 7),)),
    ("postgresql://u:p@/db?host=/run/p&port=7", (("/run/p", 7),)),
    ("postgresql:///db?host=a,b&port=1,2&user=u&password=p", (("a", 1), ("b", 2))),
    ("postgresql://u:p@:7/db", (("localhost", 7),)),
    ("postgresql://u:p@localhost/db?host=/cloudsql/x", (("/cloudsql/x", 5432),)),
    ("postgresql://u:p@h:5/db?host=a,b", (("a", 5), ("b", 5))),
    ("postgresql://u:p@h:5,i:6/db?host=a,b", (("a", 5), ("b", 6))),
    ("postgresql://u:p@h:5/db?port=6", (("h", 6),)),
    ("postgresql://x:y@h/z?user=u&password=p&dbname=db", (("h", 5432),)),
    ("host=a,b port=7 dbname=db user=u password=p", (("a", 7), ("b", 7))),
    ("port=7 dbname=db user=u password='p'", (("localhost", 7),)),
    ("hostaddr=10.0.0.1 dbname=db user=u password=p", (("10.0.0.1", 5432),)),
    ("jdbc:postgresql://h/db?user=u&password=p&ssl=true", (("h", 5432),)),
    ("postgresql+asyncpg://u:p@h/db", (("h", 5432),)),
    ("dbname=db user=u password=p", ()),
    ("\ufeff'postgresql://u:p@h/db'\r\n", (("h", 5432),)),
]


@pytest.mark.parametrize(("text", "hosts"), SAME)
def test_every_form_that_libpq_takes_is_taken(text: str, hosts: tuple[tuple[str, int], ...]) -> None:
    """Without it, what a provider prints has to be written anew by hand."""
    dsn = read_dsn(text)
    assert dsn.hosts == hosts
    params = driver(dsn)
    assert (params.user, params.password, params.database) == ("u", "p", "db")


def test_a_database_may_have_a_slash_in_its_name() -> None:
    assert driver(read_dsn("postgresql://u:p@h/my%2Fdb")).database == "my/db"
    assert driver(read_dsn("postgresql://u:p@h/%2Fdb/")).database == "/db"


def test_the_ports_of_the_environment_go_with_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "7,8")
    assert read_dsn("postgresql://a,b/db").hosts == (("a", 7), ("b", 8))
    assert read_dsn("postgresql://a:1,b/db").hosts == (("a", 1), ("b", 5432))
    assert read_dsn("postgresql:///db").hosts == ()
    with pytest.raises(UrlError, match="a different number of ports"):
        read_dsn("postgresql://a/db")
    monkeypatch.setenv("PGHOST", "a,b")
    assert read_dsn("postgresql:///db").hosts == (("a", 7), ("b", 8))
    monkeypatch.setenv("PGPORT", "9")
    assert read_dsn("postgresql://a,b/db").hosts == (("a", 9), ("b", 9))


def driver(dsn: Dsn) -> Any:
    """What asyncpg makes of it."""
    connecting = asyncpg.connect_utils._parse_connect_arguments
    given = dict.fromkeys(inspect.signature(connecting).parameters) | {  # which ones depends on its version
        "dsn": dsn.url, "statement_cache_size": 0, "max_cached_statement_lifetime": 0,
        "max_cacheable_statement_size": 0, "host": "127.0.0.1",
    }  # fmt: skip
    _, params, _ = connecting(**given)
    return params


def test_what_providers_print_is_taken_or_left_out_with_a_note() -> None:
    """Without it, each of these is a setting of a server that knows none of them, and refuses the login."""
    dsn = read_dsn(
        "postgres://u:p@ep-x.neon.tech/db?sslmode=require&channel_binding=require&connect_timeout=1&application_name=me"
        "&options=endpoint%3Dx&keepalives=1&keepalives_idle=5&gssencmode=disable&pgbouncer=true&supa=base-pooler.x"
        "&schema=public&connection_limit=1&wrong=1&target_session_attrs=read-write"
    )
    settings = driver(dsn).server_settings
    assert settings == {"application_name": "me", "options": "endpoint=x"}
    assert (dsn.timeout_s, dsn.target, dsn.is_pooled, dsn.ssl_mode) == (2.0, "read-write", True, "require")
    assert [note.split(":")[0] for note in dsn.notes] == [
        "keepalives, keepalives_idle, supa, schema, connection_limit", "1 parameters that libpq does not know are left out"
    ]  # fmt: skip
    assert dsn.warnings == ("channel_binding has no effect: the driver does not support it",)
    assert [read_dsn(f"postgresql://h?connect_timeout={n}").timeout_s for n in (0, -1, 7, 999)] == [
        60,
        60,
        7,
        60,
    ]
    assert read_dsn("postgresql://h?fallback_application_name=x").url.endswith("application_name=x")
    assert read_dsn("postgresql://h?sslrootcert=system").ssl_mode == "verify-full"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mysql://u:p@h/db", "must begin with postgresql://"),
        ("postgresql://u:p@h/db/more", "a / in it"),
        ("host=h sekret=1", "a key that libpq does not know"),
        ("postgresql://h?sslmode=sekret", "sslmode must be one of disable"),
        ("postgresql://h?target_session_attrs=sekret", "target_session_attrs must be one of any"),
        ("postgresql://h?gssencmode=require", "use TLS"),
        ("postgresql://h?connect_timeout=sekret", "connect_timeout is not a whole number"),
        ("postgresql://h?port=sekret", "not a number from 1"),
        ("postgresql://h?service=sekret", "service file"),
        ("host=a,b,c port=1,2", "a different number of ports"),
    ],
)
def test_a_wrong_parameter_is_named_and_its_value_is_not(text: str, says: str) -> None:
    with pytest.raises(UrlError, match=says) as caught:
        read_dsn(text)
    assert "sekret" not in str(caught.value)


def test_a_service_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "services"
    file.write_text("[plant]\nhost=a,b\nport=7\ndbname=db\nuser=u\npassword=p%x\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    for text in ("service=plant", "postgresql:///?service=plant"):
        dsn = read_dsn(text)
        assert dsn.hosts == (("a", 7), ("b", 7))
        assert driver(dsn).password == "p%x"
    monkeypatch.setenv("PGSERVICE", "plant")
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "primary")
    assert read_dsn("postgresql://z/db").hosts == (("z", 7),)
    assert read_dsn("postgresql://z/db").target == "primary"


SECRET = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=4, max_size=20)
FRAME = st.sampled_from([
    "postgresql://u:{}@127.0.0.1/db", "postgresql://u:{}@h:x/db", "postgresql://{}@127.0.0.1", "postgresql://u:{}", "postgres://u:{}@/",
    "postgresql://u:{}@127.0.0.1/db?sslmode=no", "postgresql://u:{}@[::1", "host=127.0.0.1 password={}", "host=127.0.0.1 password='{}'", "{}",
    "postgresql://127.0.0.1/db?password={}&x=1", "mysql://u:{}@127.0.0.1", "service=x password={}", "mqtt://u:{}@h:1883", "mqtt://u:{}@",
    "mqtt://u:{}@[::1", "mqtt://u:{}@h:port", "ws://u:{}@127.0.0.1", "postgresql://u:{}@h,i:1:2/db?port=x",
])  # fmt: skip


@settings(deadline=None)
@given(FRAME, SECRET)
@example("postgresql://127.0.0.1/db?password={}&x=1", "ab&secret=cd")
@example("postgresql://u:{}@127.0.0.1/db", "12?secret=cd")
def test_no_sentence_holds_a_piece_of_the_password(frame: str, password: str) -> None:
    """Without silence about what cannot be read, four characters of a password in a row are in a message or a note."""
    text = frame.replace("{}", password)
    message, neutral = reported(text), reported(frame.replace("{}", "\u2603"))
    for start in range(len(password) - 3):
        piece = password[start : start + 4]
        assert piece not in message or piece in neutral or piece in _PROSE, (piece, message)


def reported(text: str) -> str:
    """What is said of a URL in either place."""
    message: list[str] = []
    for read in (database_access, broker_address):
        try:
            address: Any = read(Settings(), text)
        except ConsoleError as error:
            message.append(str(error))
        else:
            message += [repr(address), *address.warnings, *address.notes]
    return "\n".join(message)


_PROSE = "Access(operator_role='pulse_app', worker_role='device_console_worker', tls=None) BrokerAddress(host='127.0.0.1'"


def test_a_secret_file_may_have_a_byte_order_mark_and_any_line_end(tmp_path: Path) -> None:
    """Without it, a file that Notepad wrote names another scheme."""
    file = tmp_path / "url"
    for around in ("{}\r\n", "\ufeff{}\r\n", "\ufeff{}\n\n", "{}\0"):
        file.write_bytes(around.format("postgresql://u:p@h/db").encode())
        given = load({}, {"DATABASE_URL_FILE": str(file), "CONSOLE_CONFIG": str(tmp_path / "none")}).settings
        assert given.newest_secret("database_url") == "postgresql://u:p@h/db"
    file.write_bytes("postgresql://h".encode("utf-16"))
    with pytest.raises(ConsoleError, match="it is not text"):
        load({}, {"DATABASE_URL_FILE": str(file), "CONSOLE_CONFIG": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("url", "port", "path", "secure"),
    [
        ("ws://broker.example", 80, "/mqtt", False),
        ("wss://broker.example", 443, "/mqtt", True),
        ("ws://broker.example:15675/ws", 15675, "/ws", False),
        ("wss://broker.example/", 443, "/", True),
        ("WSS://u:p%40ss@broker.example/a/b%20c", 443, "/a/b%20c", True),
        ("wss://broker.example/mqtt?X-Amz-Date=1&X-Amz-Signature=a%2Fb+c", 443, "/mqtt?X-Amz-Date=1&X-Amz-Signature=a%2Fb+c", True),
        ("wss://broker.example?token=t", 443, "/mqtt?token=t", True),
        ("ws://broker.example/a b/é", 80, "/a%20b/%C3%A9", False),
        ("ws://a@b/c@broker.example:8080/mqtt", 8080, "/mqtt", False),
    ],
)  # fmt: skip
def test_a_broker_may_be_inside_of_websockets(url: str, port: int, path: str, secure: bool) -> None:
    """Without the path as it is written, a request would ask for another one, or be none."""
    address = broker_address(Settings(mqtt_url=Secret(url)), url)
    assert (address.host, address.port, address.websockets) == ("broker.example", port, True)
    assert (address.path, address.tls is not None, address.notes) == (path, secure, ())
    assert bool(address.warnings) != secure
    assert "token" not in repr(address)


def test_several_hosts_may_be_inside_of_websockets() -> None:
    url = "wss://a.example,b.example:8443/mqtt"
    address = broker_address(Settings(mqtt_url=Secret(url)), url)
    assert (address.host, address.port, address.others) == ("a.example", 443, (("b.example", 8443),))
