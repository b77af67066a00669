"""Why a link is down is a value: told by numbers and types, whatever the words of an error contain."""

import asyncio
import errno
import inspect
import socket
import ssl
from asyncio import base_events
from pathlib import Path

import aiomqtt
import asyncpg
import pytest
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from console.domain.link_causes import cause_of, cause_words, with_cause
from console.errors import (
    BrokerUnreachableError,
    Cause,
    ConsoleError,
    DatabaseUnreachableError,
    DataRefusedError,
    LeaseLostError,
    Link,
    RefusedError,
    TakenOverError,
)
from console.mqtt.link_errors import HungUpError, UnansweredError, connect_error, lost_error
from console.retry import Retry
from console.runtime import supervisor
from console.runtime.supervisor import Supervisor
from console.services.health import Health, HealthView
from console.store import driver_words
from console.store.failures import translate

LABEL = "10.0.135.4:1883"


class FakeClock:
    def monotonic(self) -> float:
        return 100.0


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (TimeoutError(), Cause.NO_ANSWER, "no answer in time"),
        (ConnectionRefusedError(111, "Connect call failed ('10.0.142.7', 1)"), Cause.REFUSED, "connection refused"),
        (ConnectionResetError(104, "reset"), Cause.CLOSED, "the connection was closed"),
        (BrokenPipeError(32, "pipe"), Cause.CLOSED, "the connection was closed"),
        (EOFError(), Cause.CLOSED, "the connection was closed"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), Cause.UNKNOWN_HOST, "the host name is unknown"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure."), Cause.OTHER, "Temporary failure"),
        (OSError(errno.EHOSTUNREACH, "No route"), Cause.NO_ROUTE, "no route to the host"),
        (OSError(errno.ENETUNREACH, "Network"), Cause.NO_ROUTE, "no route to the host"),
        (OSError(errno.EMFILE, "Too many open files"), Cause.OTHER, "Too many open files"),
        (OSError("10.0.142.7 said no"), Cause.OTHER, "10.0.142.7 said no"),
        (OSError(), Cause.OTHER, "OSError"),
        (ssl.SSLError(1, "words"), Cause.TLS, "the TLS connection failed"),
        (ValueError("first\nsecond"), Cause.OTHER, "first"),
    ],
)  # fmt: skip
def test_an_error_of_the_system_stands_for_one_cause(error: BaseException, cause: Cause, words: str) -> None:
    found, detail = cause_of(error)
    assert (found, cause_words(found, detail)) == (cause, words)


async def test_what_asyncio_says_of_several_addresses_is_the_first_ones_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It tries each and quotes them all in words, which is all that there is of them."""
    loop = asyncio.get_running_loop()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound and not listening

        async def two(*_: object, **__: object) -> list[tuple[object, ...]]:
            tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*tcp, ("127.0.0.1", port)), (*tcp, ("127.0.0.2", port))]

        monkeypatch.setattr(loop, "getaddrinfo", two)
        with pytest.raises(OSError, match="Multiple exceptions") as raised:
            await loop.create_connection(asyncio.Protocol, "two.example", port)
    assert raised.value.errno is None
    assert cause_of(raised.value) == (Cause.REFUSED, "")
    assert "Multiple exceptions: {}" in inspect.getsource(base_events)


@pytest.mark.parametrize(
    ("cause", "detail", "sentence"),
    [
        (Cause.REFUSED, "", "It does not answer (connection refused)."),
        (Cause.NO_ANSWER, "", "It does not answer in time."),
        (Cause.NO_ANSWER, "it is silent", "It does not answer (it is silent)."),
        (Cause.OTHER, "", "It does not answer."),
    ],
)
def test_a_sentence_is_made_of_a_cause(cause: Cause, detail: str, sentence: str) -> None:
    assert with_cause("It does not answer", cause, detail) == sentence


def lost(error: Exception | None) -> BrokerUnreachableError:
    async def run() -> BrokerUnreachableError:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
        return lost_error(future, LABEL)

    return asyncio.run(run())


@pytest.mark.parametrize("text", ["[Errno 113] 10.0.142.7", "142", "0x8e", "code:128"])
def test_numbers_in_an_address_are_no_reason_codes(text: str) -> None:
    """Without the comparison of numbers, an address is a take-over by another client."""
    found = lost(OSError(text))
    assert not isinstance(found, TakenOverError)
    assert (found.link, found.cause) == (Link.BROKER, Cause.OTHER)


@pytest.mark.parametrize("number", [142, ReasonCode(PacketTypes.DISCONNECT, identifier=142)])
def test_a_reason_code_is_compared_as_a_number(number: int | ReasonCode) -> None:
    found = lost(aiomqtt.MqttCodeError(number))
    assert (type(found), found.cause) == (TakenOverError, Cause.TAKEN_OVER)


def test_a_link_that_ended_without_a_reason_was_closed() -> None:
    assert lost(None).cause is Cause.CLOSED
    assert lost(ConnectionResetError()).cause is Cause.CLOSED


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (MqttConnectError(5), RefusedError, Cause.LOGIN),
        (MqttConnectError(3), BrokerUnreachableError, Cause.REFUSED),
        (aiomqtt.MqttError("10.0.135.4 and 134"), BrokerUnreachableError, Cause.OTHER),
        (HungUpError("it hung up while connecting"), BrokerUnreachableError, Cause.CLOSED),
    ],
)
def test_a_refused_connection_has_a_link_and_a_cause(
    error: aiomqtt.MqttError, kind: type[ConsoleError], cause: Cause
) -> None:
    found = connect_error(error, LABEL, tls=False, v5=False)
    assert isinstance(found, kind)
    assert (found.link, found.cause) == (Link.BROKER, cause)


def test_a_silent_broker_may_not_know_the_protocol() -> None:
    error = aiomqtt.MqttError("timed out")
    error.__cause__ = TimeoutError("timed out")
    found = connect_error(error, LABEL, tls=False, v5=True)
    assert isinstance(found, UnansweredError)
    assert found.meant.cause is Cause.NO_ANSWER
    assert str(found.meant) == f"The broker at {LABEL} does not answer in time."


@pytest.mark.parametrize(
    ("error", "link", "cause"),
    [
        (ConnectionRefusedError(), Link.DATABASE, Cause.REFUSED),
        (asyncpg.CannotConnectNowError("starting up"), Link.DATABASE, Cause.OTHER),
        (asyncpg.InvalidPasswordError("no"), Link.DATABASE, Cause.LOGIN),
        (ConnectionError("server rejected SSL upgrade"), Link.DATABASE, Cause.TLS),
        (asyncpg.InterfaceError("connection is closed"), Link.DATABASE, Cause.CLOSED),
        (asyncpg.UndefinedTableError('relation "broker_rules" does not exist'), None, Cause.OTHER),
        (asyncpg.RaiseError("the broker_rules disagree"), None, Cause.OTHER),
    ],
)
def test_a_failure_of_the_database_names_the_link_that_is_down(
    error: BaseException, link: Link | None, cause: Cause
) -> None:
    ours = translate(error)
    assert ours is not None
    assert (ours.link, ours.cause) == (link, cause)


async def light_after(error: ConsoleError, monkeypatch: pytest.MonkeyPatch) -> HealthView:
    """What the header shows once a worker has failed with this."""
    health, failed = Health(FakeClock()), asyncio.Event()
    health.database_up()
    health.broker_up()

    class Recorded(Retry):
        def delay_s(self, failures: int) -> float:
            del failures
            failed.set()
            return 3_600.0

    async def body() -> None:
        raise error

    monkeypatch.setattr(supervisor, "LINKS", Recorded(0.2, 5.0))
    running = asyncio.create_task(Supervisor(health).forever("dispatch", body))
    await failed.wait()
    await asyncio.sleep(0)
    running.cancel()
    return health.view()


@pytest.mark.parametrize(
    ("error", "lights"),
    [
        (DataRefusedError("The database refused the data: the broker_rules disagree."), (True, True)),
        (RefusedError('The database lacks what the console needs (relation "broker_rules").'), (True, True)),
        (LeaseLostError("Another process has taken over the database and the broker."), (True, True)),
        (DatabaseUnreachableError("The database behind the broker does not answer."), (False, True)),
        (BrokerUnreachableError("Nothing answers."), (True, False)),
        (RefusedError("It refuses.", link=Link.BROKER), (True, False)),
        (RefusedError("The direct connection refuses the login.", link=Link.DATABASE), (True, True)),
    ],
)
async def test_a_light_goes_out_for_the_link_that_the_error_names(
    error: ConsoleError, lights: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the link as a value, a table named broker_rules turns off the light of the broker."""
    view = await light_after(error, monkeypatch)
    assert (view.database.up, view.broker.up) == lights


def test_asyncpg_still_says_what_only_its_words_tell() -> None:
    """The text of asyncpg as installed: a release that says it otherwise fails here."""
    folder = Path(asyncpg.__file__).parent
    text = "".join(
        path.read_text("utf-8") for kind in ("*.py", "*.pyx") for path in sorted(folder.rglob(kind))
    )
    for words in (driver_words.NO_TLS, *driver_words.CLOSED, driver_words.DIED_UNDER_IT):
        assert words in text, words
    assert "class InternalClientError" in text


def test_words_count_only_in_the_errors_that_carry_them() -> None:
    assert driver_words.is_closed(
        asyncpg.InternalClientError("cannot switch: another operation (2) is in progress")
    )
    assert not driver_words.is_closed(asyncpg.InternalClientError("got result for unknown protocol state"))
    assert not driver_words.is_closed(asyncpg.UndefinedTableError("what is closed does not exist"))
    assert not driver_words.pools_by_statement(ValueError(driver_words.POOLED_BY_STATEMENT))
    assert not driver_words.pooler_refuses(asyncpg.UndefinedTableError("does not exist"))
    assert not driver_words.offers_no_tls(asyncpg.InterfaceError(driver_words.NO_TLS))
