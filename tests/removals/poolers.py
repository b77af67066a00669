"""What keeps connection strings, poolers and brokers of others from being mistaken for what they are not."""

from tests.removals import Removal

_POOLER = "tests/guarantees/test_unknown_pooler.py::test_"
_HOSTS = "tests/guarantees/test_several_hosts.py::test_"
_URLS = "tests/unit/test_urls.py::test_"

REMOVALS = (
    Removal(
        "G38",
        "the doubt about who is at the other end",
        "console/store/links.py",
        "        link.is_direct = believe and await _is_server(link)\n",
        "        link.is_direct = believe\n",
        f"{_POOLER}every_command_works_again_and_again",
    ),
    Removal(
        "G38",
        "the statements that a server itself may keep",
        "console/store/links.py",
        "            link._stmt_cache_enabled = True",
        "            link._stmt_cache_enabled = False",
        f"{_POOLER}a_server_itself_keeps_statements_and_a_pooler_none",
    ),
    Removal(
        "G38",
        "the trial whether a session is kept",
        "console/store/pool.py",
        "                raise PooledError(IS_POOLED_TOO if access.direct_url else IS_POOLED)",
        "                pass",
        f"{_POOLER}what_needs_a_session_refuses_and_leaves_nothing_in_the_pooler",
    ),
    Removal(
        "G38",
        "the look again and again where nothing is heard",
        "console/runtime/workers.py",
        "            for _ in range(_LOOKS):\n                self.wake(None)\n",
        "            for _ in range(_LOOKS):\n",
        f"{_POOLER}changes_of_others_are_seen_without_listening",
    ),
    Removal(
        "G38",
        "doctor's look for a pooler",
        "console/headless/doctor.py",
        "        found += await pooler_findings(database)\n",
        "",
        f"{_POOLER}doctors_first_look_names_the_setting",
    ),
    Removal(
        "G38",
        "the next host after one that does not answer",
        "console/store/links.py",
        "            except _NEXT_HOST as error:",
        "            except ZeroDivisionError as error:",
        f"{_HOSTS}the_first_host_that_is_what_is_asked_for_is_used",
    ),
    Removal(
        "G38",
        "the time-out of each host",
        "console/store/pool.py",
        "    return wanted_s or (SEVERAL_HOSTS_TIMEOUT_S if hosts > 1 else CONNECT_TIMEOUT_S)",
        "    return wanted_s or 3_600.0",
        f"{_HOSTS}a_host_that_says_nothing_costs_seconds_only",
    ),
    Removal(
        "G38",
        "the next host of the broker",
        "console/mqtt/session.py",
        "(address.host, address.port), *address.others)",
        "(address.host, address.port),)",
        f"{_HOSTS}the_broker_that_answers_is_used",
    ),
    Removal(
        "G38",
        "the readings of a password as it stands",
        "console/domain/urls.py",
        "    return next(iter(readings.values()))",
        '    raise UrlError("")',
        f"{_URLS}a_password_may_stand_as_it_is",
    ),
    Removal(
        "G38",
        "the silence about names that nobody knows",
        "console/store/dsn.py",
        "    unknown = sum(name not in KNOWN for name in given)\n",
        "    unknown = [name for name in given if name not in KNOWN]\n",
        f"{_URLS}no_sentence_holds_a_piece_of_the_password",
    ),
    Removal(
        "G38",
        "the topic of doctor's own",
        "console/headless/doctor.py",
        "await broker_findings(place, tenant_id, probe=probe)",
        "await broker_findings(place, tenant_id, probe=True)",
        "tests/e2e/test_command_line.py::test_doctor_publishes_nothing_where_tenants_listen",
    ),
    Removal(
        "G38",
        "the version of the broker",
        "console/headless/brokers.py",
        ">= (2, 1):",
        ">= (99, 1):",
        "tests/guarantees/test_doctor.py::test_what_a_broker_keeps_is_told_by_its_kind_and_version",
    ),
    Removal(
        "G38",
        "the signal that makes the demo's broker save",
        "console/embedded/broker.py",
        "    save_signal = signal.SIGUSR1\n",
        "",
        "tests/e2e/test_embedded.py::test_a_killed_broker_keeps_what_it_took_while_nobody_was_connected",
    ),
    Removal(
        "G38",
        "the word of a newer broker",
        "console/mqtt/link_errors.py",
        "_UNSPECIFIED, _TAKEN_OVER = 0x80, 0x8E",
        "_UNSPECIFIED, _TAKEN_OVER = 0x80, 0xFF",
        "tests/guarantees/test_hostile_brokers.py::test_104_the_end_of_a_session_is_certain_only_where_the_broker_says_so",
    ),
)
