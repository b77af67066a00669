"""Every limit of the contract, once: what is shown of them and what depends on them is computed from here.

It lies below the settings, whose own bounds are among them.
"""

from datetime import timedelta

MIN_TTL = timedelta(seconds=5)
MAX_TTL = timedelta(days=7)
DEFAULT_TTL = timedelta(hours=1)  # as the table's own default
# An answer may come until the command ends: the broker must keep our session for that long.
ACK_SESSION = max(MAX_TTL, timedelta(days=7))

MAX_PAYLOAD_BYTES = 65_536  # of a command
MAX_ACK_BYTES = 65_536
LEAST_MAX_BYTES, MOST_MAX_BYTES = 256, 1_000_000  # what operators may set the two to
MAX_JSON_DEPTH = 200

MAX_ID_LENGTH = 128
MAX_TYPE_LENGTH = 100
MAX_NAME_LENGTH = 64  # of an operator

MAX_INGEST_SLOTS = 16
