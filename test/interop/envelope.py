#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A second implementation of the envelope stream, written from doc/format.md
# alone, to test the first one against. In memory, in clear Python: no product.

import argparse
import base64
import functools
import hashlib
import hmac
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import (
        ec, ed448, ed25519, padding, rsa, x448, x25519)
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    from cryptography.hazmat.primitives.keywrap import (
        InvalidUnwrap, aes_key_unwrap, aes_key_wrap)
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509.oid import NameOID
except ImportError:
    # A test that needs this has not run: see TEST_LACKS in test/support/tap.sh.
    with open(os.environ.get("TEST_LACKS", os.devnull), "w") as lacks:
        print("Python's cryptography package is not installed", file=lacks)
    sys.exit("Python's cryptography package is not installed")


class Refuse(Exception):
    """The stream is refused: FORMAT's reason, and a text for people."""

    def __init__(self, reason, text):
        super().__init__(f"{reason}: {text}")
        self.reason = reason


class Usage(Exception):
    """The caller asked for something that cannot be done."""


class Malformed(Exception):
    """Bytes that are not the DER structure which was expected."""


# --- DER ------------------------------------------------------------------

INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, GENERALIZED_TIME, SEQUENCE, SET = 0x0C, 0x18, 0x30, 0x31


def context(number, constructed=True):
    """The identifier byte of a context-specific tag."""
    return (0xA0 if constructed else 0x80) | number


@dataclass
class Value:
    """One DER value: its tag, its content, and all its bytes."""
    tag: int
    body: bytes
    raw: bytes

    def fields(self):
        return Fields(self.body)

    def integer(self):
        if not self.body or len(self.body) > 1 and (
                self.body[0] == 0x00 and self.body[1] < 0x80
                or self.body[0] == 0xFF and self.body[1] >= 0x80):
            raise Malformed("INTEGER")
        return int.from_bytes(self.body, "big", signed=True)

    def oid(self):
        arcs, number = [], 0
        if not self.body or self.body[-1] & 0x80:
            raise Malformed("OBJECT IDENTIFIER")
        for byte in self.body:
            if number == 0 and byte == 0x80:
                raise Malformed("OBJECT IDENTIFIER")
            number = number << 7 | byte & 0x7F
            if not byte & 0x80:
                arcs.append(number)
                number = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, [first, arcs[0] - 40 * first] + arcs[1:]))


class Fields:
    """Reads DER values one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def more(self):
        return self.at < len(self.data)

    def peek(self):
        return self.data[self.at] if self.more() else None

    def _byte(self):
        if not self.more():
            raise Malformed("cut short")
        self.at += 1
        return self.data[self.at - 1]

    def any(self):
        start = self.at
        tag = self._byte()
        if tag & 0x1F == 0x1F:
            raise Malformed("tag of more than one byte")
        length = self._byte()
        if length == 0x80:
            raise Malformed("indefinite length")
        if length > 0x80:
            size = length & 0x7F
            number = self.data[self.at:self.at + size]
            self.at += size
            length = int.from_bytes(number, "big")
            if len(number) != size or length < 0x80 or number[0] == 0:
                raise Malformed("length")
        body = self.data[self.at:self.at + length]
        if len(body) != length:
            raise Malformed("cut short")
        self.at += length
        return Value(tag, body, self.data[start:self.at])

    def take(self, tag):
        value = self.any()
        if value.tag != tag:
            raise Malformed(f"tag {value.tag:#04x} in place of {tag:#04x}")
        return value

    def optional(self, tag):
        return self.take(tag) if self.peek() == tag else None

    def end(self):
        if self.more():
            raise Malformed("bytes left over")


def tlv(tag, *parts):
    body = b"".join(parts)
    length = len(body)
    if length < 0x80:
        return bytes([tag, length]) + body
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + body


def der_integer(number):
    return tlv(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def der_oid(dotted):
    arcs = [int(arc) for arc in dotted.split(".")]
    body = b""
    for number in [40 * arcs[0] + arcs[1]] + arcs[2:]:
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.insert(0, 0x80 | number & 0x7F)
        body += bytes(septets)
    return tlv(OID, body)


def der_utf8(text):
    return tlv(UTF8_STRING, text.encode())


# --- FORMAT 2 to 4: the header --------------------------------------------

MAGIC = bytes.fromhex("89454E560D0A1A0A")
VERSION, SCHEME = 1, 1
PRELUDE = 32
MAX_LABELS, MAX_KEY_ENVELOPE, MAX_HEADER = 65536, 1048576, 2097152
MAX_SIGNATURES, MAX_SIGNERS = 65536, 8
MAX_RECIPIENTS, MAX_OPERATIONS = 1024, 64


@dataclass
class Header:
    prelude: bytes
    labels: bytes
    signatures: list    # of Signature
    key_envelope: bytes
    length: int

    def context(self):
        return self.prelude[:12] + self.labels


def parse_header(stream):
    """Splits a stream into its header, all of it checked, and its payload."""
    prelude = stream[:PRELUDE]
    if prelude[:8] != MAGIC[:len(prelude)]:
        raise Refuse("NOT_ENVELOPE", "another magic")
    if len(prelude) < PRELUDE:
        raise Refuse("HEADER_TRUNCATED", "the stream ends inside the prelude")
    if prelude[8] != VERSION:
        raise Refuse("VERSION", f"format version {prelude[8]}")
    if prelude[9] != SCHEME:
        raise Refuse("SCHEME", f"payload scheme {prelude[9]}")
    if any(prelude[10:12]) or any(prelude[28:32]):
        raise Refuse("HEADER_FIELD", "a reserved byte is not 0")
    labels_length = int.from_bytes(prelude[12:16], "big")
    envelope_length = int.from_bytes(prelude[16:20], "big")
    length = int.from_bytes(prelude[20:24], "big")
    signatures_length = int.from_bytes(prelude[24:28], "big")
    for name, number, limit in (
            ("labels length", labels_length, MAX_LABELS),
            ("key envelope length", envelope_length, MAX_KEY_ENVELOPE),
            ("signatures length", signatures_length, MAX_SIGNATURES),
            ("header length", length, MAX_HEADER)):
        if number > limit:
            raise Refuse("HEADER_TOO_LARGE", f"{name} {number} above {limit}")
    if envelope_length == 0:
        raise Refuse("HEADER_FIELD", "key envelope length 0")
    labels_end = PRELUDE + labels_length
    signatures_end = labels_end + signatures_length
    envelope_end = signatures_end + envelope_length
    if length < envelope_end:
        raise Refuse("HEADER_FIELD", "header length below its parts")
    if len(stream) < length:
        raise Refuse("HEADER_TRUNCATED", "the stream ends inside the header")
    labels = stream[PRELUDE:labels_end]
    parse_labels(labels)
    signatures = parse_signatures(stream[labels_end:signatures_end])
    if any(stream[envelope_end:length]):
        raise Refuse("HEADER_FIELD", "a padding byte is not 0")
    header = Header(prelude, labels, signatures,
                    stream[signatures_end:envelope_end], length)
    return header, stream[length:]


def parse_labels(data):
    """Labels as a dict, refused unless they are in their only form."""
    labels, last = {}, b""
    if data and not data.endswith(b"\n"):
        raise Refuse("LABELS", "the last line has no end")
    for line in data.split(b"\n")[:-1]:
        key, equals, value = line.partition(b"=")
        if not equals or not re.fullmatch(rb"[A-Za-z0-9_.:-]{1,128}", key):
            raise Refuse("LABELS", "a line that is not key=value")
        if key <= last:
            raise Refuse("LABELS", "keys twice or out of order")
        try:
            text = value.decode("utf-8", "strict")
        except UnicodeDecodeError:
            raise Refuse("LABELS", "a value that is not UTF-8") from None
        if re.search("[\x00-\x1f\x7f-\x9f]", text):
            raise Refuse("LABELS", "a control character in a value")
        labels[key.decode()] = text
        last = key
    return labels


def make_labels(assignments):
    pairs = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or key in pairs:
            raise Usage(f"label {assignment!r}: not key=value, or twice")
        pairs[key] = value
    data = "".join(f"{k}={pairs[k]}\n" for k in sorted(pairs)).encode(
        "utf-8", "surrogateescape")
    try:
        parse_labels(data)
    except Refuse as refusal:
        raise Usage(str(refusal)) from None
    if len(data) > MAX_LABELS:
        raise Usage("labels too long")
    return data


# --- FORMAT 5: the key envelope -------------------------------------------

ID_DATA = "1.2.840.113549.1.7.1"
AUTH_ENVELOPED_DATA = "1.2.840.113549.1.9.16.1.23"
AES256_GCM = "2.16.840.1.101.3.4.1.46"
AES256_WRAP = "2.16.840.1.101.3.4.1.45"
RSAES_OAEP = "1.2.840.113549.1.1.7"
MGF1 = "1.2.840.113549.1.1.8"
SHA256 = "2.16.840.1.101.3.4.2.1"
EC_PUBLIC_KEY = "1.2.840.10045.2.1"
CURVES = {"1.2.840.10045.3.1.7": 32, "1.3.132.0.34": 48, "1.3.132.0.35": 66}
STD_DH_KDFS = {"1.3.132.1.11.1", "1.3.132.1.11.2", "1.3.132.1.11.3"}
HKDF_SCHEMES = {"1.2.840.113549.1.9.16.3.19": hashes.SHA256,
                "1.2.840.113549.1.9.16.3.20": hashes.SHA384,
                "1.2.840.113549.1.9.16.3.21": hashes.SHA512}
XDH_KEYS = {"1.3.101.110": "X25519", "1.3.101.111": "X448"}
XDH_PRIMES = {"X25519": 2**255 - 19, "X448": 2**448 - 2**224 - 1}
XDH_SCHEMES = {"X25519": "1.2.840.113549.1.9.16.3.19",  # as they are written
               "X448": "1.2.840.113549.1.9.16.3.21"}
MAX_UKM = 512
ORI_KEM = "1.2.840.113549.1.9.16.13.3"
HYBRID, HYBRID_OID = "MLKEM768-X25519", "1.3.6.1.5.5.7.6.58"
KEMS = {f"2.16.840.1.101.3.4.4.{i + 1}": f"ML-KEM-{size}"
        for i, size in enumerate((512, 768, 1024))}
KEMS[HYBRID_OID] = HYBRID
CIPHERTEXT_SIZE = {"ML-KEM-512": 768, "ML-KEM-768": 1088, "ML-KEM-1024": 1568,
                   HYBRID: 1120}
KEM_KDFS = {"1.2.840.113549.1.9.16.3.28": hashes.SHA256,  # the written one
            "1.2.840.113549.1.9.16.3.29": hashes.SHA384,
            "1.2.840.113549.1.9.16.3.30": hashes.SHA512}
KEM_KDF = next(iter(KEM_KDFS))
KEK_SOURCE = "2.25.316074012886541906706424215129532293222.1"
EPHEMERAL_SIZE = {"X25519": 32, "X448": 56}


@dataclass
class Recipient:
    """What one RecipientInfo says; kind "unknown" is passed over."""
    type: str
    raw: bytes
    id: bytes = b""
    kind: str = "unknown"
    wrapped: bytes = b""
    source: dict = field(default_factory=dict)


@dataclass
class KeyEnvelope:
    raw: bytes
    before: bytes       # the version, as it stands
    recipients: list    # of lists of Recipient, one list a RecipientInfo
    after: bytes        # all that stands after the RecipientInfos
    nonce: bytes
    content: bytes
    mac: bytes

    def each(self):
        return [r for info in self.recipients for r in info]

    def with_infos(self, infos):
        """The same envelope with other RecipientInfos: nothing binds them."""
        return der_key_envelope(self.before, infos, self.after)


def der_key_envelope(before, infos, after):
    return tlv(SEQUENCE, der_oid(AUTH_ENVELOPED_DATA), tlv(
        context(0), tlv(SEQUENCE, before, tlv(SET, *sorted(infos)), after)))


MAX_DEPTH = 32


def check_nesting(element, reason, depth=1):
    """Not too deep, and each SET OF sorted."""
    if depth > MAX_DEPTH:
        raise Refuse(reason, "elements are nested too deep")
    if not element.tag & 0x20:
        return
    fields, parts = element.fields(), []
    while fields.more():
        parts.append(fields.any())
        check_nesting(parts[-1], reason, depth + 1)
    raw = [part.raw for part in parts]
    if element.tag == SET and raw != sorted(raw):
        raise Refuse(reason, "a SET OF is not sorted")


def parse_key_envelope(data):
    try:
        check_nesting(Fields(data).any(), "KEY_ENVELOPE")
        envelope = parse_content_info(data)
    except Malformed as error:
        raise Refuse("KEY_ENVELOPE", f"not the DER expected: {error}") from None
    if openssl(["cms", "-cmsout", "-noout", "-inform", "DER"], data) is None:
        raise Refuse("KEY_ENVELOPE", "libcrypto does not parse it")
    return envelope


def parse_content_info(data):
    outer = Fields(data)
    info = outer.take(SEQUENCE).fields()
    outer.end()
    content_type = info.take(OID).oid()
    if content_type != AUTH_ENVELOPED_DATA:
        raise Refuse("KEY_ENVELOPE", f"CMS type {content_type}")
    explicit = info.take(context(0)).fields()
    info.end()
    auth = explicit.take(SEQUENCE).fields()
    explicit.end()

    before = take_version(auth, 0)
    infos = auth.take(SET).fields()
    recipients = []
    while infos.more():
        recipients.append(parse_recipient_info(infos.any()))
        if sum(map(len, recipients)) > MAX_RECIPIENTS:
            raise Refuse("KEY_ENVELOPE", "more than 1,024 recipients")
    if not recipients:
        raise Refuse("KEY_ENVELOPE", "no recipient")
    after = auth.data[auth.at:]

    content_info = auth.take(SEQUENCE).fields()
    content_type = content_info.take(OID).oid()
    if content_type != ID_DATA:
        raise Refuse("KEY_ENVELOPE", f"content type {content_type}")
    algorithm, parameters = parse_algorithm(content_info.take(SEQUENCE))
    if algorithm != AES256_GCM:
        raise Refuse("KEY_ENVELOPE", f"content encryption {algorithm}")
    content = content_info.optional(context(0, False))
    content_info.end()
    if content is None or len(content.body) != 32:
        raise Refuse("KEY_ENVELOPE", "content of another length than 32")
    mac = auth.take(OCTET_STRING).body
    auth.end()

    if parameters is None or parameters.tag != SEQUENCE:
        raise Malformed("no GCMParameters")
    gcm = parameters.fields()
    nonce = gcm.take(OCTET_STRING).body
    icv_length = gcm.take(INTEGER).integer()
    gcm.end()
    if len(nonce) != 12 or icv_length != TAG or len(mac) != TAG:
        raise Malformed("length of the nonce or the authentication tag")
    return KeyEnvelope(data, before, recipients, after, nonce, content.body,
                       mac)


def parse_algorithm(value):
    """An AlgorithmIdentifier: its OID, and its parameters or None."""
    fields = value.fields()
    oid = fields.take(OID).oid()
    parameters = fields.any() if fields.more() else None
    fields.end()
    return oid, parameters


def is_plain(algorithm, oid):
    """The algorithm with no parameters, absent or NULL."""
    found, parameters = algorithm
    return found == oid and (parameters is None or
                             parameters.tag == NULL and not parameters.body)


def take_version(fields, *allowed):
    """A CMSVersion that must be one of these; its DER."""
    version = fields.take(INTEGER)
    if version.integer() not in allowed:
        raise Malformed("version number")
    return version.raw


def parse_recipient_info(value):
    parsers = {SEQUENCE: parse_ktri, context(1): parse_kari,
               context(2): parse_kekri, context(3): parse_pwri,
               context(4): parse_ori}
    if value.tag not in parsers:
        raise Malformed(f"RecipientInfo with tag {value.tag:#04x}")
    return parsers[value.tag](value)


def parse_pwri(value):
    return [Recipient("pwri", value.raw)]


def parse_ktri(value):
    fields = value.fields()
    version = fields.take(INTEGER).integer()
    identifier = fields.any()
    if identifier.tag == SEQUENCE:
        key_id = identifier.raw         # issuerAndSerialNumber
    elif identifier.tag == context(0, False):
        key_id = identifier.body
    else:
        raise Malformed("RecipientIdentifier")
    if version != (0 if identifier.tag == SEQUENCE else 2):
        raise Malformed("version number")
    algorithm = parse_algorithm(fields.take(SEQUENCE))
    wrapped = fields.take(OCTET_STRING).body
    fields.end()
    kind = "rsa" if is_oaep_sha256(algorithm) else "unknown"
    return [Recipient("ktri", value.raw, key_id, kind, wrapped)]


def is_oaep_sha256(algorithm):
    """RSAES-OAEP with SHA-256, MGF1 with SHA-256 and the empty label."""
    oid, parameters = algorithm
    if oid != RSAES_OAEP or parameters is None or parameters.tag != SEQUENCE:
        return False

    def inner(fields, number):
        explicit = fields.take(context(number)).fields()
        result = parse_algorithm(explicit.take(SEQUENCE))
        explicit.end()
        return result

    try:
        fields = parameters.fields()
        if not is_plain(inner(fields, 0), SHA256):
            return False
        mask, mask_hash = inner(fields, 1)
        if mask != MGF1 or mask_hash is None or mask_hash.tag != SEQUENCE:
            return False
        if not is_plain(parse_algorithm(mask_hash), SHA256):
            return False
        fields.end()
    except Malformed:
        return False
    return True


def parse_kari(value):
    fields = value.fields()
    take_version(fields, 3)
    explicit = fields.take(context(0)).fields()
    originator = explicit.any()
    explicit.end()
    ukm = fields.optional(context(1))   # the user keying material
    algorithm = parse_algorithm(fields.take(SEQUENCE))
    keys = fields.take(SEQUENCE).fields()
    fields.end()
    ukm_size = 0
    if ukm:
        explicit = ukm.fields()
        ukm_size = len(explicit.take(OCTET_STRING).body)
        explicit.end()
    kind, source = "unknown", {}
    if (is_ephemeral_ec(originator) and ukm_size <= MAX_UKM
            and is_agreement(algorithm, STD_DH_KDFS)):
        kind, source = "ec", {"size": point_size(originator)}
    elif not ukm and is_agreement(algorithm, HKDF_SCHEMES):
        kind, public = xdh_key(originator)
        source = {"ephemeral": public, "scheme": algorithm[0]}
    recipients = []
    while keys.more():
        key = keys.take(SEQUENCE).fields()
        identifier = key.any()
        wrapped = key.take(OCTET_STRING).body
        key.end()
        if identifier.tag == SEQUENCE:
            key_id = identifier.raw     # issuerAndSerialNumber
        elif identifier.tag == context(0):
            key_id, _ = take_key_id(identifier.fields())
        else:
            raise Malformed("KeyAgreeRecipientIdentifier")
        recipients.append(
            Recipient("kari", value.raw, key_id, kind, wrapped, source))
    return recipients or [Recipient("kari", value.raw)]


def originator_key(originator):
    """The algorithm and the bits of an OriginatorPublicKey, or None."""
    if originator.tag != context(1):
        return None, None
    fields = originator.fields()
    algorithm = parse_algorithm(fields.take(SEQUENCE))
    bits = fields.take(BIT_STRING).body
    fields.end()
    return algorithm, bits[1:] if bits[:1] == b"\0" else None


def is_ephemeral_ec(originator):
    algorithm, bits = originator_key(originator)
    if algorithm is None or bits is None or algorithm[0] != EC_PUBLIC_KEY:
        return False
    parameters = algorithm[1]
    if parameters is None or parameters.tag == NULL:
        return True                     # the recipient's curve
    return (parameters.tag == OID
            and CURVES.get(parameters.oid()) == point_size(originator))


def point_size(originator):
    """Bytes of a coordinate of an ephemeral key; 0 if it is no point."""
    _, point = originator_key(originator)
    if point[:1] in (b"\2", b"\3"):
        return len(point) - 1
    return (len(point) - 1) // 2 if point[:1] == b"\4" else 0


def xdh_key(originator):
    """Kind and public key of an ephemeral key of RFC 8410."""
    algorithm, public = originator_key(originator)
    if algorithm is None or public is None or algorithm[1] is not None:
        return "unknown", None
    kind = XDH_KEYS.get(algorithm[0], "unknown")
    if (EPHEMERAL_SIZE.get(kind) != len(public)
            or int.from_bytes(public, "little") >= XDH_PRIMES[kind]):
        return "unknown", None
    return kind, public


def is_agreement(algorithm, schemes):
    """One of these key agreements, with the AES-256 key wrap."""
    oid, wrap = algorithm
    if oid not in schemes or wrap is None or wrap.tag != SEQUENCE:
        return False
    try:
        return parse_algorithm(wrap) == (AES256_WRAP, None)
    except Malformed:
        return False


DATE = (rb"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
        rb"([01]\d|2[0-3])[0-5]\d[0-5]\d(\.\d*[1-9])?Z")


def take_key_id(fields):
    """KEKIdentifier and RecipientKeyIdentifier: the name, and the attribute."""
    name = fields.take(OCTET_STRING).body
    date = fields.optional(GENERALIZED_TIME)
    if date and not re.fullmatch(DATE, date.body):
        raise Malformed("date")
    other = fields.optional(SEQUENCE)
    fields.end()
    return name, other


def parse_kekri(value):
    fields = value.fields()
    take_version(fields, 4)
    kekid = fields.take(SEQUENCE).fields()
    algorithm = parse_algorithm(fields.take(SEQUENCE))
    wrapped = fields.take(OCTET_STRING).body
    fields.end()
    name, other = take_key_id(kekid)
    result = Recipient("kekri", value.raw, name)
    result.wrapped = wrapped
    attribute = None
    if other:
        fields = other.fields()
        attribute_id = fields.take(OID).oid()
        attribute = fields.any() if fields.more() else None
        fields.end()
    if algorithm != (AES256_WRAP, None):
        return [result]
    if not other:
        result.kind = "kek"
    elif attribute_id == KEK_SOURCE:
        try:
            result.kind, result.source = parse_kek_source(attribute)
        except Malformed:
            pass
    return [result]


def parse_kek_source(attribute):
    """FORMAT 5.2: the kind of a KEKSource, and its fields."""
    if attribute is None or attribute.tag != SEQUENCE:
        raise Malformed("KEKSource")
    fields = attribute.fields()

    def text():
        try:
            return fields.take(UTF8_STRING).body.decode("utf-8", "strict")
        except UnicodeDecodeError:
            raise Malformed("UTF8String") from None

    kind = text()
    if kind == "scrypt":
        salt = fields.take(OCTET_STRING).body
        n, r, p = (fields.take(INTEGER).integer() for _ in range(3))
        fields.end()
        if (len(salt) != 32 or n < 2 or n & (n - 1) or r < 1 or p < 1
                or r * p >= 1 << 30):
            raise Malformed("scrypt parameters")
        return kind, {"salt": salt, "n": n, "r": r, "p": p}
    return "source:" + kind, {}


def parse_ori(value):
    fields = value.fields()
    oid = fields.take(OID).oid()
    info = fields.any()
    fields.end()
    result = Recipient("ori", value.raw)
    if oid == ORI_KEM and info.tag == SEQUENCE:
        try:
            result.kind, result.id, result.wrapped, result.source = \
                parse_kemri(info.fields())
        except Malformed:
            pass
    return [result]


def parse_kemri(fields):
    """FORMAT 5.1: a KEMRecipientInfo, of which every field is as it must be."""
    take_version(fields, 0)
    identifier = fields.any()
    if identifier.tag not in (SEQUENCE, context(0, False)):
        raise Malformed("RecipientIdentifier")
    kem, kem_parameters = parse_algorithm(fields.take(SEQUENCE))
    ciphertext = fields.take(OCTET_STRING).body
    kdf, kdf_parameters = parse_algorithm(fields.take(SEQUENCE))
    if fields.take(INTEGER).integer() != 32:
        raise Malformed("kekLength")
    if parse_algorithm(fields.take(SEQUENCE)) != (AES256_WRAP, None):
        raise Malformed("wrap")
    wrapped = fields.take(OCTET_STRING).body
    fields.end()
    kind = KEMS.get(kem, "unknown")
    if (kind == "unknown" or kem_parameters or kdf_parameters
            or kdf not in KEM_KDFS or len(wrapped) != 40
            or len(ciphertext) != CIPHERTEXT_SIZE[kind]):
        raise Malformed("KEM")
    return (kind, identifier.raw if identifier.tag == SEQUENCE
            else identifier.body, wrapped,
            {"ciphertext": ciphertext, "kdf": kdf})


# --- keys -----------------------------------------------------------------

KEY_KINDS = (
    (rsa.RSAPublicKey, "rsa"), (ec.EllipticCurvePublicKey, "ec"),
    (x25519.X25519PublicKey, "X25519"), (x448.X448PublicKey, "X448"))
EC_CURVES = ("secp256r1", "secp384r1", "secp521r1")


def key_kind(public):
    """Which kind of recipient a public key makes; None where it makes none."""
    if isinstance(public, tuple):
        return public[0]                # of a KEM
    for cls, kind in KEY_KINDS:
        if isinstance(public, cls):
            if kind == "rsa" and public.key_size < 2048:
                return None
            if kind == "ec" and public.curve.name not in EC_CURVES:
                return None
            return kind
    return None


def public_key_id(public):
    return sha256(public.public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)).digest()[:20]


def certificate_id(certificate):
    try:
        return certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return public_key_id(certificate.public_key())


def kek_id(kek):
    return HKDF(hashes.SHA256(), 20, None, b"envelope v1 kek id").derive(kek)


@dataclass
class Identity:
    """A private key, and the identifiers that fit it."""
    key: object
    kind: str
    ids: set

    def pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())


class KemKey:
    """A key of ML-KEM, or with X25519, which Python's package does not have: the
    openssl command does what ML-KEM does."""

    def __init__(self, kind, mlkem, xdh=None):
        """mlkem is DER; with a private key all of it is private."""
        self.kind, self.mlkem, self.xdh = kind, mlkem, xdh

    def raw_mlkem(self):
        """The public key's bytes, from its SubjectPublicKeyInfo."""
        public = openssl(["pkey", "-pubout", "-outform", "DER"], self.mlkem)
        if public is None:
            raise Usage("openssl knows no ML-KEM")
        fields = parse_one(public).fields()
        fields.take(SEQUENCE)
        return fields.take(BIT_STRING).body[1:]

    def spki(self):
        oid = {kind: oid for oid, kind in KEMS.items()}[self.kind]
        raw = self.raw_mlkem()
        if self.xdh:
            raw += raw_public(self.xdh.public_key())
        return tlv(SEQUENCE, der_algorithm(oid), tlv(BIT_STRING, b"\0", raw))

    def secret(self, ciphertext):
        """The shared secret, or None where there is none."""
        sent, split = b"", ciphertext
        if self.xdh:
            split, sent = ciphertext[:1088], ciphertext[1088:]
        shared = pkeyutl("-decap", self.mlkem, split)
        if shared is None or not self.xdh:
            return shared
        try:
            agreed = self.xdh.exchange(
                x25519.X25519PublicKey.from_public_bytes(sent))
        except ValueError:
            return None                 # it is all zero
        return combine(shared, agreed, sent, raw_public(self.xdh.public_key()))


def combine(shared, agreed, sent, public):
    """X-Wing's combiner, which LAMPS' composite has, too."""
    return hashlib.sha3_256(shared + agreed + sent + public
                            + bytes.fromhex("5c2e2f2f5e5c")).digest()


def pkeyutl(way, key, data=None):
    """openssl pkeyutl -decap or -encap with a key in DER: the secret, and with
    -encap the ciphertext, too."""
    with tempfile.TemporaryDirectory() as scratch:
        at = functools.partial(os.path.join, scratch)
        write(at("key"), key)
        words = ["pkeyutl", way, "-keyform", "DER", "-inkey", at("key"),
                 "-secret", at("secret")]
        if data is None:
            words += ["-pubin", "-out", at("sent")]
        else:
            write(at("data"), data)
            words += ["-in", at("data")]
        if openssl(words) is None:
            return None
        secret = read(at("secret"))
        return secret if data is not None else (secret, read(at("sent")))


def parse_one(data):
    reader = Fields(data)
    value = reader.any()
    reader.end()
    return value


def pem_body(data):
    match = re.search(rb"-----BEGIN [A-Z ]+-----(.*?)-----END", data, re.S)
    return base64.b64decode(match[1]) if match else data


def load_kem_private(data):
    """A KemKey from a PrivateKeyInfo of one of its algorithms, or None."""
    der = pem_body(data)
    try:
        fields = parse_one(der).fields()
        fields.take(INTEGER)
        kind = KEMS.get(parse_algorithm(fields.take(SEQUENCE))[0])
        raw = fields.take(OCTET_STRING).body
    except Malformed:
        return None
    if kind != HYBRID:
        return KemKey(kind, der) if kind else None
    mlkem = tlv(SEQUENCE, der_integer(0), der_algorithm(next(
        oid for oid, name in KEMS.items() if name == "ML-KEM-768")),
        tlv(OCTET_STRING, tlv(context(0, False), raw[:64])))
    return KemKey(HYBRID, mlkem,
                  x25519.X25519PrivateKey.from_private_bytes(raw[64:]))


def load_kem_public(data):
    """Kind and raw bytes of a SubjectPublicKeyInfo, or None."""
    try:
        fields = parse_one(pem_body(data)).fields()
        kind = KEMS.get(parse_algorithm(fields.take(SEQUENCE))[0])
        raw = fields.take(BIT_STRING).body[1:]
    except Malformed:
        return None
    return (kind, raw) if kind else None


def load_identity(path):
    data = read(path)
    certificate = None
    if kem := load_kem_private(data):
        return Identity(kem, kem.kind,
                        {hashlib.sha256(kem.spki()).digest()[:20]})
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError):
        try:
            key = serialization.load_der_private_key(data, None)
        except (ValueError, TypeError):
            try:
                key, certificate, _ = pkcs12.load_key_and_certificates(
                    data, None)
            except (ValueError, TypeError):
                raise Usage(f"{path}: no private key") from None
    if key is None:
        raise Usage(f"{path}: no private key")
    public = key.public_key()
    ids = {public_key_id(public)}
    if certificate:
        ids.add(certificate_id(certificate))
    return Identity(key, key_kind(public), ids)


def load_recipient(path):
    """A public key or certificate: the key, and its identifier."""
    data = read(path)
    try:
        certificate = x509.load_pem_x509_certificate(data)
        return certificate.public_key(), certificate_id(certificate)
    except ValueError:
        pass
    if kem := load_kem_public(data):
        return kem, hashlib.sha256(pem_body(data)).digest()[:20]
    try:
        public = serialization.load_pem_public_key(data)
    except ValueError:
        raise Usage(f"{path}: no public key or certificate") from None
    return public, public_key_id(public)


def load_kek(text):
    try:
        kek = bytes.fromhex(text)
    except ValueError:
        kek = b""
    if len(kek) != 32:
        raise Usage("a key-encryption key is 64 hexadecimal digits")
    return kek


def load_passphrase(path):
    """The bytes of a file without one line end, LF or CR LF."""
    return re.sub(rb"\r?\n\Z", b"", read(path))


def load_certificate_for(public, key_id):
    """A throw-away certificate: the stock tool takes no bare public key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "envelope")])
    now = datetime.utcnow()
    return x509.CertificateBuilder(
        name, name, public, x509.random_serial_number(),
        now - timedelta(days=1), now + timedelta(days=1)
    ).add_extension(
        x509.SubjectKeyIdentifier(key_id), critical=False
    ).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
           ).public_bytes(serialization.Encoding.PEM)


# --- FORMAT 11: signatures ------------------------------------------------

@dataclass
class Signature:
    signer: bytes
    algorithm: bytes    # in DER
    value: bytes


def parse_signatures(data):
    """A list of Signature, refused unless it is in its only form."""
    if not data:
        return []
    try:
        whole = parse_one(data)
        check_nesting(whole, "SIGNATURES")
        if whole.tag != SEQUENCE:
            raise Malformed("no SEQUENCE")
        fields, found = whole.fields(), []
        while fields.more():
            one = fields.take(SEQUENCE).fields()
            signer = one.take(OCTET_STRING).body
            algorithm = one.take(SEQUENCE)
            value = one.take(OCTET_STRING).body
            one.end()
            inner = algorithm.fields()
            inner.take(OID).oid()
            if inner.more():
                inner.any()
            inner.end()
            if len(signer) != 20 or not value:
                raise Malformed("a signer or a value of another length")
            found.append(Signature(signer, algorithm.raw, value))
    except Malformed as error:
        raise Refuse("SIGNATURES", f"not the DER expected: {error}") from None
    if not 1 <= len(found) <= MAX_SIGNERS:
        raise Refuse("SIGNATURES", f"{len(found)} signatures")
    return found


def der_signatures(signatures):
    return tlv(SEQUENCE, *(
        tlv(SEQUENCE, tlv(OCTET_STRING, one.signer), one.algorithm,
            tlv(OCTET_STRING, one.value)) for one in signatures))


def signed_message(header, payload):
    return b"envelope v1 signature\0" + header + payload[:56]


SHA256_ID = bytes.fromhex("300d06096086480165030402010500")
ECDSA = {"secp256r1": (hashes.SHA256, 2), "secp384r1": (hashes.SHA384, 3),
         "secp521r1": (hashes.SHA512, 4)}
SIGNATURE_OIDS = {"Ed25519": "1.3.101.112", "Ed448": "1.3.101.113",
                  "RSA": "1.2.840.113549.1.1.10",
                  "MGF1": "1.2.840.113549.1.1.8"}


def pss_algorithm(salt):
    return tlv(SEQUENCE, der_oid(SIGNATURE_OIDS["RSA"]), tlv(
        SEQUENCE, tlv(context(0), SHA256_ID),
        tlv(context(1), tlv(SEQUENCE, der_oid(SIGNATURE_OIDS["MGF1"]),
                            SHA256_ID)),
        tlv(context(2), der_integer(salt))))


def signature_algorithms(key):
    """The AlgorithmIdentifiers for a key, public or private, each with the
    arguments that sign and verify take."""
    if isinstance(key, (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey)):
        return {tlv(SEQUENCE, der_oid(SIGNATURE_OIDS["Ed25519"])): ()}
    if isinstance(key, (ed448.Ed448PublicKey, ed448.Ed448PrivateKey)):
        return {tlv(SEQUENCE, der_oid(SIGNATURE_OIDS["Ed448"])): ()}
    if isinstance(key, (rsa.RSAPublicKey, rsa.RSAPrivateKey)):
        longest = -(-(key.key_size - 1) // 8) - 34
        return {pss_algorithm(salt): (
            padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
                for salt in (32, longest)}
    if getattr(getattr(key, "curve", None), "name", None) in ECDSA:
        digest, last = ECDSA[key.curve.name]
        return {tlv(SEQUENCE, der_oid(f"1.2.840.10045.4.3.{last}")): (
            ec.ECDSA(digest()),)}
    return {}


def sign(header, payload, private, algorithm=None):
    """A Signature of the bytes that bind a payload."""
    algorithms = signature_algorithms(private)
    algorithm = algorithm or next(iter(algorithms))
    value = private.sign(signed_message(header, payload),
                         *algorithms[algorithm])
    return Signature(public_key_id(private.public_key()), algorithm, value)


def check_signed(signatures, message, trusted):
    """Refuses a message that none of the trusted public keys has signed."""
    if not signatures:
        raise Refuse("UNSIGNED", "there is no signature")
    wrong = False
    for one in signatures:
        for key in trusted:
            arguments = signature_algorithms(key).get(one.algorithm)
            if public_key_id(key) != one.signer or arguments is None:
                continue
            try:
                key.verify(one.value, message, *arguments)
                return
            except InvalidSignature:
                wrong = True
    if wrong:
        raise Refuse("BAD_SIGNATURE", "a trusted key's signature is wrong")
    raise Refuse("OTHER_SIGNER", "none of the trusted keys has signed")


# --- opening the key envelope ---------------------------------------------

MAX_SCRYPT_MEMORY, MAX_SCRYPT_WORK = 1 << 30, 1 << 24
MAX_SCRYPT_RP = 64


def openssl(arguments, data=b""):
    """The stock command: what it prints, or None where it fails."""
    done = subprocess.run(["openssl", *arguments], input=data,
                          capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def stock_open(envelope, candidates, arguments):
    """Has `openssl cms -decrypt` print the DEK.

    It gets the key envelope as it was cut out, if it would try the candidates
    alone, then each candidate alone: what is passed over is never tried, and
    a candidate with another CEK does not hide those after it.
    """
    of_type = {r.raw for r in envelope.each() if r.type == candidates[0].type}
    infos = list(dict.fromkeys(r.raw for r in candidates))
    attempts = [envelope.with_infos([info]) for info in infos]
    if of_type == set(infos):
        attempts = [envelope.raw] + (attempts if len(infos) > 1 else [])
    for attempt in attempts:
        dek = openssl(["cms", "-decrypt", "-inform", "DER", *arguments],
                      attempt)
        if dek is not None and len(dek) == 32:
            return dek
    return None


def own_open(envelope, recipient, kek):
    """Unwraps the CEK and decrypts the content with it."""
    try:
        cek = aes_key_unwrap(kek, recipient.wrapped)
        if len(cek) != 32:
            return None
        opener = Cipher(algorithms.AES(cek), modes.GCM(
            envelope.nonce, envelope.mac, len(envelope.mac))).decryptor()
        return opener.update(envelope.content) + opener.finalize()
    except (InvalidUnwrap, ValueError):
        return None
    except InvalidTag:
        raise Refuse("KEY_ENVELOPE", "the content does not verify") from None


def dh_kek(shared, scheme):
    """RFC 8418: HKDF without a salt, with ECC-CMS-SharedInfo (RFC 5753)."""
    info = tlv(SEQUENCE, der_algorithm(AES256_WRAP),
               tlv(context(2), tlv(OCTET_STRING, (256).to_bytes(4, "big"))))
    return HKDF(HKDF_SCHEMES[scheme](), 32, None, info).derive(shared)


def raw_public(public):
    return public.public_bytes(serialization.Encoding.Raw,
                               serialization.PublicFormat.Raw)


def scrypt_kek(passphrase, salt, n, r, p):
    return Scrypt(salt, 32, n, r, p).derive(passphrase)


def dh_open(envelope, recipient, identity):
    ephemeral = recipient.source["ephemeral"]
    cls = {"X25519": x25519.X25519PublicKey,
           "X448": x448.X448PublicKey}[recipient.kind]
    try:
        shared = identity.key.exchange(cls.from_public_bytes(ephemeral))
    except ValueError:
        return None                     # the shared secret is all zero
    if not any(shared):
        return None
    kek = dh_kek(shared, recipient.source["scheme"])
    return own_open(envelope, recipient, kek)


def kem_kek(secret, kdf):
    """RFC 9629, 5: HKDF without a salt, with CMSORIforKEMOtherInfo."""
    info = tlv(SEQUENCE, der_algorithm(AES256_WRAP), der_integer(32))
    return HKDF(KEM_KDFS[kdf](), 32, None, info).derive(secret)


def kem_open(envelope, recipient, identity):
    secret = identity.key.secret(recipient.source["ciphertext"])
    if secret is None:
        return None
    return own_open(envelope, recipient,
                    kem_kek(secret, recipient.source["kdf"]))


def of_kind(envelope, kind):
    return [r for r in envelope.each() if r.kind == kind]


def could_open(identity, recipient):
    """By kind and size: all that can be told without a private key."""
    if recipient.kind != identity.kind:
        return False
    if recipient.kind == "rsa":
        return len(recipient.wrapped) * 8 == (identity.key.key_size + 7) // 8 * 8
    if recipient.kind == "ec":
        return recipient.source["size"] == (identity.key.key_size + 7) // 8
    return True


def to_be_tried(envelope, identities):
    """Pairs of an identity and recipients: first those that it is named for,
    then for each identity those that no identity is named for."""
    each = list(envelope.each())
    named = [(i, [r for r in each if could_open(i, r) and r.id in i.ids])
             for i in identities]
    taken = {id(r) for _, recipients in named for r in recipients}
    others = [(i, [r for r in each if could_open(i, r) and id(r) not in taken])
              for i in identities]
    left = dict.fromkeys(("rsa", "ec", "dh", "kem", "others"), MAX_OPERATIONS)
    for pairs in named, others:
        for identity, recipients in pairs:
            budget = ("others" if pairs is others else
                      identity.kind if identity.kind in left else
                      "kem" if identity.kind in CIPHERTEXT_SIZE else "dh")
            recipients = recipients[:left[budget]]
            left[budget] -= len(recipients)
            if recipients:
                yield identity, recipients


def open_key_envelope(envelope, identities, keks, passphrases):
    """FORMAT 5: the data key, or the reason why it cannot be had."""
    tried = set()
    for identity, candidates in to_be_tried(envelope, identities):
        tried.add("private key")
        if identity.kind in ("rsa", "ec"):
            with tempfile.TemporaryDirectory() as scratch:
                path = os.path.join(scratch, "private.pem")
                write(path, identity.pem())
                dek = stock_open(envelope, candidates, ["-inkey", path])
            if dek:
                return dek
        else:
            how = kem_open if identity.kind in CIPHERTEXT_SIZE else dh_open
            for recipient in candidates:
                if dek := how(envelope, recipient, identity):
                    return dek
    for kek in keks:
        candidates = of_kind(envelope, "kek")
        if candidates:
            tried.add("kek")
            dek = stock_open(envelope, candidates, ["-secretkey", kek.hex()])
            if dek:
                return dek
            for recipient in candidates:
                own_open(envelope, recipient, kek)  # says why, if it can
    work, too_much = MAX_SCRYPT_WORK, False
    for passphrase in passphrases:
        for recipient in of_kind(envelope, "scrypt"):
            n, r, p = (recipient.source[name] for name in "nrp")
            if (128 * n * r > MAX_SCRYPT_MEMORY or n * r * p > work
                    or max(r, p) > MAX_SCRYPT_RP):
                too_much = True
                continue
            work -= n * r * p
            tried.add("passphrase")
            try:
                kek = scrypt_kek(passphrase, **recipient.source)
            except ValueError:
                continue                # parameters that RFC 7914 forbids
            if dek := own_open(envelope, recipient, kek):
                return dek
    if too_much:
        raise Refuse("WORK_FACTOR", "a passphrase recipient costs too much")
    if tried and "private key" not in tried:
        raise Refuse("WRONG_KEY", "tried and failed: " +
                     ", ".join(sorted(tried)))
    raise Refuse("NO_MATCH", "nothing at hand opens any recipient")


# --- FORMAT 6: the payload ------------------------------------------------

CHUNK, TAG, SALT, COMMITMENT = 16384, 16, 24, 32
SEALED = CHUNK + TAG
MAX_CHUNKS = 1 << 38


def cobblestone(dek, salt, context_bytes):
    """Key, base nonce and commitment of one message."""
    info = (b"c2sp.org/chunked-encryption@v1+" b"AEAD_AES_256_GCM" b"\0"
            + salt + context_bytes)
    okm = HKDFExpand(hashes.SHA512(), 32 + 12 + COMMITMENT, info).derive(dek)
    return AESGCM(okm[:32]), okm[32:44], okm[44:]


def chunk_nonce(base, number):
    return (int.from_bytes(base, "big") ^ number).to_bytes(12, "big")


def seal_payload(dek, context_bytes, plaintext):
    salt = secrets.token_bytes(SALT)
    aead, base, commitment = cobblestone(dek, salt, context_bytes)
    parts = [salt, commitment]
    for number in range(len(plaintext) // CHUNK + 1):
        chunk = plaintext[number * CHUNK:(number + 1) * CHUNK]
        parts.append(aead.encrypt(chunk_nonce(base, number), chunk, None))
    return b"".join(parts)


def verifies(aead, nonce, chunk):
    try:
        aead.decrypt(nonce, chunk, None)
        return True
    except InvalidTag:
        return False


def open_payload(dek, context_bytes, payload):
    if len(payload) < SALT + COMMITMENT:
        raise Refuse("TRUNCATED", "ends inside the salt or the commitment")
    aead, base, commitment = cobblestone(dek, payload[:SALT], context_bytes)
    body = payload[SALT + COMMITMENT:]
    if not hmac.compare_digest(
            payload[SALT:SALT + COMMITMENT], commitment):
        raise Refuse("COMMITMENT", "the commitment is not the derived one")
    plaintext, number, last = [], 0, False
    while not last:
        chunk = body[number * SEALED:(number + 1) * SEALED]
        last = len(chunk) < SEALED
        if len(chunk) < TAG:
            raise Refuse("TRUNCATED", f"ends before last chunk {number}")
        if number == MAX_CHUNKS:
            raise Refuse("TOO_LONG", "more than 2^38 chunks")
        nonce = chunk_nonce(base, number)
        try:
            plaintext.append(aead.decrypt(nonce, chunk, None))
        except InvalidTag:
            for length in range(TAG, len(chunk)):
                if verifies(aead, nonce, chunk[:length]):
                    raise Refuse("TRAILING_DATA", "bytes after the end"
                                 ) from None
            raise Refuse("LAST_CHUNK" if last else "CHUNK",
                         f"chunk {number} does not verify") from None
        number += 1
    return b"".join(plaintext)


# --- making a key envelope ------------------------------------------------

def der_algorithm(oid, *parameters):
    return tlv(SEQUENCE, der_oid(oid), *parameters)


def der_kekri(key_id, kek, cek, source=b""):
    other = tlv(SEQUENCE, der_oid(KEK_SOURCE), source) if source else b""
    return tlv(context(2), der_integer(4),
               tlv(SEQUENCE, tlv(OCTET_STRING, key_id), other),
               der_algorithm(AES256_WRAP),
               tlv(OCTET_STRING, aes_key_wrap(kek, cek)))


def der_dh(key_id, kind, ephemeral, wrapped, scheme=None, ukm=b"",
           wrap=der_algorithm(AES256_WRAP)):
    algorithm = {kind: oid for oid, kind in XDH_KEYS.items()}[kind]
    originator = tlv(context(1), der_algorithm(algorithm),
                     tlv(BIT_STRING, b"\0", ephemeral))
    key = tlv(SEQUENCE, tlv(context(0), tlv(OCTET_STRING, key_id)),
              tlv(OCTET_STRING, wrapped))
    return tlv(context(1), der_integer(3), tlv(context(0), originator),
               tlv(context(1), tlv(OCTET_STRING, ukm)) if ukm else b"",
               der_algorithm(scheme or XDH_SCHEMES[kind], wrap),
               tlv(SEQUENCE, key))


def dh_info(public, key_id, kind, cek, scheme=None, **fields):
    cls = {"X25519": x25519.X25519PrivateKey,
           "X448": x448.X448PrivateKey}[kind]
    key = cls.generate()
    kek = dh_kek(key.exchange(public), scheme or XDH_SCHEMES[kind])
    return der_dh(key_id, kind, raw_public(key.public_key()),
                  aes_key_wrap(kek, cek), scheme, **fields)


def der_kem(key_id, kind, ciphertext, wrapped, kdf=KEM_KDF, ukm=b"",
            kdf_parameters=b"", wrap=der_algorithm(AES256_WRAP), oid=None):
    oid = oid or {kind: oid for oid, kind in KEMS.items()}[kind]
    return tlv(context(4), der_oid(ORI_KEM), tlv(
        SEQUENCE, der_integer(0), tlv(context(0, False), key_id),
        der_algorithm(oid), tlv(OCTET_STRING, ciphertext),
        der_algorithm(kdf, kdf_parameters), der_integer(32),
        tlv(context(0), tlv(OCTET_STRING, ukm)) if ukm else b"", wrap,
        tlv(OCTET_STRING, wrapped)))


def kem_info(public, key_id, kind, cek, kdf=KEM_KDF, change=None, **fields):
    _, raw = public
    split = 1184 if kind == HYBRID else len(raw)
    oid = next(oid for oid, name in KEMS.items()
               if name == ("ML-KEM-768" if kind == HYBRID else kind))
    secret, sent = pkeyutl("-encap", tlv(
        SEQUENCE, der_algorithm(oid), tlv(BIT_STRING, b"\0", raw[:split])))
    if kind == HYBRID:
        own = x25519.X25519PrivateKey.generate()
        ephemeral = raw_public(own.public_key())
        agreed = own.exchange(
            x25519.X25519PublicKey.from_public_bytes(raw[split:]))
        secret = combine(secret, agreed, ephemeral, raw[split:])
        sent += ephemeral
    wrapped = aes_key_wrap(kem_kek(secret, kdf), cek)
    return der_kem(key_id, kind, change(sent) if change else sent, wrapped,
                   kdf, **fields)


def scrypt_info(passphrase, log_n, cek):
    salt = secrets.token_bytes(32)
    n, r, p = 1 << log_n, 8, 1
    source = tlv(SEQUENCE, der_utf8("scrypt"), tlv(OCTET_STRING, salt),
                 der_integer(n), der_integer(r), der_integer(p))
    return der_kekri(salt[:20], scrypt_kek(passphrase, salt, n, r, p), cek,
                     source)


def own_envelope(dek, cek):
    """All of a key envelope but its recipients, with a CEK of ours."""
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(cek).encrypt(nonce, dek, None)
    parameters = tlv(SEQUENCE, tlv(OCTET_STRING, nonce), der_integer(16))
    after = (tlv(SEQUENCE, der_oid(ID_DATA),
                 der_algorithm(AES256_GCM, parameters),
                 tlv(context(0, False), sealed[:32]))
             + tlv(OCTET_STRING, sealed[32:]))
    return der_integer(0), after


STOCK_OPTIONS = {
    "rsa": ["-keyopt", "rsa_padding_mode:oaep",
            "-keyopt", "rsa_oaep_md:sha256", "-keyopt", "rsa_mgf1_md:sha256"],
    "ec": ["-keyopt", "ecdh_kdf_md:sha256"]}


def stock_envelope(dek, recipients, kek):
    """A key envelope by `openssl cms -encrypt`: RSA, EC, and one KEK."""
    command = ["cms", "-encrypt", "-aes-256-gcm", "-binary",
               "-outform", "DER", "-keyid",
               "-secretkey", kek.hex(), "-secretkeyid", kek_id(kek).hex()]
    with tempfile.TemporaryDirectory() as scratch:
        for number, (public, key_id, kind) in enumerate(recipients):
            path = os.path.join(scratch, f"{number}.pem")
            write(path, load_certificate_for(public, key_id))
            command += ["-recip", path, *STOCK_OPTIONS[kind]]
        made = openssl(command, dek)
    if made is None:
        raise Usage("openssl cms -encrypt failed")
    return made


def make_key_envelope(dek, publics, keks, passphrases, log_n):
    """A key envelope for all these recipients.

    The stock tool makes the RSA and EC ones, and a KEK recipient, out of
    which comes the CEK for ours; where the caller wants no KEK it is one that
    is thrown away and its RecipientInfo taken out again.
    """
    recipients = []
    for public, key_id in publics:
        kind = key_kind(public)
        if kind is None:
            raise Usage("a public key of a kind that makes no recipient")
        recipients.append((public, key_id, kind))
    stock = [r for r in recipients if r[2] in STOCK_OPTIONS]
    own = [r for r in recipients if r[2] not in STOCK_OPTIONS]
    infos, ours = [], keks
    if stock or keks:
        bridge = keks[0] if keks else secrets.token_bytes(32)
        made = stock_envelope(dek, stock, bridge)
        if len(keks) == 1 and not own and not passphrases:
            return made
        envelope = parse_content_info(made)
        kekri = [r for r in envelope.each() if r.kind == "kek"]
        cek = aes_key_unwrap(bridge, kekri[0].wrapped)
        infos = [r.raw for r in envelope.each() if keks or r.kind != "kek"]
        before, after, ours = envelope.before, envelope.after, keks[1:]
    else:
        cek = secrets.token_bytes(32)
        before, after = own_envelope(dek, cek)
    infos += [der_kekri(kek_id(kek), kek, cek) for kek in ours]
    infos += [(kem_info if recipient[2] in CIPHERTEXT_SIZE else dh_info)(
        *recipient, cek) for recipient in own]
    infos += [scrypt_info(word, log_n, cek) for word in passphrases]
    if not 1 <= len(infos) <= MAX_RECIPIENTS:
        raise Usage("1 to 1,024 recipients, please")
    return der_key_envelope(before, infos, after)


# --- commands -------------------------------------------------------------

def read(path):
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    if path == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with open(path, "wb") as file:
        file.write(data)


def decode(options):
    identities = [load_identity(path) for path in options.identity]
    keks = [load_kek(text) for text in options.kek]
    passphrases = [load_passphrase(path) for path in options.passphrase_file]
    trusted = [load_recipient(path)[0] for path in options.signed_by]
    header, payload = parse_header(read(options.IN))
    if trusted:
        if len(payload) < 56:
            raise Refuse("TRUNCATED", "the stream ends before chunk 0")
        check_signed(header.signatures,
                     signed_message(header.context(), payload), trusted)
    envelope = parse_key_envelope(header.key_envelope)
    dek = open_key_envelope(envelope, identities, keks, passphrases)
    write(options.OUT, open_payload(dek, header.context(), payload))


def encode(options):
    publics = [load_recipient(path) for path in options.recipient]
    keks = [load_kek(text) for text in options.kek]
    passphrases = [load_passphrase(path) for path in options.passphrase_file]
    if not 14 <= options.log_n <= 20:
        raise Usage("--log-n is 14 to 20")
    labels = make_labels(options.labels)
    dek = secrets.token_bytes(32)
    envelope = make_key_envelope(dek, publics, keks, passphrases,
                                 options.log_n)
    context_bytes = MAGIC + bytes([VERSION, SCHEME, 0, 0]) + labels
    payload = seal_payload(dek, context_bytes, read(options.IN))
    signatures = [sign(context_bytes, payload, load_identity(path).key)
                  for path in options.sign]
    signed = der_signatures(signatures) if signatures else b""
    length = (PRELUDE + len(labels) + len(signed) + len(envelope)
              + options.reserve)
    if options.reserve < 0 or length > MAX_HEADER:
        raise Usage("--reserve: the header would be too large")
    if len(envelope) > MAX_KEY_ENVELOPE:
        raise Usage("too many recipients: the key envelope is too large")
    prelude = context_bytes[:12] + b"".join(
        number.to_bytes(4, "big") for number in (
            len(labels), len(envelope), length, len(signed), 0))
    write(options.OUT, prelude + labels + signed + envelope
          + bytes(options.reserve) + payload)


def check_receipt(options):
    """The signature of a receipt, which is in a file beside it."""
    trusted = [load_recipient(path)[0] for path in options.signed_by]
    check_signed(parse_signatures(read(options.IN + ".sig")),
                 b"envelope v1 receipt\0" + read(options.IN), trusted)


def show_header(options):
    header, _ = parse_header(read(options.IN))
    envelope = parse_key_envelope(header.key_envelope)
    print(json.dumps({
        "version": header.prelude[8],
        "scheme": header.prelude[9],
        "labels": parse_labels(header.labels),
        "signers": [one.signer.hex() for one in header.signatures],
        "key_envelope_length": len(header.key_envelope),
        "header_length": header.length,
        "recipients": [{"type": r.type, "id": r.id.hex(), "kind": r.kind}
                       for r in envelope.each()],
    }, indent=2))


def extract_key_envelope(options):
    header, _ = parse_header(read(options.IN))
    parse_key_envelope(header.key_envelope)
    write(options.OUT, header.key_envelope)


def command_line():
    parser = argparse.ArgumentParser(description="Reads and writes envelopes.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, *names, out=True):
        sub = commands.add_parser(name)
        sub.set_defaults(run=run)
        for option in names:
            sub.add_argument(option, action="append", default=[])
        sub.add_argument("IN")
        if out:
            sub.add_argument("OUT")
        return sub

    command("decode", decode, "--identity", "--kek", "--passphrase-file",
            "--signed-by")
    sub = command("encode", encode, "--recipient", "--kek",
                  "--passphrase-file", "--labels", "--sign")
    sub.add_argument("--reserve", type=int, default=0)
    sub.add_argument("--log-n", type=int, default=14)
    command("header", show_header, out=False)
    command("receipt", check_receipt, "--signed-by", out=False)
    command("extract-key-envelope", extract_key_envelope)
    return parser


def main():
    options = command_line().parse_args()
    try:
        options.run(options)
    except Refuse as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except (Usage, OSError) as error:
        print(f"envelope.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
