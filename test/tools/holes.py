#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What --keep-going and --salvage must make of ./plain where chunks are bad.

    holes.py CHUNK...

It goes to ./want.list, ./want.zero and ./want.skip.
"""
import sys

data = open("plain", "rb").read()
bad = sorted({int(chunk) for chunk in sys.argv[1:]})
chunks = len(data) // 16384 + 1
zero, skip, lines = bytearray(data), bytearray(), []
for chunk in range(chunks):
    start, end = chunk * 16384, min((chunk + 1) * 16384, len(data))
    if chunk in bad:
        zero[start:end] = bytes(end - start)
    else:
        skip += data[start:end]
while bad:
    first = last = bad.pop(0)
    while bad and bad[0] == last + 1:
        last = bad.pop(0)
    start, end = first * 16384, min((last + 1) * 16384, len(data))
    name = f"chunk {first}" if first == last else f"chunks {first} to {last}"
    lines.append(f"bad: {name} damaged: bytes {start} to {end - 1} "
                 f"({end - start})\n")
open("want.list", "w").writelines(lines)
open("want.zero", "wb").write(zero)
open("want.skip", "wb").write(skip)
