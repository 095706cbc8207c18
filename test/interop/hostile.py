#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fills up a raw envelope's header with entries that cost its reader as much as
possible.  Whoever can write to the file can do so, and need not know a key.

    hostile.py FILE CASE [IDENTIFIER-IN-HEXADECIMAL] >OUTPUT
    hostile.py                                       list the cases

The identifier is the one that entries claim; without it they claim others.
The entries of FILE stay, at the end of the message where the kind of entry
permits it.  Needs nothing but Python.
"""
import random
import sys

from planted import der, oid, put

MESSAGE_MAX, ENTRIES_MAX = 1048576, 1024
ENTRIES = ENTRIES_MAX - 3           # room for those of the file

noise = random.Random(1).randbytes
claimed = None                      # an identifier, or None for noise

KEY_WRAP = der(0x30, oid("2.16.840.1.101.3.4.1.45"))
SHA256 = der(0x30, oid("2.16.840.1.101.3.4.2.1"), b"\5\0")
OAEP = der(0x30, oid("1.2.840.113549.1.1.7"), der(
    0x30, der(0xA0, SHA256),
    der(0xA1, der(0x30, oid("1.2.840.113549.1.1.8"), SHA256))))
ECDH = der(0x30, oid("1.3.132.1.11.1"), KEY_WRAP)
EC_KEY = der(0x30, oid("1.2.840.10045.2.1"))
P256_POINT = bytes.fromhex(         # the generator
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
P521_POINT = bytes.fromhex(         # the same, compressed: dear to read
    "0200c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d"
    "3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66")


def identifier():
    return claimed or noise(20)


def name(rdns):
    """An X.509 name: the dearest bytes that libcrypto parses."""
    return der(0x30, der(0x31, der(0x30, oid("2.5.4.3"), b"\x0c\1a")) * rdns)


def issuer(rdns):
    return der(0x30, name(rdns), b"\2\1\5")


def ktri(rid, version, octets=512):
    return der(0x30, der(2, bytes([version])), rid, OAEP,
               der(4, b"\0" + noise(octets - 1)))


def ktri_named(octets=512):
    return ktri(der(0x80, identifier()), 2, octets)


def rek(rid=None, wrapped=40):
    return der(0x30, rid or der(0xA0, der(4, identifier())),
               der(4, noise(wrapped)))


def kari(reks, point=P256_POINT, ukm=b""):
    return der(0xA1, b"\2\1\3",
               der(0xA0, der(0xA1, EC_KEY, der(3, b"\0" + point))),
               der(0xA1, der(4, ukm)) if ukm else b"",
               ECDH, der(0x30, *reks))


def xdh(key, scheme, octets):
    """A key below the prime: nothing else is tried."""
    public = b"\0" + noise(octets - 1) + b"\0"
    return der(0xA1, b"\2\1\3",
               der(0xA0, der(0xA1, der(0x30, oid(key)), der(3, public))),
               der(0x30, oid(scheme), KEY_WRAP), der(0x30, rek()))


def x25519():
    return xdh("1.3.101.110", "1.2.840.113549.1.9.16.3.19", 32)


def x448():
    return xdh("1.3.101.111", "1.2.840.113549.1.9.16.3.21", 56)


def nested(octets):
    """SEQUENCEs of one another, which end with the last byte."""
    out = b""
    while len(out) < octets:
        out = der(0x30, out)
    return out


def ori(content):
    return der(0xA4, oid("1.2.3"), content)


CASES = {
    "names": lambda: [ktri(issuer(86900), 0)],
    "names-of-many": lambda: [ktri(issuer(31), 0) for _ in range(ENTRIES)],
    "names-in-kari": lambda: [kari([rek(issuer(79)) for _ in range(ENTRIES)])],
    "rsa": lambda: [ktri_named() for _ in range(ENTRIES)],
    "rsa-and-names": lambda: ([ktri_named() for _ in range(ENTRIES - 1)]
                              + [ktri(issuer(30000), 0)]),
    "rsa-short": lambda: [ktri_named(256) for _ in range(ENTRIES)],
    "x25519": lambda: [x25519() for _ in range(ENTRIES)],
    "x448": lambda: [x448() for _ in range(ENTRIES)],
    "ec": lambda: [kari([rek() for _ in range(ENTRIES)])],
    "ec-ukm": lambda: [kari([rek() for _ in range(ENTRIES)],
                            ukm=noise(900000))],
    "ec-points": lambda: [kari([rek()], P521_POINT) for _ in range(ENTRIES)],
    "too-many-parts": lambda: [kari([der(0x30, der(0xA0, b"\4\0"), b"\4\0")]
                                    * 130000)],
    "too-many-entries": lambda: [ori(b"")] * 150000,
    "unknown": lambda: [ori(der(4, noise(990))) for _ in range(ENTRIES)],
    "nested": lambda: [ori(nested(1000000))],
    "all": lambda: ([ktri_named() for _ in range(200)]
                    + [x25519() for _ in range(200)]
                    + [kari([rek() for _ in range(600)], ukm=noise(400000))]
                    + [ktri(issuer(30000), 0)]),
}


def main():
    global claimed
    if len(sys.argv) == 1:
        print("\n".join(CASES))
        return
    if len(sys.argv) > 3:
        claimed = bytes.fromhex(sys.argv[3])
    with open(sys.argv[1], "rb") as file:
        stream = put(file.read(), CASES[sys.argv[2]]())
    assert int.from_bytes(stream[16:20], "big") <= MESSAGE_MAX, "too long"
    sys.stdout.buffer.write(stream)


if __name__ == "__main__":
    main()
