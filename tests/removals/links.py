"""What keeps the links from being somebody else's."""

from tests.removals import Removal

_TLS = "tests/guarantees/test_tls.py::test_"
_WEBSOCKETS = "tests/mqtt/test_websockets.py::test_"

REMOVALS = (
    Removal(
        "G27",
        "the verification of the broker",
        "console/runtime/addresses.py",
        "    context.minimum_version = ssl.TLSVersion.TLSv1_2\n",
        "    context.check_hostname = False\n    context.verify_mode = ssl.CERT_NONE\n",
        f"{_TLS}a_broker_is_verified",
    ),
    Removal(
        "G27",
        "the host name in the verification of the database",
        "console/runtime/addresses.py",
        '    if mode == "verify-ca" and (settings.database_ca or not trusts_system):',
        '    if mode != "x":',
        f"{_TLS}a_database_is_verified",
    ),
    Removal(
        "G27",
        "the TLS that a database elsewhere must have",
        "console/runtime/addresses.py",
        "    if (local or mode) and not files and not trusts_system:",
        "    if not files and not trusts_system:",
        f"{_TLS}a_database_elsewhere_is_verified_unless_set_otherwise",
    ),
    Removal(
        "G27",
        "the transport of a URL that asks for WebSockets",
        "console/runtime/addresses.py",
        "        websockets=websockets,\n",
        "",
        f"{_WEBSOCKETS}a_command_is_sent_and_answered_and_again_after_the_broker_was_killed",
    ),
    Removal(
        "G28",
        "the path that is asked for",
        "console/mqtt/session.py",
        "        websocket_path=address.path,\n",
        "",
        f"{_WEBSOCKETS}what_opens_no_websocket_is_reported_with_the_path",
    ),
    Removal(
        "G28",
        "the sentence on what opens no WebSocket",
        "console/mqtt/hooks.py",
        "            if address.websockets and made and _is_no_upgrade(error):\n",
        "            if False:\n",
        f"{_WEBSOCKETS}what_opens_no_websocket_is_reported_with_the_path",
    ),
    Removal(
        "G28",
        "the end of a socket whose handshake failed",
        "console/mqtt/hooks.py",
        "                plug.close()\n",
        "                pass\n",
        f"{_WEBSOCKETS}what_opens_no_websocket_leaves_no_socket_behind",
    ),
    Removal(
        "G28",
        "the wait of a worker that starts before its database",
        "console/worker/run.py",
        "        except DatabaseUnreachableError as error:",
        "        except ZeroDivisionError as error:",
        "tests/guarantees/test_outages.py::test_a_worker_that_starts_before_its_database_waits_for_it",
    ),
    Removal(
        "G28",
        "the supervision of a lost database",
        "console/runtime/supervisor.py",
        "            except ConsoleError as error:",
        "            except ZeroDivisionError as error:",
        "tests/guarantees/test_outages.py::test_the_screen_outlives_every_kind_of_outage_of_the_database",
    ),
    Removal(
        "G28",
        "the time-out of a publication",
        "console/services/flight.py",
        "        if self._loop.time() >= sent_at + self._timeout_s:\n",
        "        if False:\n",
        "tests/guarantees/test_hostile_brokers.py::test_102_a_puback_that_never_comes_leaves_the_command_unpublished",
    ),
    Removal(
        "G28",
        "the look at Session Present",
        "console/runtime/ingest.py",
        "            if slot in self._sessions and not stream.session_present:",
        "            if slot in self._sessions and stream is None:",
        "tests/guarantees/test_hostile_brokers.py::test_103_a_session_that_is_gone_is_subscribed_again_and_told",
    ),
    Removal(
        "G28",
        "the full disk among the troubles that pass",
        "console/store/failures.py",
        "    if isinstance(error, asyncpg.PostgresError):\n",
        "    if isinstance(error, asyncpg.DataError):\n",
        "tests/guarantees/test_outages.py::"
        "test_a_full_disk_acknowledges_nothing_and_takes_everything_once_there_is_room",
    ),
    Removal(
        "G28",
        "the link that an error names",
        "console/runtime/supervisor.py",
        "        match error.link:\n",
        '        match Link.BROKER if "broker" in str(error) else error.link:\n',
        "tests/unit/test_link_causes.py::test_a_light_goes_out_for_the_link_that_the_error_names",
    ),
    Removal(
        "G28",
        "reason codes that are compared as numbers",
        "console/mqtt/link_errors.py",
        "    return code if isinstance(code, int) else None\n",
        '    return code if isinstance(code, int) else 142 if "142" in str(error) else None\n',
        "tests/unit/test_link_causes.py::test_numbers_in_an_address_are_no_reason_codes",
    ),
)
