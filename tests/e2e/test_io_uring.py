"""The build that gathers system calls: where the kernel lets it, and where not. Everything else here runs with it, too."""

import ctypes
import os
import struct
import sys

import pytest

from wire import response

pytestmark = pytest.mark.skipif(os.environ.get("POSTERN_IO_URING") != "1", reason="another build")

IO_URING_SETUP = 425
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM


def forbid_io_uring():
    """As the default seccomp profile of containers does."""
    def instruction(code, jump_true, jump_false, operand):
        return struct.pack("HBBI", code, jump_true, jump_false, operand)

    program = b"".join([
        instruction(0x20, 0, 0, 0),  # load the number of the system call
        instruction(0x15, 0, 1, IO_URING_SETUP),
        instruction(0x06, 0, 0, REFUSE),
        instruction(0x06, 0, 0, ALLOW),
    ])
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", 4, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, header, 0, 0) == 0  # PR_SET_SECCOMP, a filter


def test_it_says_that_calls_are_gathered(guard):
    assert "system calls are gathered by io_uring" in guard().log


def test_where_the_kernel_refuses_they_are_made_one_by_one(guard, upstream):
    upstream.answer = lambda head, _: response(body=head.target.encode())
    postern = guard(under=[sys.executable, __file__])
    assert "io_uring is not to be had here (Operation not permitted): system calls are made one by one" in postern.log
    assert postern.ask(target="/open/x").body == b"/open/x"


if __name__ == "__main__":
    forbid_io_uring()
    os.execv(sys.argv[1], sys.argv[1:])
