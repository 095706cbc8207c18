# SPDX-License-Identifier: Apache-2.0
"""Writes streams as zfs send and btrfs send make them: sends.py DIRECTORY.

The layout of zfs's is that of struct dmu_replay_record (OpenZFS, zfs_ioctl.h), that of
btrfs's of struct btrfs_cmd_header (Linux, fs/btrfs/send.h); "btrfs receive --dump" reads
the latter.
"""
import os
import struct
import sys

BEGIN, OBJECT, WRITE, END = 0, 1, 3, 5
MAGIC = 0x2F5BACBAC
SUBSTREAM, COMPOUND = 1, 2


def record(order, kind, body=b"", payload=b""):
    head = struct.pack(order + "II", kind, len(payload))
    return head + body.ljust(304, b"\0") + payload


def begin(order, header_type, payload=b""):
    body = struct.pack(order + "QQQIIQQ", MAGIC, header_type | 4 << 2, 1700000000, 2, 4,
                       0x1234, 0) + b"pool/data@snap"
    return record(order, BEGIN, body, payload)


def end(order, checksum, guid):
    return record(order, END, struct.pack(order + "5Q", *[checksum] * 4, guid))


def zfs(order, size):
    data = os.urandom(size)
    return (begin(order, SUBSTREAM) + record(order, OBJECT, b"\1" * 64)
            + record(order, WRITE, b"\2" * 64, data) + end(order, 0x77, 0x1234))


def compound(order, size):
    return (begin(order, COMPOUND, b"properties".ljust(48, b"\0"))
            + end(order, 0x55, 0) + zfs(order, size) + zfs(order, 100)
            + record(order, END))


def crc32c(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


def command(number, data=b""):
    head = struct.pack("<IH", len(data), number)
    return head + struct.pack("<I", crc32c(head + b"\0" * 4 + data)) + data


def attribute(kind, value):
    return struct.pack("<HH", kind, len(value)) + value


def btrfs(count):
    stream = b"btrfs-stream\0" + struct.pack("<I", 1)
    stream += command(1, attribute(15, b"snap") + attribute(1, b"\1" * 16)
                      + attribute(2, struct.pack("<Q", 7)))
    stream += command(3, attribute(15, b"file") + attribute(3, struct.pack("<Q", 257)))
    for i in range(count):
        stream += command(15, attribute(15, b"file")
                          + attribute(18, struct.pack("<Q", i * 4000))
                          + attribute(19, b"data" * 1000))
    return stream + command(21)


def main(directory):
    streams = {"zfs": zfs("<", 3000000), "zfs-big": zfs(">", 100000),
               "zfs-small": zfs("<", 8), "compound": compound("<", 100000),
               "compound-big": compound(">", 70000), "btrfs": btrfs(30),
               "btrfs-small": btrfs(0)}
    for name, stream in streams.items():
        with open(os.path.join(directory, name), "wb") as file:
            file.write(stream)


main(sys.argv[1])
