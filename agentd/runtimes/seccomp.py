"""The system calls that nothing inside a sandbox needs and that reach past it: a filter for the kernel, as bwrap takes it.

Refused with EPERM: another user namespace (by clone or unshare), entering one, mounts, kernel keyrings (they are shared across
uids), bpf and perf, io_uring, modules and reboot, the kernel's own log, and a terminal's input written by another (TIOCSTI).
clone3 hides its flags behind a pointer and is answered with ENOSYS, at which libraries fall back to clone. So is every call of
another architecture. Of sockets there are Unix ones, those of IP and netlink; any other family is EAFNOSUPPORT: a network
namespace holds no vsock, which leads to whoever runs this machine as a guest.
"""

import functools
import platform
import struct

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_AT, _SECOND_AT = 0, 4, 16, 24
"""In struct seccomp_data; of an argument its low half, as both architectures are little-endian."""
_NEW_USER = 0x10000000
_TERMINAL = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX."""
_X32 = 0x40000000
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK."""

_NAMES = (
    "clone", "unshare", "clone3", "ioctl", "socket", "socketpair",
    "setns", "mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr", "add_key", "request_key", "keyctl", "bpf", "perf_event_open", "io_uring_setup", "userfaultfd",
    "open_by_handle_at", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "swapon",
    "swapoff", "reboot", "acct", "quotactl", "syslog",
)  # fmt: skip
_NUMBERS = {
    "x86_64": (
        0xC000003E,
        (
            56, 272, 435, 16, 41, 53,
            308, 165, 166, 155, 429, 428, 430, 431, 432, 433,
            442, 248, 249, 250, 321, 298, 425, 323,
            304, 246, 320, 175, 313, 176, 167,
            168, 169, 163, 179, 103,
        ),
    ),
    "aarch64": (
        0xC00000B7,
        (
            220, 97, 435, 29, 198, 199,
            268, 40, 39, 41, 429, 428, 430, 431, 432, 433,
            442, 217, 218, 219, 280, 241, 425, 282,
            265, 104, 294, 105, 273, 106, 224,
            225, 142, 89, 60, 116,
        ),
    ),
}  # fmt: skip


@functools.cache
def seccomp_filter(machine: str | None = None) -> bytes | None:
    """The compiled filter; None for an architecture whose numbers are not known here."""
    known = _NUMBERS.get(machine or platform.machine())
    if known is None:
        return None
    architecture, numbers = known
    call = dict(zip(_NAMES, numbers, strict=True))
    steps = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_JUMP_EQUAL, architecture, yes=1),
        _refuse(_ENOSYS),
        _step(_LOAD, _NUMBER_AT),
    ]
    if architecture == _NUMBERS["x86_64"][0]:
        steps += [_step(_JUMP_AT_LEAST, _X32, no=1), _refuse(_ENOSYS)]
    steps += [_step(_JUMP_EQUAL, call["clone3"], no=1), _refuse(_ENOSYS)]
    for name in ("clone", "unshare"):
        steps += [
            _step(_JUMP_EQUAL, call[name], no=4),
            _step(_LOAD, _FIRST_AT),
            _step(_JUMP_ANY_BIT, _NEW_USER, no=1),
            _refuse(_EPERM),
            _step(_RETURN, _ALLOW),
        ]
    steps += [
        _step(_JUMP_EQUAL, call["ioctl"], no=5),
        _step(_LOAD, _SECOND_AT),
        _step(_JUMP_EQUAL, _TERMINAL[0], yes=1),
        _step(_JUMP_EQUAL, _TERMINAL[1], no=1),
        _refuse(_EPERM),
        _step(_RETURN, _ALLOW),
    ]
    for name in ("socket", "socketpair"):
        last = len(_FAMILIES) - 1
        steps += [_step(_JUMP_EQUAL, call[name], no=len(_FAMILIES) + 3), _step(_LOAD, _FIRST_AT)]
        steps += [_step(_JUMP_EQUAL, family, yes=last - at + 1) for at, family in enumerate(_FAMILIES)]
        steps += [_refuse(_EAFNOSUPPORT), _step(_RETURN, _ALLOW)]
    for name in _NAMES[6:]:
        steps += [_step(_JUMP_EQUAL, call[name], no=1), _refuse(_EPERM)]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _refuse(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """One struct sock_filter. `yes` and `no`: how many steps are left out."""
    return struct.pack("=HBBI", code, yes, no, value)
