#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Makes the seeds of test/fuzz/corpus with the second implementation of the
# format, test/interop/envelope.py: whole ones, and hostile ones beside them.
# It draws new random numbers each time, so it is not run by the build.
#
#   make_corpus.py KIND...      the seeds of these kinds, by the directory

import io
import os
import re
import struct
import sys
import tarfile
import zlib

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

import carrier as C
import envelope as E
from envelope import (INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET, context,
                      der_algorithm, der_integer, der_key_envelope, der_oid,
                      der_utf8, tlv)

with open(os.path.join(HERE, "keys.h"), encoding="ascii") as file:
    CONSTANTS = file.read()
KEK = re.search(r'FUZZ_KEK "(.*)"', CONSTANTS)[1].encode()
DEK, CEK = bytes(range(32)), bytes(range(32, 64))


def fixed_key(name):
    text = re.search(rf"FUZZ_KEY_{name}((?: \\\n +\".*\")+)", CONSTANTS)[1]
    pem = "\n".join(re.findall(r'"(.*)\\n"', text))
    return serialization.load_pem_private_key(pem.encode(), None)


RSA, P256, X25519, X448 = map(fixed_key, ("RSA", "P256", "X25519", "X448"))


def key_id(private):
    return E.public_key_id(private.public_key())


def save(kind, name, data):
    with open(os.path.join(HERE, "corpus", kind, name), "wb") as file:
        file.write(data)


# --- headers --------------------------------------------------------------

def prelude(labels=0, envelope=0, header=None, version=1, scheme=1,
            reserved=bytes(10), magic=E.MAGIC):
    if header is None:
        header = 32 + labels + envelope
    return (magic + bytes([version, scheme]) + reserved[:2]
            + b"".join((n & 0xFFFFFFFF).to_bytes(4, "big")
                       for n in (labels, envelope, header)) + reserved[2:])


def header(labels=b"", envelope=b"\x30\x00", pad=b""):
    return prelude(len(labels), len(envelope),
                   32 + len(labels) + len(envelope) + len(pad)
                   ) + labels + envelope + pad


GOOD_LABELS = "backup.host=db1\ncreated=2030-01-01\nnote=gr\u00fc\u00df\n"

BAD_LABELS = {
    "no-end": b"a=1", "no-equals": b"a\n", "empty-line": b"\n",
    "empty-key": b"=1\n", "twice": b"a=1\na=2\n", "order": b"b=1\na=1\n",
    "control": b"a=\x1b[2J\n", "del": b"a=\x7f\n", "c1": b"a=\xc2\x9b\n",
    "overlong": b"a=\xc0\xaf\n", "overlong3": b"a=\xe0\x80\xaf\n",
    "surrogate": b"a=\xed\xa0\x80\n", "above": b"a=\xf4\x90\x80\x80\n",
    "cut-utf8": b"a=\xf0\x9f\x92\n", "nul": b"a=\0\n", "cr": b"a=1\r\n",
    "bad-key": b"a b=1\n", "key-129": b"k" * 129 + b"=\n",
}


def headers():
    labels = GOOD_LABELS.encode()
    seeds = {
        "good-least": header(),
        "good-labels": header(labels),
        "good-padding": header(labels, pad=bytes(100)),
        "good-key-128": header(b"k" * 128 + b"=\n"),
        "labels-alone": labels,
        "labels-unsorted": b"b=2\na=1\nab=\nB=3",
        "labels-at-limit": header(b"a=" + b"x" * 65533 + b"\n"),
        "labels-above-limit": prelude(65537, 1),
        "key-envelope-at-limit": prelude(0, 1048576),
        "key-envelope-above-limit": prelude(0, 1048577),
        "key-envelope-none": prelude(0, 0),
        "header-at-limit": prelude(0, 1, 2097152),
        "header-above-limit": prelude(0, 1, 2097153),
        "header-below-parts": prelude(0, 2, 33) + b"\x30\x00",
        "header-zero": prelude(0, 1, 0),
        "lengths-all-ones": prelude(-1, -1, -1),
        "lengths-sum-wraps": prelude(65536, 1048576, 31),
        "version-2": prelude(0, 1, version=2) + b"\0",
        "scheme-0": prelude(0, 1, scheme=0) + b"\0",
        "padding-not-zero": header(labels, pad=bytes(99) + b"\1"),
    }
    for at in range(10):
        reserved = bytearray(10)
        reserved[at] = 1
        if at in (0, 1, 2, 9):
            seeds[f"reserved-{at}"] = prelude(0, 1, reserved=reserved) + b"\0"
    for name, text in BAD_LABELS.items():
        seeds["labels-" + name] = header(text)
    for name, magic in {
            "salted": b"Salted__", "base64": b"iUVOVg0K", "tar": b"envelope/",
            "xbstream": b"XBSTCK01", "age": b"age-encryption.org",
            "pem": b"-----BEGIN ", "lf": b"\x89ENV\n\x1a\n",
            "stripped": b"\x09ENV\r\n\x1a\n"}.items():
        seeds["looks-like-" + name] = (magic + bytes(32))[:40]
    whole = header(labels, pad=bytes(4))
    for end in (0, 1, 7, 8, 9, 10, 11, 12, 16, 20, 24, 31, 32, 33,
                32 + len(labels), len(whole) - 5, len(whole) - 1):
        seeds[f"cut-{end:03}"] = whole[:end]
    for name, data in seeds.items():
        save("header", name, data)


# --- key envelopes --------------------------------------------------------

def frame(infos, gcm_tag=16, mac=16, content=32, content_type=E.ID_DATA,
          cipher=E.AES256_GCM, version=0, before=b"", auth_attrs=b"",
          unauth_attrs=b"", cek=CEK, nonce=12):
    """A key envelope around infos, with one thing or another wrong."""
    number = bytes(range(nonce))
    sealed = AESGCM(cek).encrypt((number + bytes(12))[:12], DEK, None)
    text = (sealed[:32] + bytes(content))[:content]
    parameters = tlv(SEQUENCE, tlv(OCTET_STRING, number),
                     der_integer(gcm_tag))
    encrypted = tlv(context(0, False), text) if content else b""
    after = (tlv(SEQUENCE, der_oid(content_type),
                 der_algorithm(cipher, parameters), encrypted)
             + auth_attrs + tlv(OCTET_STRING, (sealed[32:] + bytes(16))[:mac])
             + unauth_attrs)
    return der_key_envelope(der_integer(version) + before, infos, after)


def kekri(attribute_id=E.KEK_SOURCE, source=None, kek=KEK, date=b"",
          name=None, wrap=None, wrapped=None):
    other = b""
    if source is not None:
        other = tlv(SEQUENCE, der_oid(attribute_id), source)
    if wrapped is None:
        wrapped = aes_key_wrap(kek, CEK)
    return tlv(context(2), der_integer(4),
               tlv(SEQUENCE, tlv(OCTET_STRING, E.kek_id(kek)
                                 if name is None else name), date, other),
               wrap or der_algorithm(E.AES256_WRAP),
               tlv(OCTET_STRING, wrapped))


def scrypt_source(n=1 << 14, r=8, p=1, salt=bytes(32), more=b""):
    return tlv(SEQUENCE, der_utf8("scrypt"), tlv(OCTET_STRING, salt),
               der_integer(n), der_integer(r), der_integer(p), more)


def ktri(mgf=hashes.SHA256(), algorithm=None, version=2, name=None,
         pkcs1=False, wrapped=None):
    pad = padding.PKCS1v15() if pkcs1 else padding.OAEP(
        padding.MGF1(mgf), mgf, None)
    if wrapped is None:
        wrapped = RSA.public_key().encrypt(CEK, pad)
    return tlv(SEQUENCE, der_integer(version),
               name or tlv(context(0, False), key_id(RSA)),
               algorithm or oaep(), tlv(OCTET_STRING, wrapped))


SHA_1 = "1.3.14.3.2.26"


def oaep(digest=E.SHA256, mgf_digest=E.SHA256, *more):
    null = tlv(NULL)
    return der_algorithm(E.RSAES_OAEP, tlv(
        SEQUENCE,
        tlv(context(0), der_algorithm(digest, null)),
        tlv(context(1), der_algorithm(
            E.MGF1, der_algorithm(mgf_digest, null))), *more))


def kari(scheme="1.3.132.1.11.1", digest=hashes.SHA256(), curve=None,
         point=None, ukm=b"", originator=None, wrap=E.AES256_WRAP, keys=1,
         name=None, wrapped=None, spare=0):
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    shared = ephemeral.exchange(ec.ECDH(), P256.public_key())
    info = tlv(SEQUENCE, der_algorithm(E.AES256_WRAP),
               tlv(context(0), ukm) if ukm else b"",
               tlv(context(2), tlv(OCTET_STRING, b"\0\0\1\0")))
    kek = X963KDF(digest, 32, info).derive(shared)
    public = ephemeral.public_key().public_bytes(
        serialization.Encoding.X962,
        serialization.PublicFormat.UncompressedPoint)
    if originator is None:
        parameters = tlv(OID, curve) if curve else b""
        originator = tlv(context(1), der_algorithm(
            E.EC_PUBLIC_KEY, parameters), tlv(
                0x03, b"\0" + (public if point is None else point)))
    if name is None:
        name = tlv(context(0), tlv(OCTET_STRING, key_id(P256)))
    reks = (tlv(SEQUENCE, name, tlv(OCTET_STRING, b"")) * spare
            + tlv(SEQUENCE, name, tlv(
                OCTET_STRING, aes_key_wrap(kek, CEK) if wrapped is None
                else wrapped)) * keys)
    return tlv(context(1), der_integer(3), tlv(context(0), originator),
               tlv(context(1), ukm) if ukm else b"",
               der_algorithm(scheme, der_algorithm(wrap)),
               tlv(SEQUENCE, reks))


def nested(depth, tag=SEQUENCE):
    data = b""
    for _ in range(depth):
        data = tlv(tag, data)
    return data


def indefinite(value):
    """The same value with an indefinite length."""
    fields = E.Fields(value).any()
    return bytes([fields.tag, 0x80]) + fields.body + b"\0\0"


ISSUER = tlv(SEQUENCE, tlv(SEQUENCE, tlv(SET, tlv(
    SEQUENCE, der_oid("2.5.4.3"), der_utf8("x")))), der_integer(1))


def good_key_envelopes():
    publics = [(k.public_key(), key_id(k)) for k in (RSA, P256, X25519, X448)]
    names = ["rsa", "p256", "x25519", "x448"]
    seeds = {"good-" + name: E.make_key_envelope(DEK, [public], [], [], 14)
             for name, public in zip(names, publics)}
    seeds["good-kek"] = E.make_key_envelope(DEK, [], [KEK], [], 14)
    seeds["good-all"] = E.make_key_envelope(DEK, publics, [KEK], [b"pw"], 14)
    return seeds


def bad_frames():
    infos = [kekri()]
    attrs = tlv(SEQUENCE, der_oid("1.2.840.113549.1.9.3"),
                tlv(SET, der_oid(E.ID_DATA)))
    good = frame(infos)
    outer = E.Fields(good).any()
    oid, body = outer.fields(), None
    oid, body = oid.any(), E.Fields(outer.body[13:]).any()
    auth = E.Fields(body.body).any()
    return {
        "frame-good": good,
        "frame-indefinite-outside": indefinite(good),
        "frame-indefinite-inside": tlv(SEQUENCE, oid.raw, tlv(
            context(0), indefinite(auth.raw))),
        "frame-indefinite-recipient": frame([indefinite(infos[0])]),
        "frame-long-length": b"\x30\x84" + len(outer.body).to_bytes(4, "big")
                             + outer.body,
        "frame-left-over": good + b"\0",
        "frame-octets-left-over": good + bytes(300),
        "frame-length-huge": b"\x30\x84\x7f\xff\xff\xff" + outer.body,
        "frame-length-negative": b"\x30\x88" + b"\xff" * 8 + outer.body,
        "frame-enveloped-data": good.replace(
            der_oid(E.AUTH_ENVELOPED_DATA),
            der_oid("1.2.840.113549.1.9.16.1.2")),
        "frame-version-99": frame(infos, version=99),
        "frame-originator": frame(infos, before=tlv(context(0))),
        "frame-auth-attrs": frame(infos, auth_attrs=tlv(context(1), attrs)),
        "frame-unauth-attrs": frame(infos,
                                    unauth_attrs=tlv(context(2), attrs)),
        "frame-no-recipients": frame([]),
        "frame-mac-4": frame(infos, gcm_tag=4, mac=4),
        "frame-mac-4-of-16": frame(infos, mac=4),
        "frame-mac-12": frame(infos, gcm_tag=12, mac=12),
        "frame-mac-0": frame(infos, mac=0),
        "frame-nonce-16": frame(infos, nonce=16),
        "frame-nonce-0": frame(infos, nonce=0),
        "frame-cbc": frame(infos, cipher="2.16.840.1.101.3.4.1.42"),
        "frame-aes128-gcm": frame(infos, cipher="2.16.840.1.101.3.4.1.6"),
        "frame-content-31": frame(infos, content=31),
        "frame-content-33": frame(infos, content=33),
        "frame-content-none": frame(infos, content=0),
        "frame-content-signed": frame(
            infos, content_type="1.2.840.113549.1.7.2"),
        "frame-other-cek": frame(infos, cek=bytes(32)),
        "frame-deep": nested(2000),
        "frame-deep-indefinite": b"\x30\x80" * 3000,
        "recipients-deep": frame([nested(1000)]),
        "recipients-null": frame([tlv(NULL)]),
        "recipients-1024": frame([kekri(name=b"", wrapped=b"")] * 1023
                                 + infos),
        "recipients-1025": frame([kekri(name=b"", wrapped=b"")] * 1025),
        "recipients-1025-keys": frame([kari(spare=1025)]),
        "pwri": frame([tlv(context(3), der_integer(0), der_algorithm(
            "1.2.840.113549.1.9.16.3.9", der_algorithm(E.AES256_WRAP)),
            tlv(OCTET_STRING, bytes(40)))]),
        "ori": frame([tlv(context(4), der_oid(E.ORI_KEM), tlv(
            SEQUENCE, der_integer(0)))]),
    }


def agreements():
    """X25519 and X448, and what is no key of theirs."""
    wrapped = bytes(40)

    def dh(public, kind="X25519", wrapped=wrapped, **fields):
        return E.der_dh(key_id(X25519), kind, public, wrapped, **fields)

    null = der_algorithm(E.AES256_WRAP, tlv(NULL))
    seeds = {
        "zero": dh(bytes(32)), "low-order": dh(b"\1" + bytes(31)),
        "31": dh(bytes(31)), "33": dh(bytes(33)), "none": dh(b""),
        "x448-zero": dh(bytes(56), "X448"), "x448-32": dh(bytes(32), "X448"),
        "all-ones": dh(b"\xff" * 32), "some": dh(b"\t" + bytes(31)),
        "prime": dh((2**255 - 19).to_bytes(32, "little")),
        "x448-prime": dh((2**448 - 2**224 - 1).to_bytes(56, "little"), "X448"),
        "ukm": dh(b"\t" + bytes(31), ukm=b"ukm"),
        "wrap-null": dh(b"\t" + bytes(31), wrap=null),
        "wrapped-short": dh(b"\t" + bytes(31), wrapped=bytes(39)),
        "ec-scheme": dh(b"\t" + bytes(31), scheme="1.3.132.1.11.1"),
    }
    return {"dh-" + name: seed for name, seed in seeds.items()}


def encapsulations():
    """KEMRecipientInfos, which nobody made."""
    def kem(kind="ML-KEM-768", size=None, wrapped=bytes(40), **fields):
        return E.der_kem(key_id(X25519), kind, bytes(
            E.CIPHERTEXT_SIZE[kind] if size is None else size), wrapped,
            **fields)

    null = tlv(NULL)
    seeds = {kind.lower(): kem(kind) for kind in E.CIPHERTEXT_SIZE}
    seeds.update({
        "short": kem(size=1087), "empty": kem(size=0), "ukm": kem(ukm=b"ukm"),
        "kdf-null": kem(kdf_parameters=null),
        "kdf-unknown": kem(kdf="1.2.3.4"),
        "wrap-null": kem(wrap=der_algorithm(E.AES256_WRAP, null)),
        "wrapped-long": kem(wrapped=bytes(4000)),
        "unknown": kem(oid="1.2.3.4"),
    })
    return {"kem-" + name: seed for name, seed in seeds.items()}


def bad_kekris():
    huge = tlv(INTEGER, b"\x7f" + b"\xff" * 300)
    sources = {
        "kms": tlv(SEQUENCE, der_utf8("kms"), der_utf8("vault://k")),
        "unknown": tlv(SEQUENCE, der_utf8("\u00e9t\u00e9")),
        "empty": tlv(SEQUENCE), "null": tlv(NULL), "deep": nested(800),
        "kind-octets": tlv(SEQUENCE, tlv(OCTET_STRING, b"dh")),
        "scrypt": scrypt_source(),
        "scrypt-n-2-40": scrypt_source(n=1 << 40),
        "scrypt-n-2-64": scrypt_source(n=1 << 64),
        "scrypt-n-odd": scrypt_source(n=12345),
        "scrypt-n-0": scrypt_source(n=0), "scrypt-n-1": scrypt_source(n=1),
        "scrypt-r-0": scrypt_source(r=0),
        "scrypt-r-2-30": scrypt_source(r=1 << 30),
        "scrypt-p-2-63": scrypt_source(p=1 << 63),
        "scrypt-negative": tlv(
            SEQUENCE, der_utf8("scrypt"), tlv(OCTET_STRING, bytes(32)),
            tlv(INTEGER, b"\xff"), der_integer(8), der_integer(1)),
        "scrypt-n-long": tlv(
            SEQUENCE, der_utf8("scrypt"), tlv(OCTET_STRING, bytes(32)),
            huge, der_integer(8), der_integer(1)),
        "scrypt-salt-31": scrypt_source(salt=bytes(31)),
        "scrypt-more": scrypt_source(more=tlv(NULL)),
    }
    seeds = {f"source-{name}": kekri(source=source)
             for name, source in sources.items()}
    seeds.update({
        "source-other-oid": kekri(attribute_id="1.2.3.4",
                                  source=scrypt_source()),
        "source-no-attribute": kekri(source=b""),
        "source-indefinite": kekri(source=indefinite(scrypt_source())),
        "kek-date": kekri(date=tlv(0x18, b"20300101000000Z")),
        "kek-date-bad": kekri(date=tlv(0x18, b"yesterday")),
        "kek-aes128-wrap": kekri(wrap=der_algorithm(
            "2.16.840.1.101.3.4.1.5")),
        "kek-wrap-params": kekri(wrap=der_algorithm(
            E.AES256_WRAP, nested(3))),
        "kek-wrapped-none": kekri(wrapped=b""),
        "kek-wrapped-8": kekri(wrapped=bytes(8)),
        "kek-wrapped-39": kekri(wrapped=bytes(39)),
        "kek-wrapped-long": kekri(wrapped=bytes(4096)),
        "kek-cek-16": kekri(wrapped=aes_key_wrap(KEK, bytes(16))),
        "kek-cek-64": kekri(wrapped=aes_key_wrap(KEK, bytes(64))),
        "kek-two-first-bad": kekri(wrapped=bytes(40)) + kekri(),
    })
    return seeds


def bad_public_keys():
    off_curve = b"\4" + bytes(63) + b"\1"
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(
        serialization.Encoding.X962,
        serialization.PublicFormat.UncompressedPoint)
    rsa_key = E.der_algorithm("1.2.840.113549.1.1.1", tlv(NULL))
    label, no_label = (tlv(context(2), der_algorithm(
        E.P_SPECIFIED, tlv(OCTET_STRING, text))) for text in (b"label", b""))
    seeds = {
        "rsa-own": ktri(), "rsa-issuer": ktri(version=0, name=ISSUER),
        "rsa-pkcs1": ktri(algorithm=rsa_key, pkcs1=True),
        "rsa-oaep-sha1": ktri(mgf=hashes.SHA1(), algorithm=oaep(SHA_1, SHA_1)),
        "rsa-oaep-default": ktri(mgf=hashes.SHA1(), algorithm=der_algorithm(
            E.RSAES_OAEP, tlv(SEQUENCE))),
        "rsa-oaep-mgf-sha1": ktri(algorithm=oaep(E.SHA256, SHA_1)),
        "rsa-oaep-label": ktri(algorithm=oaep(E.SHA256, E.SHA256, label)),
        "rsa-oaep-label-empty": ktri(algorithm=oaep(E.SHA256, E.SHA256,
                                                    no_label)),
        "rsa-oaep-more": ktri(algorithm=oaep(E.SHA256, E.SHA256, tlv(NULL))),
        "rsa-oaep-no-params": ktri(algorithm=der_algorithm(E.RSAES_OAEP)),
        "rsa-oaep-null": ktri(algorithm=der_algorithm(
            E.RSAES_OAEP, tlv(NULL))),
        "rsa-oaep-mgf-none": ktri(algorithm=der_algorithm(
            E.RSAES_OAEP, tlv(SEQUENCE, tlv(
                context(0), der_algorithm(E.SHA256)), tlv(
                    context(1), der_algorithm(E.MGF1))))),
        "rsa-pkcs1-named-oaep": ktri(pkcs1=True),
        "rsa-wrapped-none": ktri(wrapped=b""),
        "rsa-wrapped-long": ktri(wrapped=bytes(257)),
        "ec-own": kari(), "ec-ukm": kari(ukm=tlv(OCTET_STRING, bytes(64))),
        "ec-sha512": kari(scheme="1.3.132.1.11.3", digest=hashes.SHA512()),
        "ec-sha1-kdf": kari(scheme="1.3.133.16.840.63.0.2",
                            digest=hashes.SHA1()),
        "ec-cofactor": kari(scheme="1.3.132.1.14.1"),
        "ec-other-scheme": kari(scheme="1.2.3.4"),
        "ec-aes128": kari(wrap="2.16.840.1.101.3.4.1.5"),
        "ec-curve-named": kari(curve=bytes.fromhex("2a8648ce3d030107")),
        "ec-curve-other": kari(curve=bytes.fromhex("2b81040022"), point=p384),
        "ec-point-other": kari(point=p384),
        "ec-point-infinity": kari(point=b"\0"),
        "ec-point-off-curve": kari(point=off_curve),
        "ec-point-none": kari(point=b""),
        "ec-originator-id": kari(originator=ISSUER),
        "ec-originator-ski": kari(originator=tlv(
            context(0, False), key_id(P256))),
        "ec-recipient-issuer": kari(name=ISSUER),
        "ec-no-keys": kari(keys=0), "ec-keys-3": kari(spare=2),
        "ec-wrapped-none": kari(wrapped=b""),
        "ec-wrapped-long": kari(wrapped=bytes(1024)),
    }
    return seeds


def key_envelopes():
    seeds = good_key_envelopes()
    seeds |= bad_frames()
    # The target puts these, RecipientInfos alone, into a frame.
    for name, infos in (bad_kekris() | bad_public_keys() | agreements()
                        | encapsulations()).items():
        seeds["info-" + name] = infos
    seeds["mixed-all-bad"] = frame(
        [agreements()["dh-zero"], kekri(kek=bytes(32)),
         ktri(wrapped=bytes(256)), kari(point=off) if (off := b"\0") else b""])
    whole = frame([kekri()])
    for end in sorted({0, 1, 2, 3, 16, 20, 24, 30, 60, 100, len(whole) - 17,
                       len(whole) - 16, len(whole) - 1}):
        seeds[f"cut-{end:03}"] = whole[:end]
    for name, data in seeds.items():
        save("key_envelope", name, data)


# --- streams --------------------------------------------------------------

CUTS = (0, 1, 2, 31, 32, 33, 57, 4095, 4096, 16383, 16384, 16385, 16400,
        16401, 32768, 65536)
RELEASE_VERIFIED, IN_PLACE, SEEK = 0x10, 0x20, 0x40


def stream(text, labels=b"", pad=b"", envelope=None):
    envelope = envelope or frame([kekri()])
    head = header(labels, envelope, pad)
    return head + E.seal_payload(DEK, head[:12] + labels, text)


def streams():
    labels = GOOD_LABELS.encode()
    short = stream(b"one line of text\n" * 3, labels, bytes(8))
    head = E.parse_header(short)[0].length
    start = head + 56
    two = stream(bytes(16384) + b"second", labels)
    body = len(two) - 16400 - 22        # offset of chunk 0

    def flip(data, at):
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]

    seeds = {
        "good-empty": (33, 0, stream(b"")),
        "good-one": (1, 0, stream(b"x")),
        "good-labels": (57, IN_PLACE, short),
        "good-labels-verified": (2, RELEASE_VERIFIED, short),
        "good-16383": (16383, 0, stream(bytes(16383))),
        "good-16384": (4096, RELEASE_VERIFIED, stream(bytes(16384))),
        "good-two-chunks": (16401, RELEASE_VERIFIED | IN_PLACE, two),
        "seek": (16400, SEEK, two),
        "chunk-damaged": (4096, 0, flip(two, body + 100)),
        "chunk-tag-damaged": (0, IN_PLACE, flip(two, body + 16399)),
        "chunk-last-dropped": (16384, RELEASE_VERIFIED, two[:-22]),
        "chunk-first-dropped": (0, 0, two[:body] + two[-22:]),
        "last-damaged": (32, 0, flip(short, len(short) - 20)),
        "last-tag-damaged": (1, RELEASE_VERIFIED,
                             flip(short, len(short) - 1)),
        "last-cut": (31, 0, short[:-1]),
        "trailing-1": (57, 0, short + b"\n"),
        "trailing-many": (4095, RELEASE_VERIFIED, short + bytes(17000)),
        "trailing-another": (0, IN_PLACE, short + stream(b"")),
        "salt-damaged": (0, 0, flip(short, head)),
        "commitment-damaged": (0, 0, flip(short, head + 24)),
        "labels-damaged": (0, 0, short.replace(b"db1", b"db2")),
        "labels-dropped": (0, 0, header(b"", frame([kekri()]))
                           + short[head:]),
        "padding-damaged": (0, 0, flip(short, head - 1)),
        "version-damaged": (0, 0, flip(short, 8)),
        "other-kek": (0, 0, stream(b"x", envelope=frame(
            [kekri(kek=bytes(32))]))),
        "other-cek": (0, 0, stream(b"x", envelope=frame(
            [kekri()], cek=bytes(32)))),
        "not-envelope": (2, 0, b"Salted__" + bytes(40)),
        "header-huge": (0, 0, prelude(0, 1048576, 2097152) + bytes(64)),
    }
    for end in sorted({0, 1, 7, 8, 31, 32, head - 1, head, head + 23,
                       head + 24, start - 1, start, start + 1, start + 15,
                       start + 16, len(short) - 16}):
        seeds[f"cut-{end:03}"] = (33, end % 2 * RELEASE_VERIFIED, short[:end])
    for name, (cut, how, data) in seeds.items():
        save("open", name, bytes([CUTS.index(cut) | how]) + data)


# --- files for all readers ------------------------------------------------

DIFF_STEP, DIFF_MEND, DIFF_ARCHIVE = 0x10, 0x20, 1


def in_carrier(raw, *options):
    parser = C.command_line()
    return C.split(raw, parser.parse_args(
        ["split", *options, "--mtime", "0", "-"]))


def layouts(raw):
    """The carriers that one stream can be in, regular ones and others."""
    tar, xbstream = ("tar", "--piece-size"), ("xbstream", "--piece-size")
    yield "raw", raw
    yield "tar", in_carrier(raw, *tar, "16384")
    yield "tar-one", in_carrier(raw, *tar, "65536")
    yield "tar-odd", in_carrier(raw, *tar, "5000", "--dot", "--order",
                                "dir:./envelope/,header,key,pieces,end")
    yield "tar-last", in_carrier(raw, *tar, "16384", "--order",
                                 "pieces,x:comment=x,key,header,end")
    yield "xbstream", in_carrier(raw, *xbstream, "16384", "--xbcloud")
    yield "xbstream-odd", in_carrier(
        raw, *xbstream, "5000", "--order",
        "header[0:32],key[0:9],header[32:],header.E,key[9:],key.E,pieces,"
        "payload.E")
    yield "xbstream-last", in_carrier(
        raw, *xbstream, "16384", "--order",
        "pieces,payload.E,key,key.E,header,header.E")


def files():
    envelope = E.make_key_envelope(
        DEK, [(X25519.public_key(), key_id(X25519))], [KEK], [], 14)
    for size in (0, 1, 16384, 33000):
        text = bytes(i * 7 % 251 for i in range(size))
        raw = stream(text, b"host=db1\n" * (size % 2), bytes(40), envelope)
        for at, (name, data) in enumerate(layouts(raw)):
            if size == 16384 and "-" in name or (
                    size == 33000 and name in ("tar-one", "tar-last")):
                continue  # the others of this size will do
            how = CUTS_OF_FILES[(at + size) % len(CUTS_OF_FILES)]
            save("diff", f"{name}-{size}", bytes([how, DIFF_ARCHIVE]) + data)
            if size == 33000 and name in ("raw", "tar", "xbstream"):
                damaged = bytearray(data)
                damaged[20000] ^= 1
                save("diff", f"{name}-damaged",
                     bytes([how | DIFF_MEND, 0]) + damaged)
                save("diff", f"{name}-cut", bytes([how, 0]) + data[:20000])


# --- archives inside ------------------------------------------------------

# Of the first byte: bytes at once, and whether checksums are put right.
INSIDE_CUTS, INSIDE_MEND = range(16), 0x40


def member(name, kind=tarfile.REGTYPE, size=0, link="", **pax):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.pax_headers = (
        kind, size, link, pax)
    return info


def tars():
    """What tars can have, by Python; and a sparse file of each of GNU's kinds."""
    for name, form in (("ustar", tarfile.USTAR_FORMAT),
                       ("gnu", tarfile.GNU_FORMAT),
                       ("pax", tarfile.PAX_FORMAT)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as tar:
            tar.addfile(member("dir/", tarfile.DIRTYPE))
            tar.addfile(member("dir/file", size=700), io.BytesIO(bytes(700)))
            tar.addfile(member("dir/hard", tarfile.LNKTYPE, link="dir/file"))
            tar.addfile(member("sym", tarfile.SYMTYPE, link="dir/file"))
            tar.addfile(member("fifo", tarfile.FIFOTYPE))
            if name != "ustar":
                tar.addfile(member("l" * 300, size=3), io.BytesIO(b"abc"))
                tar.addfile(member("s", tarfile.SYMTYPE, link="t" * 300))
        yield name, out.getvalue()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT,
                      pax_headers={"comment": "all"}) as tar:
        tar.addfile(member("zero", size=5, **{"GNU.sparse.size": "99"}),
                    io.BytesIO(b"abcde"))
        tar.addfile(member("GNUSparseFile.1/one", size=5, **{
            "GNU.sparse.name": "one", "GNU.sparse.size": "99"}),
            io.BytesIO(b"abcde"))
        tar.addfile(member("GNUSparseFile.1/two", size=5, **{
            "GNU.sparse.major": "1", "GNU.sparse.minor": "0",
            "GNU.sparse.name": "two", "GNU.sparse.realsize": "99"}),
            io.BytesIO(b"abcde"))
    yield "sparse-pax", out.getvalue()
    block = bytearray(member("old", b"S").tobuf(tarfile.GNU_FORMAT))
    block[482], block[124:136] = 1, b"00000000001\0"
    block[148:156] = b"%06o\0 " % sum(block[:148] + b" " * 8 + block[156:])
    more = bytearray(512)
    more[504] = 1
    yield "sparse-gnu", bytes(block + more + bytes(512) + b"d" + bytes(511)
                              + bytes(1024))


def chunk(kind, path, data=None, offset=0, flags=0, sparse=(), to=None):
    out = b"XBSTCK01" + bytes([flags]) + kind + struct.pack("<I", len(path))
    out += path
    if to is not None:
        out += struct.pack("<I", len(to)) + to
    if data is not None:
        holes = b"".join(struct.pack("<II", *item) for item in sparse)
        if kind == b"S":
            out += struct.pack("<I", len(sparse))
        out += struct.pack("<QQI", len(data), offset, zlib.crc32(holes + data))
        out += holes + data
    return out


def xbstreams():
    yield "xb", (chunk(b"P", b"a", b"1234") + chunk(b"P", b"./b", b"567")
                 + chunk(b"P", b"a", b"89", 4) + chunk(b"E", b"a")
                 + chunk(b"?", b"c", b"x", 9, flags=1) + chunk(b"E", b"./b"))
    yield "xb-sparse", (chunk(b"S", b"s", b"1234", sparse=((9, 2), (5, 2)))
                        + chunk(b"P", b"s", b"56", 18) + chunk(b"E", b"s"))
    yield "xb-ddl", (chunk(b"P", b"a", b"1") + chunk(b"E", b"a")
                     + chunk(b"R", b"a", to=b"b") + chunk(b"D", b"c"))


def insides():
    for at, (name, data) in enumerate([*tars(), *xbstreams()]):
        cut = INSIDE_CUTS[at % len(INSIDE_CUTS)]
        save("inside", name, bytes([cut | INSIDE_MEND]) + data)
        save("inside", f"{name}-cut", bytes([cut]) + data[:len(data) // 2])
        damaged = bytearray(data)
        damaged[len(data) // 3] ^= 4
        save("inside", f"{name}-damaged", bytes([cut]) + damaged)
    save("inside", "empty-tar", bytes(10241))
    save("inside", "gzip", b"\0\x1f\x8b and more")
    save("inside", "nothing", b"\0")


CUTS_OF_FILES = (0, 1, 4 | DIFF_STEP, 8, 10, 11, 13 | DIFF_STEP)

KINDS = {"header": headers, "key_envelope": key_envelopes, "open": streams,
         "diff": files, "inside": insides}

if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[1:]) <= KINDS.keys():
        sys.exit(f"usage: make_corpus.py {'|'.join(KINDS)}...")
    for kind in sys.argv[1:]:
        KINDS[kind]()
