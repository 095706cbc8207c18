#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where things are in an envelope, and a bit of each turned over.

    damage.py FILE WHAT...

    chunk:N[:BYTE]   sealed chunk N of the payload
    payload:N        byte N of the payload
    lead:N:BYTE      of what stands before piece N
    zero:N:COUNT     chunks that become zero bytes
    false:N:NUMBER   what stands before piece NUMBER of a tar, or before the
                     data at that place of an xbstream, at byte N of the payload

cut:N prints where chunk N begins, end where the last piece ends.
"""
import struct
import sys

path = sys.argv[1]
data = bytearray(open(path, "rb").read())
pieces = []  # where the lead is, where the data is, its length


def xbstream():
    at = 0
    while data[at:at + 8] == b"XBSTCK01":
        lead, n = at, struct.unpack_from("<I", data, at + 10)[0]
        name, at = data[at + 14:at + 14 + n], at + 14 + n
        if data[lead + 9:lead + 10] == b"P":
            length, at = struct.unpack_from("<Q", data, at)[0], at + 20
            if name == b"envelope/payload":
                pieces.append((lead, at, length))
            at += length


def tar():
    at = 0
    while data[at] != 0:
        length = int(data[at + 124:at + 135], 8)
        if b"payload" in data[at:at + 100]:
            pieces.append((at, at + 512, length))
        at += 512 + (length + 511) // 512 * 512


if data[:4] == b"XBST":
    xbstream()
elif data[:1] == b"\x89":
    header = struct.unpack_from(">I", data, 20)[0]
    pieces.append((header, header, len(data) - header))
else:
    tar()


def place(byte):
    for _, at, length in pieces:
        if byte < length:
            return at + byte
        byte -= length
    raise IndexError


def false_lead(number):
    lead, at, _ = pieces[1]
    block = bytearray(data[lead:at])
    if block[:4] == b"XBST":
        block[-12:-4] = struct.pack("<Q", number)
    else:
        block[:100] = (b"envelope/payload.%08d" % number).ljust(100, b"\0")
        block[148:156] = b" " * 8
        block[148:155] = b"%06o\0" % sum(block)
    return block


for word in sys.argv[2:]:
    what, *numbers = word.split(":")
    n = [int(number) for number in numbers] + [0]
    if what == "chunk":
        data[place(56 + n[0] * 16400 + n[1])] ^= 1
    elif what == "payload":
        data[place(n[0])] ^= 1
    elif what == "lead":
        data[pieces[n[0]][0] + n[1]] ^= 1
    elif what == "zero":
        for byte in range(56 + n[0] * 16400, 56 + (n[0] + n[1]) * 16400):
            data[place(byte)] = 0
    elif what == "false":
        at, block = place(n[0]), false_lead(n[1])
        data[at:at + len(block)] = block
    elif what == "cut":
        print(place(56 + n[0] * 16400))
    elif what == "end":
        print(pieces[-1][1] + pieces[-1][2])
open(path, "wb").write(data)
