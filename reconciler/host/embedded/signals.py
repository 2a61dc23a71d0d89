"""TERM and INT end the process with 0 at any moment, also while the extension loads a model.

Its constructor holds the GIL for as long as the load takes (26 s for an 8B model on two cores), so no Python code
can run meanwhile, no signal handler and no thread. What can run is the C library: the signals are blocked in every
thread, `signalfd` turns them into something to read, and an asynchronous read calls `_exit(0)` from a thread of
the C library when a signal comes. Nothing needs to be cleaned up: sockets and memory are the kernel's, requests
have been drained by whoever sends the signal.
"""

from __future__ import annotations

import ctypes
import os
import signal

ENDING = (signal.SIGTERM, signal.SIGINT)

_SIGEV_THREAD = 2
#: sizeof(struct signalfd_siginfo)
_RECORD = 128


class _SigEvent(ctypes.Structure):
    """`struct sigevent` of glibc and musl on 64 bits."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("padding", ctypes.c_char * 32),
    )


class _Request(ctypes.Structure):
    """`struct aiocb`; the C library's own fields, and more room than they take, follow the public ones."""

    _fields_ = (
        ("file", ctypes.c_int),
        ("opcode", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("event", _SigEvent),
        ("internal", ctypes.c_char * 256),
    )


#: The C library keeps the address of the request for as long as the process lives.
_pending: list[object] = []


def exit_cleanly_on_signals() -> None:
    """Must run before any other thread exists: threads inherit the blocked signals."""
    for number in ENDING:
        # Inherited as ignored, a blocked signal would be dropped instead of read.
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        _read_for_exit(ctypes.CDLL(None, use_errno=True))
    except (AttributeError, OSError):
        # A C library without these calls: the signals still end the process, as they end llama-server's load.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _read_for_exit(libc: ctypes.CDLL) -> None:
    mask = (ctypes.c_ulong * 16)()
    libc.sigemptyset(mask)
    for number in ENDING:
        libc.sigaddset(mask, int(number))
    descriptor = libc.signalfd(-1, mask, os.O_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "signalfd")
    record = ctypes.create_string_buffer(_RECORD)
    leave = ctypes.cast(libc._exit, ctypes.c_void_p)  # noqa: SLF001 - the C library's name
    request = _Request(
        file=descriptor,
        buffer=ctypes.addressof(record),
        length=_RECORD,
        # The value is the only argument that the function gets: `_exit(0)`.
        event=_SigEvent(value=None, notify=_SIGEV_THREAD, function=leave),
    )
    _pending.extend((record, request))
    if libc.aio_read(ctypes.byref(request)) != 0:
        raise OSError(ctypes.get_errno(), "aio_read")
