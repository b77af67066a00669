"""Every limit of the contract, defined once: texts and values that depend on them are computed from here.

The settings import this module: their bounds are defined here, too.
"""

from datetime import timedelta

MIN_TTL = timedelta(seconds=5)
MAX_TTL = timedelta(days=7)
DEFAULT_TTL = timedelta(hours=1)  # as the table's own default
# An answer may come until the command ends: the broker must keep our session for that long.
ACK_SESSION = max(MAX_TTL, timedelta(days=7))

MAX_PAYLOAD_BYTES = 65_536  # of a command
MAX_ACK_BYTES = 65_536
LEAST_MAX_BYTES, MOST_MAX_BYTES = 256, 1_000_000  # the range in which operators may set the two
MAX_JSON_DEPTH = 200

MAX_ID_LENGTH = 128
MAX_TYPE_LENGTH = 100
MAX_NAME_LENGTH = 64  # of an operator

MAX_INGEST_SLOTS = 16

MIN_KEEP = timedelta(days=1)  # of ended commands
MAX_KEEP = timedelta(days=36_525)
KEEP_UNASKED = timedelta(days=30)  # a shorter retention has to be confirmed
