#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the vectors of this folder, with the independent encoder.

A vector is NAME.env, a stream, and NAME.txt, which says how it is opened and
what comes of it.  One vector has one reason.  They are committed: a new release
must judge the old bytes as they say.  So only vectors that are not there yet
are made, those that are named.

    generate.py NAME...
"""
import hashlib
import os
import secrets
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../interop"))
import envelope as e  # noqa: E402

KEK = bytes(range(1, 33))
PASSPHRASE = b"correct horse battery staple"
LOG_N = 14
AES256_OFB = "2.16.840.1.101.3.4.1.43"
AES256_WRAP_PAD = "2.16.840.1.101.3.4.1.48"

wanted = set()                      # names
made = set()


def text(length):
    return hashlib.shake_128(b"vector").digest(length)


def public(name):
    return e.load_recipient(os.path.join(HERE, "keys", name))


def envelope_for(dek, publics=(), keks=(), passphrases=()):
    return e.make_key_envelope(dek, [public(p) for p in publics], list(keks),
                               list(passphrases), LOG_N)


def prelude(labels, signatures, envelope, reserve):
    length = (e.PRELUDE + len(labels) + len(signatures) + len(envelope)
              + reserve)
    return bytearray(
        e.MAGIC + bytes([1, 1, 0, 0]) + len(labels).to_bytes(4, "big")
        + len(envelope).to_bytes(4, "big") + length.to_bytes(4, "big")
        + len(signatures).to_bytes(4, "big") + bytes(4))


def stream(plain, labels=b"", reserve=0, make=None, sign=None, **recipients):
    """A stream in its parts: header (bytearray) and payload (bytearray).  sign
    makes the signatures' bytes out of what they bind."""
    dek = secrets.token_bytes(32)
    recipients = recipients or {"keks": [KEK]}
    sealed = make(dek) if make else envelope_for(dek, **recipients)
    bound = e.MAGIC + bytes([1, 1, 0, 0]) + labels
    payload = e.seal_payload(dek, bound, plain)
    signatures = sign(bound, payload) if sign else b""
    head = prelude(labels, signatures, sealed, reserve)
    return (head + labels + signatures + sealed + bytes(reserve),
            bytearray(payload))


def vector(name, expect, comment, parts, how="kek", out=b"", signer=None):
    if name not in wanted:
        return
    made.add(name)
    with open(os.path.join(HERE, name + ".env"), "wb") as file:
        file.write(b"".join(map(bytes, parts)))
    with open(os.path.join(HERE, name + ".txt"), "w") as file:
        file.write(f"comment: {comment}\nexpect: {expect}\nopen: {how}\n"
                   f"text-length: {len(out)}\n"
                   f"text-sha256: {hashlib.sha256(out).hexdigest()}\n"
                   + (f"signed-by: {signer}.pem\n" if signer else ""))


# --- what opens -----------------------------------------------------------

def good(name, comment, length=100, how="kek", signer=None, **options):
    plain = text(length)
    vector(name, "OK", comment, stream(plain, **options), how, plain, signer)


def good_vectors():
    for length in (0, 1, 16383, 16384, 16385):
        good(f"ok-length-{length}", f"a text of {length} bytes", length)
    for key in ("rsa", "p256", "p384", "p521", "x25519", "x448"):
        good(f"ok-{key}", f"one recipient, {key}", how=f"{key}.key",
             publics=[key + ".pem"])
    for kind in e.XDH_KEYS.values():
        for scheme, digest in e.HKDF_SCHEMES.items():
            key = kind.lower()
            good(f"ok-{key}-{digest.name}", f"{kind} with HKDF and "
                 f"{digest.name}", how=f"{key}.key", make=lambda d: x25519(
                     d, kind, scheme=scheme))
    good("ok-certificate", "a recipient named by its certificate",
         how="p256.key", publics=["p256.crt"])
    good("ok-passphrase", "a passphrase", how="passphrase",
         passphrases=[PASSPHRASE])
    good("ok-labels", "labels", labels=b"host=db1\nset=nightly \xc3\xa9\n")
    good("ok-reserve", "room for a rewrap", reserve=1000)
    good("ok-many", "seven recipients, of which the last kind opens",
         how="passphrase", keks=[KEK], passphrases=[PASSPHRASE],
         publics=["rsa.pem", "p256.pem", "p384.pem", "x25519.pem",
                  "x448.pem"])


# --- headers --------------------------------------------------------------

def bad_header(name, expect, comment, change, **options):
    header, payload = stream(text(100), **options)
    header = change(header) or header
    vector(name, expect, comment, (header, payload))


def put(offset, value):
    def change(header):
        header[offset:offset + len(value)] = value
    return change


def header_vectors():
    bad_header("magic", "NOT_ENVELOPE", "another magic", put(0, b"\x88"))
    bad_header("magic-lf", "NOT_ENVELOPE", "line ends were changed",
               lambda header: header.replace(b"\r\n", b"\n", 1))
    bad_header("version-0", "VERSION", "version 0", put(8, b"\0"))
    bad_header("version-2", "VERSION", "version 2", put(8, b"\2"))
    bad_header("scheme-0", "SCHEME", "payload scheme 0", put(9, b"\0"))
    bad_header("scheme-2", "SCHEME", "payload scheme 2", put(9, b"\2"))
    bad_header("reserved-1", "HEADER_FIELD", "a reserved byte",
               put(11, b"\1"))
    bad_header("reserved-2", "HEADER_FIELD", "a reserved byte",
               put(31, b"\1"))
    bad_header("labels-too-long", "HEADER_TOO_LARGE", "labels of 65,537",
               put(12, (65537).to_bytes(4, "big")))
    bad_header("key-envelope-too-long", "HEADER_TOO_LARGE",
               "a key envelope of 1,048,577",
               put(16, (1048577).to_bytes(4, "big")))
    bad_header("header-too-long", "HEADER_TOO_LARGE", "a header of 2,097,153",
               put(20, (2097153).to_bytes(4, "big")))
    bad_header("key-envelope-empty", "HEADER_FIELD", "no key envelope",
               put(16, bytes(4)))
    bad_header("header-short", "HEADER_FIELD", "a header below its parts",
               put(20, (40).to_bytes(4, "big")))
    bad_header("padding", "HEADER_FIELD", "a padding byte is not zero",
               put(-1, b"\1"), reserve=10)
    for name, labels in (("order", b"b=1\na=2\n"), ("twice", b"a=1\na=2\n"),
                         ("no-end", b"a=1"), ("control", b"a=\x1b\n"),
                         ("key", b"a b=c\n"), ("utf8", b"a=\xff\n")):
        bad_header("labels-" + name, "LABELS", "labels: " + name,
                   lambda header: None, labels=labels)
    header, _ = stream(text(100))
    vector("header-cut", "HEADER_TRUNCATED", "ends inside the header",
           (header[:-1],))
    vector("prelude-cut", "HEADER_TRUNCATED", "ends inside the prelude",
           (header[:31],))
    vector("magic-cut", "HEADER_TRUNCATED", "ends inside the magic",
           (header[:7],))
    vector("empty", "HEADER_TRUNCATED", "no bytes at all", ())
    vector("text-short", "NOT_ENVELOPE", "three bytes of something else",
           (b"abc",))


# --- key envelopes --------------------------------------------------------

def frame(dek, cek=None, nonce=12, icv=16, mac=16, content=32, infos=None,
          oid=e.AES256_GCM, before=None, behind=b""):
    """A key envelope with one part of it not as the format has it."""
    cek = cek or secrets.token_bytes(32)
    iv = secrets.token_bytes(nonce)
    sealed = e.AESGCM(cek).encrypt(iv, (dek * 2)[:content], None)
    after = (e.tlv(e.SEQUENCE, e.der_oid(e.ID_DATA), e.der_algorithm(
        oid, e.tlv(e.SEQUENCE, e.tlv(e.OCTET_STRING, iv), e.der_integer(icv))),
        e.tlv(e.context(0, False), sealed[:content]))
        + behind + e.tlv(e.OCTET_STRING, sealed[content:content + mac]))
    if infos is None:
        infos = [e.der_kekri(e.kek_id(KEK), KEK, cek)]
    return e.der_key_envelope(before or e.der_integer(0), infos, after)


def ofb(dek):
    """As frame(), but with a cipher that has no tag (CVE-2026-34182)."""
    cek, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    stream = e.Cipher(e.algorithms.AES(cek), e.modes.OFB(iv)).encryptor()
    after = (e.tlv(e.SEQUENCE, e.der_oid(e.ID_DATA), e.der_algorithm(
        AES256_OFB, e.tlv(e.OCTET_STRING, iv)),
        e.tlv(e.context(0, False), stream.update(dek)))
        + e.tlv(e.OCTET_STRING, bytes(16)))
    return e.der_key_envelope(e.der_integer(0),
                              [e.der_kekri(e.kek_id(KEK), KEK, cek)], after)


def padded_wrap(dek):
    """A kari that names the key wrap with padding (CVE-2026-63072)."""
    good, bad = e.der_oid(e.AES256_WRAP), e.der_oid(AES256_WRAP_PAD)
    message = envelope_for(dek, publics=["p256.pem"])
    assert message.count(good) == 1 and len(good) == len(bad)
    return message.replace(good, bad)


def bad_frame(name, comment, make, expect="KEY_ENVELOPE", how="kek"):
    vector(name, expect, comment, stream(text(100), make=make), how)


def oaep_sha1(dek):
    """What openssl cms makes when nothing is said of the digest."""
    pad = ["-keyopt", "rsa_padding_mode:oaep"]
    return stock_rsa(dek, pad)


def stock_rsa(dek, options):
    held = e.STOCK_OPTIONS["rsa"]
    e.STOCK_OPTIONS["rsa"] = options
    try:
        return envelope_for(dek, publics=["rsa.pem"])
    finally:
        e.STOCK_OPTIONS["rsa"] = held


def scrypt_n(log_n):
    cek = secrets.token_bytes(32)
    salt = bytes(32)
    source = e.tlv(e.SEQUENCE, e.der_utf8("scrypt"),
                   e.tlv(e.OCTET_STRING, salt), e.der_integer(1 << log_n),
                   e.der_integer(8), e.der_integer(1))
    return cek, [e.der_kekri(salt[:20], KEK, cek, source)]


def expensive(dek):
    cek, infos = scrypt_n(21)
    return frame(dek, cek, infos=infos)


def unknown_source(dek):
    cek = secrets.token_bytes(32)
    source = e.tlv(e.SEQUENCE, e.der_utf8("moon"))
    return frame(dek, cek, infos=[e.der_kekri(bytes(20), KEK, cek, source)])


def ephemeral(dek, public, kind="X25519"):
    """An ephemeral key that nobody has made, for a recipient of any name."""
    cek = secrets.token_bytes(32)
    return frame(dek, cek, infos=[e.der_dh(bytes(20), kind, public,
                                           e.aes_key_wrap(KEK, cek))])


def x25519(dek, kind="X25519", **fields):
    """For the key of the vectors, with a field that is not as usual."""
    cek = secrets.token_bytes(32)
    held, key_id = public(kind.lower() + ".pem")
    return frame(dek, cek, infos=[e.dh_info(held, key_id, kind, cek, **fields)])


def kem(dek, name="mlkem768", **fields):
    """The same of ML-KEM, alone or with X25519."""
    cek = secrets.token_bytes(32)
    held, key_id = public(name + ".pem")
    return frame(dek, cek, infos=[e.kem_info(held, key_id, held[0], cek,
                                             **fields)])


def kem_vectors():
    """Where OpenSSL has ML-KEM, which is from 3.5 on."""
    names = "mlkem512", "mlkem768", "mlkem1024", "mlkem768x25519"
    for name in names:
        good(f"ok-{name}", f"one recipient, {name}", how=f"{name}.key",
             publics=[name + ".pem"])
    for oid, digest in e.KEM_KDFS.items():
        good(f"ok-mlkem768-{digest.name}", f"ML-KEM-768 with HKDF and "
             f"{digest.name}", how="mlkem768.key",
             make=lambda d: kem(d, kdf=oid))

    def bad(name, comment, how="mlkem768", **fields):
        bad_frame(name, comment + " is passed over",
                  lambda d: kem(d, how, **fields), "NO_MATCH", how + ".key")

    null = e.tlv(e.NULL)
    bad("mlkem-ukm", "ML-KEM with a ukm", ukm=b"ukm")
    bad("mlkem-kdf-null", "a kdf with NULL", kdf_parameters=null)
    bad("mlkem-wrap-null", "a key wrap with NULL",
        wrap=e.der_algorithm(e.AES256_WRAP, null))
    bad("mlkem-wrap-pad", "the padded key wrap: CVE-2026-63072",
        wrap=e.der_algorithm(AES256_WRAP_PAD))
    bad("mlkem-other-kem", "a ciphertext of ML-KEM-768 that is named -512",
        oid="2.16.840.1.101.3.4.4.1")
    bad("mlkem-short", "a ciphertext without its last byte",
        change=lambda sent: sent[:-1])
    bad("mlkem-long", "a ciphertext with one byte more",
        change=lambda sent: sent + b"\0")
    bad("mlkem-altered", "a ciphertext that was altered",
        change=lambda sent: sent[:99] + bytes([sent[99] ^ 1]) + sent[100:])
    for name, comment, change in (
            ("altered", "an ML-KEM ciphertext that was altered",
             lambda sent: bytes([sent[0] ^ 1]) + sent[1:]),
            ("ephemeral", "an ephemeral key that was altered",
             lambda sent: sent[:-9] + bytes([sent[-9] ^ 1]) + sent[-8:]),
            ("zero", "an all-zero ephemeral key",
             lambda sent: sent[:-32] + bytes(32)),
            ("short", "a ciphertext without its last byte",
             lambda sent: sent[:-1])):
        bad("hybrid-" + name, comment, "mlkem768x25519", change=change)


def replaced(message, old, new):
    assert message.count(old) == 1 and len(old) == len(new)
    return message.replace(old, new)


def indefinite(dek):
    der = frame(dek)
    length = 2 + (der[1] & 0x7f)
    return der[:1] + b"\x80" + der[length:] + b"\0\0"


def other_content_key(dek):
    """The recipient's content-encryption key is not the content's."""
    other = e.der_kekri(e.kek_id(KEK), KEK, secrets.token_bytes(32))
    return frame(dek, infos=[other])


def beside(dek, info):
    """A recipient that opens, and another RecipientInfo."""
    cek = secrets.token_bytes(32)
    return frame(dek, cek, infos=[e.der_kekri(e.kek_id(KEK), KEK, cek), info])


def ktri(rid, algorithm=None):
    return e.tlv(e.SEQUENCE, e.der_integer(0), rid,
                 algorithm or e.der_algorithm("1.2.3"),
                 e.tlv(e.OCTET_STRING, bytes(256)))


def issuer(*values, junk=b"", tag=e.UTF8_STRING):
    """IssuerAndSerialNumber, with one name of so many values."""
    name = [e.tlv(e.SEQUENCE, e.der_oid("2.5.4.3"), e.tlv(tag, value))
            for value in values]
    return e.tlv(e.SEQUENCE, e.tlv(e.SEQUENCE, e.tlv(e.SET, *name)),
                 e.der_integer(5), junk)


def kari(rid=None, inside=b"", behind=b""):
    """For nobody, with something in or behind its ephemeral key."""
    key = e.tlv(e.context(1), e.der_algorithm("1.3.101.110"),
                e.tlv(e.BIT_STRING, b"\0", b"\t" + bytes(31)), inside)
    wrap = e.der_algorithm(e.AES256_WRAP)
    return e.tlv(e.context(1), e.der_integer(3),
                 e.tlv(e.context(0), key, behind),
                 e.der_algorithm(e.XDH_SCHEMES["X25519"], wrap),
                 e.tlv(e.SEQUENCE, e.tlv(e.SEQUENCE, rid or key_id(),
                                         e.tlv(e.OCTET_STRING, bytes(40)))))


def key_id(*rest):
    return e.tlv(e.context(0), e.tlv(e.OCTET_STRING, bytes(20)), *rest)


def nested(depth):
    """A RecipientInfo, itself the fifth, as deep as that."""
    inner = b""
    for _ in range(depth - 5):
        inner = e.tlv(e.SEQUENCE, inner)
    return e.tlv(e.context(4), e.der_oid("1.2.3"), inner)


def stock_only(dek, name, kind):
    """For a key that no writer of this format takes."""
    held, key_id = public(name + ".pem")
    envelope = e.parse_content_info(
        e.stock_envelope(dek, [(held, key_id, kind)], KEK))
    return envelope.with_infos(
        [r.raw for r in envelope.each() if r.kind != "kek"])


def recipient_info_vectors():
    """Each has another recipient, whose key-encryption key is at hand."""
    junk = e.tlv(e.OCTET_STRING, b"junk")
    empty = e.tlv(e.SEQUENCE)
    kek_attribute = e.tlv(
        e.context(2), e.der_integer(4),
        e.tlv(e.SEQUENCE, e.tlv(e.OCTET_STRING, bytes(20)), empty),
        e.der_algorithm(e.AES256_WRAP), e.tlv(e.OCTET_STRING, bytes(40)))
    for name, comment, info in (
            ("originator-junk", "something follows an originatorKey",
             kari(behind=junk)),
            ("originator-key-junk", "something stands in an originatorKey",
             kari(inside=junk)),
            ("issuer-unsorted", "a SET OF in an issuer is not sorted",
             ktri(issuer(b"b", b"a"))),
            ("issuer-utf8", "a UTF8String in an issuer is none",
             ktri(issuer(b"\xff"))),
            ("issuer-enumerated", "an ENUMERATED in an issuer is too long",
             ktri(issuer(b"\0\5", tag=0x0A))),
            ("issuer-junk", "something follows a serial number",
             ktri(issuer(b"a", junk=junk))),
            ("issuer-empty", "a ktri has no issuer", ktri(empty)),
            ("issuer-kari", "a kari has no issuer", kari(empty)),
            ("algorithm-empty", "an AlgorithmIdentifier has no OID",
             ktri(issuer(b"a"), empty)),
            ("attribute-empty", "an OtherKeyAttribute has no OID",
             kek_attribute),
            ("recipient-tag", "a RecipientInfo has the tag of none of the five",
             e.tlv(e.context(5), e.der_integer(0))),
            ("date", "a RecipientKeyIdentifier has a month 13",
             kari(key_id(e.tlv(e.GENERALIZED_TIME, b"20261301000000Z")))),
            ("nested-33", "elements are nested 33 deep", nested(33))):
        bad_frame(name, comment, lambda d: beside(d, info))
    good("ok-nested-32", "elements are nested 32 deep",
         make=lambda d: beside(d, nested(32)))
    for name, kind, comment in (
            ("rsa1024", "rsa", "RSA with 1,024 bits"),
            ("secp256k1", "ec", "another curve of 256 bits")):
        bad_frame(name, comment + " is passed over",
                  lambda d: stock_only(d, name, kind), "NO_MATCH",
                  name + ".key")


def key_envelope_vectors():
    recipient_info_vectors()
    bad_frame("mac-short", "a tag of 4 bytes", lambda d: frame(d, mac=4))
    bad_frame("icv-12", "a tag length of 12", lambda d: frame(d, icv=12))
    bad_frame("nonce-16", "a nonce of 16 bytes", lambda d: frame(d, nonce=16))
    bad_frame("nonce-64", "a nonce of 64 bytes: CVE-2025-15467",
              lambda d: frame(d, nonce=64))
    bad_frame("icv-1", "a tag of one byte, as its length says: CVE-2026-34182",
              lambda d: frame(d, icv=1, mac=1))
    bad_frame("ofb", "AES-256-OFB, which has no tag: CVE-2026-34182", ofb)
    bad_frame("content-31", "a data key of 31 bytes",
              lambda d: frame(d, content=31))
    bad_frame("content-33", "a data key of 33 bytes",
              lambda d: frame(d, content=33))
    bad_frame("aes-128", "AES-128-GCM",
              lambda d: frame(d, oid="2.16.840.1.101.3.4.1.6"))
    bad_frame("no-recipients", "no RecipientInfo",
              lambda d: frame(d, infos=[]))
    bad_frame("attributes", "authAttrs are there",
              lambda d: frame(d, behind=e.tlv(e.context(1))))
    bad_frame("indefinite", "an indefinite length", indefinite)
    bad_frame("left-over", "a byte behind the DER", lambda d: frame(d) + b"\0")
    bad_frame("not-cms", "no CMS at all", lambda d: b"\x30\x00")
    bad_frame("other-content-key", "a content-encryption key of another "
              "message", other_content_key)
    bad_frame("wrong-kek", "another key-encryption key", None, "WRONG_KEY",
              "other-kek")
    vector("wrong-passphrase", "WRONG_KEY", "another passphrase",
           stream(text(100), passphrases=[PASSPHRASE]), "other-passphrase")
    vector("no-match", "NO_MATCH", "another key of the same kind",
           stream(text(100), publics=["x25519.pem"]), "stranger.key")
    vector("no-kind", "NO_MATCH", "a key of another kind",
           stream(text(100), publics=["x25519.pem"]), "rsa.key")
    bad_frame("oaep-sha1", "RSAES-OAEP with SHA-1 is passed over", oaep_sha1,
              "NO_MATCH", "rsa.key")
    bad_frame("pkcs1", "PKCS#1 v1.5 is passed over",
              lambda d: stock_rsa(d, ["-keyopt", "rsa_padding_mode:pkcs1"]),
              "NO_MATCH", "rsa.key")
    bad_frame("wrap-pad", "a kari with the padded key wrap is passed over: "
              "CVE-2026-63072", padded_wrap, "NO_MATCH", "p256.key")
    bad_frame("work-factor", "scrypt with 2 GiB", expensive, "WORK_FACTOR",
              "passphrase")
    bad_frame("unknown-source", "a KEK source of another kind is passed over",
              unknown_source, "NO_MATCH")
    bad_frame("zero-ephemeral", "an all-zero secret is passed over",
              lambda d: ephemeral(d, bytes(32)), "NO_MATCH", "x25519.key")
    for kind, prime in e.XDH_PRIMES.items():
        size = e.EPHEMERAL_SIZE[kind]
        bad_frame(f"{kind.lower()}-prime", "a key that is not below the prime "
                  "is passed over", lambda d: ephemeral(
                      d, (prime + 9).to_bytes(size, "little"), kind),
                  "NO_MATCH", f"{kind.lower()}.key")
    bad_frame("x25519-high-bit", "bit 255 of a key is not free",
              lambda d: ephemeral(d, b"\t" + bytes(30) + b"\x80"), "NO_MATCH",
              "x25519.key")
    bad_frame("x25519-ukm", "X25519 with a ukm is passed over",
              lambda d: x25519(d, ukm=b"ukm"), "NO_MATCH", "x25519.key")
    bad_frame("x25519-wrap-null", "a key wrap with NULL is passed over",
              lambda d: x25519(d, wrap=e.der_algorithm(
                  e.AES256_WRAP, e.tlv(e.NULL))), "NO_MATCH", "x25519.key")
    bad_frame("x25519-scheme", "X25519 with an unknown key agreement is passed over",
              lambda d: replaced(
                  x25519(d), e.der_oid("1.2.840.113549.1.9.16.3.19"),
                  e.der_oid("1.2.840.113549.1.9.16.3.99")), "NO_MATCH",
              "x25519.key")
    bad_frame("ktri-version", "version 0 with a subjectKeyIdentifier",
              lambda d: replaced(envelope_for(d, publics=["rsa.pem"]),
                                 b"\2\1\2\x80\x14", b"\2\1\0\x80\x14"),
              how="rsa.key")
    bad_frame("kari-version", "version 4 of a kari", lambda d: replaced(
        envelope_for(d, publics=["p256.pem"]), b"\2\1\3\xa0\x51",
        b"\2\1\4\xa0\x51"), how="p256.key")


# --- payloads -------------------------------------------------------------

def payload_vectors():
    plain = text(2 * e.CHUNK + 50)
    first = 56 + e.SEALED
    last = first + e.SEALED

    def bad(name, expect, comment, change, good_chunks):
        header, payload = stream(plain)
        payload = change(payload) or payload
        vector(name, expect, comment, (header, payload),
               out=plain[:good_chunks * e.CHUNK])

    def flip(offset):
        def change(payload):
            payload[offset] ^= 0x10
        return change

    bad("salt", "COMMITMENT", "a bit of the salt", flip(3), 0)
    bad("commitment", "COMMITMENT", "a bit of the commitment", flip(55), 0)
    bad("chunk-0", "CHUNK", "a bit of chunk 0", flip(56), 0)
    bad("chunk-0-tag", "CHUNK", "a bit of the tag of chunk 0",
        flip(first - 1), 0)
    bad("chunk-1", "CHUNK", "a bit of chunk 1", flip(first + 7), 1)
    bad("chunk-last", "LAST_CHUNK", "a bit of the last chunk", flip(last), 2)
    bad("chunk-last-tag", "LAST_CHUNK", "a bit of the last tag", flip(-1), 2)
    bad("cut-start", "TRUNCATED", "ends inside the commitment",
        lambda p: p[:55], 0)
    bad("cut-no-chunk", "TRUNCATED", "ends behind the commitment",
        lambda p: p[:56], 0)
    bad("cut-boundary", "TRUNCATED", "ends behind a whole chunk",
        lambda p: p[:last], 2)
    bad("cut-in-tag", "TRUNCATED", "ends 15 bytes behind a whole chunk",
        lambda p: p[:last + 15], 2)
    bad("cut-in-chunk", "LAST_CHUNK", "ends inside a chunk",
        lambda p: p[:first + 5000], 1)
    bad("cut-a-byte", "LAST_CHUNK", "the last byte is missing",
        lambda p: p[:-1], 2)
    bad("trailing-zero", "TRAILING_DATA", "a zero byte is appended",
        lambda p: p + b"\0", 2)
    bad("trailing-chunk", "TRAILING_DATA", "chunk 0 is appended",
        lambda p: p + p[56:first], 2)
    bad("swapped", "CHUNK", "chunks 0 and 1 change places",
        lambda p: p[:56] + p[first:last] + p[56:first] + p[last:], 0)
    bad("doubled", "CHUNK", "chunk 0 comes twice",
        lambda p: p[:first] + p[56:], 1)
    bad("dropped", "CHUNK", "chunk 0 is missing",
        lambda p: p[:56] + p[first:], 0)
    header, _ = stream(plain)
    _, payload = stream(plain)
    vector("other-header", "COMMITMENT", "the header of another stream",
           (header, payload))
    header, payload = stream(plain[:100], labels=b"host=db1\n")
    vector("labels-altered", "COMMITMENT", "labels were altered",
           (header.replace(b"db1", b"db2"), payload))


# --- signatures -----------------------------------------------------------

UNKNOWN = e.tlv(e.SEQUENCE, e.der_oid("2.25.1"), e.tlv(e.NULL))


def private(name):
    return e.load_identity(os.path.join(HERE, "keys", name + ".key")).key


def by(*names, turn=0, change=None):
    """A function that signs with these keys, and changes the list."""
    def sign(bound, payload):
        signed = []
        for name in names:
            key = private(name)
            algorithm = list(e.signature_algorithms(key))[turn]
            signed.append(e.sign(bound, payload, key, algorithm))
        return e.der_signatures(change(signed) if change else signed)
    return sign


def wrong(one):
    return e.Signature(one.signer, one.algorithm,
                       one.value[:-1] + bytes([one.value[-1] ^ 1]))


def of_algorithm(one, algorithm):
    return e.Signature(one.signer, algorithm, one.value)


def bad_signature(name, expect, comment, sign, signer="ed25519", **options):
    vector(name, expect, comment, stream(text(100), sign=sign, **options),
           signer=signer)


def bad_form(name, comment, data):
    """Bytes that are no signatures, and that nobody need check."""
    bad_signature("signatures-" + name, "SIGNATURES", comment,
                  lambda *_: data, signer=None)


def signature_vectors():
    for name in "ed25519", "ed448", "p256", "p384", "p521", "rsa":
        good("ok-signed-" + name, f"signed with the key {name}", signer=name,
             sign=by(name), labels=b"host=db1\n")
    good("ok-signed-rsa-long", "RSASSA-PSS with the longest salt",
         signer="rsa", sign=by("rsa", turn=1))
    good("ok-signed-8", "eight signatures, the last one is trusted",
         signer="ed25519", sign=by(*["p256"] * 7, "ed25519"))
    good("ok-signed-unknown", "beside an algorithm that nobody knows",
         signer="ed25519", sign=by("ed25519", change=lambda made: [
             of_algorithm(made[0], UNKNOWN), made[0]]))
    good("ok-signed-spoiled", "a wrong signature stands before the right one",
         signer="ed25519", sign=by("ed25519", change=lambda made: [
             wrong(made[0]), made[0]]))
    good("ok-signed-unchecked", "a wrong signature, and nobody asks",
         sign=by("ed25519", change=lambda made: [wrong(made[0])]))

    bad_signature("signed-none", "UNSIGNED", "without a signature", None)
    bad_signature("signed-other", "OTHER_SIGNER", "by another key",
                  by("ed448"))
    bad_signature("signed-wrong", "BAD_SIGNATURE", "a bit of the signature",
                  by("ed25519", change=lambda made: [wrong(made[0])]))
    bad_signature("signed-moved", "BAD_SIGNATURE", "that of another stream",
                  lambda bound, payload: by("ed25519")(bound, bytes(56)))
    bad_signature("signed-unknown", "OTHER_SIGNER", "an unknown algorithm",
                  by("ed25519", change=lambda made: [
                      of_algorithm(made[0], UNKNOWN)]))
    bad_signature("signed-digest", "OTHER_SIGNER", "another digest than the "
                  "curve's", by("p256", change=lambda made: [of_algorithm(
                      made[0], next(iter(e.signature_algorithms(
                          private("p384")))))]), signer="p256")
    bad_signature("signed-salt", "OTHER_SIGNER", "a salt of 31 bytes",
                  by("rsa", change=lambda made: [of_algorithm(
                      made[0], e.pss_algorithm(31))]), signer="rsa")
    header, payload = stream(text(100), labels=b"host=db1\n",
                             sign=by("ed25519"))
    vector("signed-labels", "BAD_SIGNATURE", "labels were altered",
           (header.replace(b"db1", b"db2"), payload), signer="ed25519")
    payload[30] ^= 1
    vector("signed-commitment", "BAD_SIGNATURE", "another commitment",
           (header, payload), signer="ed25519")

    one = by("ed25519")(b"", bytes(56))
    inner = one[2:]
    bad_form("none", "an empty sequence", e.tlv(e.SEQUENCE))
    bad_form("9", "nine of them", e.tlv(e.SEQUENCE, inner * 9))
    bad_form("left-over", "a byte after them", one + b"\0")
    bad_form("set", "in a SET", e.tlv(e.SET, inner))
    bad_form("ber", "a length that is too long",
             bytes([one[0], 0x81, one[1]]) + inner)
    body = e.Fields(inner).take(e.SEQUENCE).body
    signer, rest = body[:22], body[22:]
    for name, comment, parts in (
            ("signer", "an identifier of 19 bytes",
             (e.tlv(e.OCTET_STRING, signer[2:21]), rest)),
            ("value", "an empty value",
             (signer, rest[:7], e.tlv(e.OCTET_STRING))),
            ("more", "something after the value", (body, e.tlv(e.NULL))),
            ("parameters", "two parameters",
             (signer, e.tlv(e.SEQUENCE, e.der_oid("1.3.101.112"),
                            e.tlv(e.NULL) * 2), rest[7:]))):
        bad_form(name, comment, e.tlv(e.SEQUENCE, e.tlv(e.SEQUENCE, *parts)))
    bad_header("signatures-too-long", "HEADER_TOO_LARGE",
               "signatures of 65,537", put(24, (65537).to_bytes(4, "big")))
    bad_header("signatures-no-room", "HEADER_FIELD",
               "signatures that overlap the payload",
               put(24, (8).to_bytes(4, "big")))


def main():
    names = sys.argv[1:]
    if not names:
        sys.exit(__doc__)
    wanted.update(names)
    for name in names:
        if os.path.exists(os.path.join(HERE, name + ".txt")):
            sys.exit(f"{name} is there")
    good_vectors()
    header_vectors()
    key_envelope_vectors()
    if e.openssl(["list", "-key-managers"]).count(b"ML-KEM"):
        kem_vectors()
    payload_vectors()
    signature_vectors()
    if wanted - made:
        sys.exit(f"no such vector: {min(wanted - made)}")


if __name__ == "__main__":
    main()
