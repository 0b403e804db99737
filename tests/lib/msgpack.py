# SPDX-License-Identifier: Apache-2.0
"""Just enough msgpack for MarketStore's RPC, so that tests need no package. Integers are written as a Go server writes
them: nine bytes each."""

import struct


def pack(value):
    out = bytearray()
    write(value, out)
    return bytes(out)


def header(out, count, small, small_max, codes):
    if count <= small_max:
        out.append(small | count)
    elif count < 1 << 8 and codes[0] is not None:
        out += struct.pack(">BB", codes[0], count)
    elif count < 1 << 16:
        out += struct.pack(">BH", codes[1], count)
    else:
        out += struct.pack(">BI", codes[2], count)


def write(value, out):
    if value is None:
        out.append(0xc0)
    elif isinstance(value, bool):
        out.append(0xc3 if value else 0xc2)
    elif isinstance(value, int):
        out += struct.pack(">Bq", 0xd3, value)
    elif isinstance(value, str):
        data = value.encode()
        header(out, len(data), 0xa0, 31, (0xd9, 0xda, 0xdb))
        out += data
    elif isinstance(value, (bytes, bytearray)):
        header(out, len(value), 0, -1, (0xc4, 0xc5, 0xc6))
        out += value
    elif isinstance(value, (list, tuple)):
        header(out, len(value), 0x90, 15, (None, 0xdc, 0xdd))
        for item in value:
            write(item, out)
    else:
        header(out, len(value), 0x80, 15, (None, 0xde, 0xdf))
        for key, item in value.items():
            write(key, out)
            write(item, out)


def unpack(data):
    value, end = read(data, 0)
    if end != len(data):
        raise ValueError("more than one value")
    return value


NUMBERS = {0xca: ">f", 0xcb: ">d", 0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q", 0xd0: ">b", 0xd1: ">h", 0xd2: ">i",
           0xd3: ">q"}
LENGTHS = {0xc4: (">B", "bin"), 0xc5: (">H", "bin"), 0xc6: (">I", "bin"), 0xd9: (">B", "str"), 0xda: (">H", "str"),
           0xdb: (">I", "str"), 0xdc: (">H", "list"), 0xdd: (">I", "list"), 0xde: (">H", "map"), 0xdf: (">I", "map")}


def read(data, at):
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xe0:
        return first - 256, at
    if first in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[first], at
    if first in NUMBERS:
        size = struct.calcsize(NUMBERS[first])
        return struct.unpack_from(NUMBERS[first], data, at)[0], at + size
    if first in LENGTHS:
        form, kind = LENGTHS[first]
        count = struct.unpack_from(form, data, at)[0]
        at += struct.calcsize(form)
    elif first < 0x90:
        kind, count = "map", first & 15
    elif first < 0xa0:
        kind, count = "list", first & 15
    elif first < 0xc0:
        kind, count = "str", first & 31
    else:
        raise ValueError(f"byte {first:#x} begins nothing")
    return read_long(data, at, kind, count)


def read_long(data, at, kind, count):
    if kind in ("bin", "str"):
        part = bytes(data[at:at + count])
        if len(part) != count:
            raise ValueError("it ends too early")
        return (part if kind == "bin" else part.decode()), at + count
    if kind == "list":
        items = []
        for _ in range(count):
            item, at = read(data, at)
            items.append(item)
        return items, at
    pairs = {}
    for _ in range(count):
        key, at = read(data, at)
        pairs[key], at = read(data, at)
    return pairs, at
