"""Tokens in postern's own form: prefix, 32 base62 characters, CRC-32 of both in six. These guard nothing: they are the same ones every time."""

from __future__ import annotations

import random
import string
import zlib
from typing import List

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
FROM_BYTE = bytes(ord(BASE62[byte % 62]) for byte in range(256))
PAIRS = [first + second for first in BASE62 for second in BASE62]


def make_secret(source: random.Random) -> str:
    body = b"pst_" + source.randbytes(32).translate(FROM_BYTE)
    rest, low = divmod(zlib.crc32(body), 62 * 62)
    high, middle = divmod(rest, 62 * 62)
    return body.decode() + PAIRS[high] + PAIRS[middle] + PAIRS[low]


def make_secrets(count: int) -> List[str]:
    """A shorter list is the beginning of a longer one."""
    source = random.Random(100_000)
    return [make_secret(source) for _ in range(count)]


def make_strangers(count: int) -> List[str]:
    """Well-formed, and known to nobody."""
    source = random.Random(1)
    return [make_secret(source) for _ in range(count)]
