"""PgBouncer before a server, in transaction mode unless told otherwise: one connection to it serves everybody."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.brokers import free_port
from tests.needs import find_program, need
from tests.waiting import wait_until


@contextmanager
def pgbouncer(
    socket_folder: Path, port: int, pool_size: int = 1, mode: str = "transaction", extra: str = ""
) -> Iterator[int]:
    """Yield the port of a pooler before the server on this Unix socket."""
    need("pgbouncer", find_program("pgbouncer"))
    folder = Path(tempfile.mkdtemp(prefix="dc-pooler-"))
    listening = free_port()
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={socket_folder} port={port} user=console_login\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {listening}\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {pool_size}\n"
        f"unix_socket_dir =\nlogfile =\npidfile =\nignore_startup_parameters = extra_float_digits\n{extra}\n"
    )
    folder.chmod(0o755)
    user, place = ("postgres", "/") if os.geteuid() == 0 else (None, None)
    program = find_program("pgbouncer")
    assert program is not None
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [program, "-q", str(folder / "pgbouncer.ini")], stdout=log, stderr=log, user=user, cwd=place
    )

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", listening), 0.5):
            return True
        return False

    wait_until(answers, 20)
    try:
        yield listening
    finally:
        process.terminate()
        process.wait(10)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)
