"""The program's own PostgreSQL and MQTT broker, so that a laptop needs nothing but this program.

`servers.EmbeddedServers` is the entry point. Every process that uses the servers holds a
shared lock, a detached supervisor runs both servers as its children, and when it can take that lock
exclusively, no user is left and it stops them. The kernel releases a dead process's locks, even if killed.
"""

INSTALL_HINT = (
    "start the program with ./run of its source tree, which brings it, or run `pipx install '.[embedded]'`"
    " there"
)
