"""All shell commands, in the order in which help lists them."""

from collections.abc import Mapping

from console.shell import (
    batch,
    batches,
    cancel,
    config,
    demo,
    devices,
    export,
    favourites,
    history,
    ingest_slots,
    migrate,
    problems,
    resume,
    retry,
    send,
    show,
    simulate,
    tail,
    types,
)
from console.shell.doctor import command as doctor
from console.shell.verb import Verb

_MODULES = (
    devices, history, types, export, batches, batch, show, problems, favourites, tail,
    send, cancel, retry, resume,
    doctor, config, migrate, ingest_slots, simulate, demo,
)  # fmt: skip
VERBS: Mapping[str, Verb] = {module.VERB.name: module.VERB for module in _MODULES}
