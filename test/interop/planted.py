#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts two entries into a raw envelope's header, as somebody could who can
write to the file and knows no key: an X25519 recipient that claims a given
identifier, and an RSA recipient with PKCS#1 v1.5.

    planted.py FILE IDENTIFIER-IN-HEXADECIMAL >OUTPUT
"""
import sys

def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        size = bytes([len(body)])
    else:
        n = (len(body).bit_length() + 7) // 8
        size = bytes([0x80 | n]) + len(body).to_bytes(n, "big")
    return bytes([tag]) + size + body


def oid(text):
    arcs = [int(arc) for arc in text.split(".")]
    out = b""
    for arc in [40 * arcs[0] + arcs[1]] + arcs[2:]:
        digits = [arc & 0x7F]
        while arc >= 0x80:
            arc >>= 7
            digits.insert(0, 0x80 | arc & 0x7F)
        out += bytes(digits)
    return der(6, out)


def claim(identifier):
    key = der(0xA1, der(0x30, oid("1.3.101.110")), der(3, b"\0", bytes(range(32))))
    wrap = der(0x30, oid("2.16.840.1.101.3.4.1.45"))
    return der(0xA1, der(2, b"\3"), der(0xA0, key),
               der(0x30, oid("1.2.840.113549.1.9.16.3.19"), wrap),
               der(0x30, der(0x30, der(0xA0, der(4, identifier)),
                             der(4, bytes(40)))))


def pkcs1():
    return der(0x30, der(2, b"\2"), der(0x80, b"mallory"),
               der(0x30, oid("1.2.840.113549.1.1.1"), b"\5\0"),
               der(4, bytes(256)))


def take(data, at=0):
    """The element at a place: tag, content, and where the next one is."""
    n, head = data[at + 1], 2
    if n & 0x80:
        head += n & 0x7F
        n = int.from_bytes(data[at + 2:at + head], "big")
    return data[at], data[at + head:at + head + n], at + head + n


def elements(data):
    at = 0
    while at < len(data):
        end = take(data, at)[2]
        yield data[at:end]
        at = end


def plant(message, entries):
    kind, content = elements(take(message)[1])
    version, infos, *rest = elements(take(take(content)[1])[1])
    infos = sorted(list(elements(take(infos)[1])) + entries)
    inner = der(0x30, version, der(0x31, *infos), *rest)
    return der(0x30, kind, der(0xA0, inner))


def put(data, entries):
    """A stream with more entries in its header; the rest stays."""
    labels, size, header = (int.from_bytes(data[i:i + 4], "big")
                            for i in (12, 16, 20))
    at = 32 + labels
    message = plant(data[at:at + size], entries)
    room = max(header, at + len(message))
    return (data[:16] + len(message).to_bytes(4, "big")
            + room.to_bytes(4, "big") + data[24:at] + message
            + bytes(room - at - len(message)) + data[header:])


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    sys.stdout.buffer.write(
        put(data, [claim(bytes.fromhex(sys.argv[2])), pkcs1()]))


if __name__ == "__main__":
    main()
