"""What keeps the links from being somebody else's."""

from tests.removals import Removal

_TLS = "tests/guarantees/test_tls.py::test_"

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
        '    if mode == "verify-ca":',
        '    if mode != "x":',
        f"{_TLS}a_database_is_verified",
    ),
    Removal(
        "G27",
        "the TLS that a database elsewhere must have",
        "console/runtime/addresses.py",
        "    if (local or mode) and not files:",
        "    if not files:",
        f"{_TLS}a_database_elsewhere_is_verified_unless_told_otherwise",
    ),
)
