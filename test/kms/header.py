#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Looks into the key service recipients of an envelope, opens it with the key
# that a service gave, and makes envelopes and headers that nobody else would.
# Of FORMAT it knows the kms source alone; the rest is test/interop/envelope.py.
#
#   header.py list FILE           JSON: service, key, context, blob, labels
#   header.py cut FILE OUT        the first recipient's blob, as it stands there
#   header.py open FILE OUT KEK   with the key of the first recipient, in hex
#   header.py make IN OUT KEK BLOB SERVICE KEY [LABEL...]
#   header.py cut-rsa, open-rsa, make-rsa IN OUT KEK BLOB MODEL
#                                 the same of an RSA recipient, whose service
#                                 gives the content-encryption key; made as that
#                                 of the file MODEL is
#   header.py alter FILE OUT [--service S] [--key K ...] [--context C]
#       [--blob FILE] [--copies N] [--labels]
#                                 the first recipient with another source, N
#                                 times for each K; --labels turns one bit of
#                                 the labels over
#   header.py kms FILE OUT SERVICE KEY   a recipient that nobody opens, alone
#   header.py keys FILE OUT COUNT [--same] [--good]
#                                 so many of the first RSA recipient, for other
#                                 keys; --same: for this one, and they do not
#                                 open; --good: and that recipient

import argparse
import json
import os
import sys
from dataclasses import dataclass, replace
from hashlib import sha256

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, "interop"))
# pylint: disable=wrong-import-position
import envelope as env  # noqa: E402
from envelope import (KEK_SOURCE, OCTET_STRING, OID, SEQUENCE, UTF8_STRING,
                      Fields, der_oid, der_utf8, tlv)  # noqa: E402


@dataclass
class Source:
    """KEKSource kms: what tells a service how to give the KEK again."""
    service: str
    key: str
    context: str
    blob: bytes

    def der(self):
        return tlv(SEQUENCE, der_utf8("kms"), der_utf8(self.service),
                   der_utf8(self.key), der_utf8(self.context),
                   tlv(OCTET_STRING, self.blob))

    def identifier(self):
        return sha256(self.der()).digest()[:20]


def parse_source(raw):
    """The Source of a RecipientInfo, or None."""
    fields = Fields(raw).take(env.context(2)).fields()
    fields.take(env.INTEGER)
    kekid = fields.take(SEQUENCE).fields()
    kekid.take(OCTET_STRING)
    if not kekid.more():
        return None
    other = kekid.take(SEQUENCE).fields()
    if other.take(OID).oid() != KEK_SOURCE:
        return None
    source = other.take(SEQUENCE).fields()
    if source.take(UTF8_STRING).body != b"kms":
        return None
    words = [source.take(UTF8_STRING).body.decode() for _ in range(3)]
    blob = source.take(OCTET_STRING).body
    source.end()
    return Source(*words, blob)


def recipients(key_envelope):
    """The key service recipients: (Recipient, Source), in their order."""
    found = []
    for recipient in key_envelope.each():
        if recipient.type == "kekri" and (source := parse_source(
                recipient.raw)):
            found.append((recipient, source))
    return found


def kekri(source, wrapped):
    other = tlv(SEQUENCE, der_oid(KEK_SOURCE), source.der())
    return tlv(env.context(2), env.der_integer(4),
               tlv(SEQUENCE, tlv(OCTET_STRING, source.identifier()), other),
               env.der_algorithm(env.AES256_WRAP), tlv(OCTET_STRING, wrapped))


def load(path):
    header, payload = env.parse_header(env.read(path))
    return header, env.parse_key_envelope(header.key_envelope), payload


def stream(labels, key_envelope, payload):
    length = env.PRELUDE + len(labels) + len(key_envelope)
    prelude = (env.MAGIC + bytes([env.VERSION, env.SCHEME, 0, 0])
               + len(labels).to_bytes(4, "big")
               + len(key_envelope).to_bytes(4, "big")
               + length.to_bytes(4, "big") + bytes(8))
    return prelude, prelude + labels + key_envelope + payload


# --- commands -------------------------------------------------------------

def do_list(options):
    header, key_envelope, _ = load(options.file)
    print(json.dumps({
        "labels": env.parse_labels(header.labels),
        "recipients": [{"service": s.service, "key": s.key,
                        "context": s.context, "blob": s.blob.hex()}
                       for _, s in recipients(key_envelope)]}))


def do_cut(options):
    _, key_envelope, _ = load(options.file)
    env.write(options.out, recipients(key_envelope)[0][1].blob)


def do_open(options):
    header, key_envelope, payload = load(options.file)
    recipient, _ = recipients(key_envelope)[0]
    dek = env.own_open(key_envelope, recipient, bytes.fromhex(options.kek))
    if dek is None:
        raise env.Usage("this key opens nothing")
    env.write(options.out, env.open_payload(dek, header.context(), payload))


def first_rsa(key_envelope):
    return next(r for r in key_envelope.each() if r.type == "ktri")


def do_cut_rsa(options):
    _, key_envelope, _ = load(options.file)
    env.write(options.out, first_rsa(key_envelope).wrapped)


def do_open_rsa(options):
    header, key_envelope, payload = load(options.file)
    any_key = bytes(32)
    recipient = replace(first_rsa(key_envelope), wrapped=env.aes_key_wrap(
        any_key, bytes.fromhex(options.kek)))
    dek = env.own_open(key_envelope, recipient, any_key)
    env.write(options.out, env.open_payload(dek, header.context(), payload))


def do_make_rsa(options):
    model = first_rsa(load(options.model)[1])
    dek = os.urandom(32)
    before, after = env.own_envelope(dek, bytes.fromhex(options.kek))
    made = env.der_key_envelope(before, [model.raw.replace(
        model.wrapped, env.read(options.blob))], after)
    prelude, _ = stream(b"", made, b"")
    env.write(options.out, stream(b"", made, env.seal_payload(
        dek, prelude[:12], env.read(options.file)))[1])


def do_kms(options):
    header, key_envelope, payload = load(options.file)
    source = Source(options.service, options.key, "", os.urandom(60))
    env.write(options.out, stream(header.labels, key_envelope.with_infos(
        [kekri(source, bytes(40))]), payload)[1])


def do_make(options):
    labels = env.make_labels(options.labels)
    dek, cek = os.urandom(32), os.urandom(32)
    source = Source(options.service, options.key, "labels" if labels else "",
                    env.read(options.blob))
    info = kekri(source, env.aes_key_wrap(bytes.fromhex(options.kek), cek))
    before, after = env.own_envelope(dek, cek)
    made = env.der_key_envelope(before, [info], after)
    prelude, _ = stream(labels, made, b"")
    payload = env.seal_payload(dek, prelude[:12] + labels,
                               env.read(options.file))
    env.write(options.out, stream(labels, made, payload)[1])


def do_alter(options):
    header, key_envelope, payload = load(options.file)
    recipient, source = recipients(key_envelope)[0]
    for name in ("service", "context"):
        if getattr(options, name) is not None:
            source = replace(source, **{name: getattr(options, name)})
    if options.blob:
        source = replace(source, blob=env.read(options.blob))
    sources = [replace(source, key=key) for key in options.key] or [source]
    infos = []
    for number in range(options.copies):
        for one in sources:
            if options.copies > 1:      # a SET has none; and none of them opens
                one = replace(one, blob=one.blob + b"%04x" % number)
            infos.append(kekri(one, recipient.wrapped))
    labels = bytearray(header.labels)
    if options.labels:
        labels[-2] ^= 1
    env.write(options.out, stream(bytes(labels), key_envelope.with_infos(infos),
                                  payload)[1])


def do_keys(options):
    header, key_envelope, payload = load(options.file)
    first = first_rsa(key_envelope)
    old = first.wrapped if options.same else first.id
    infos = [first.raw.replace(old, os.urandom(4) + old[4:])
             for _ in range(int(options.count))]
    env.write(options.out, stream(header.labels, key_envelope.with_infos(
        infos + ([first.raw] if options.good else [])), payload)[1])


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)

    def command(name, run, *words):
        sub = commands.add_parser(name)
        sub.set_defaults(run=run)
        for word in words:
            sub.add_argument(word)
        return sub

    command("list", do_list, "file")
    command("cut", do_cut, "file", "out")
    command("open", do_open, "file", "out", "kek")
    sub = command("make", do_make, "file", "out", "kek", "blob", "service",
                  "key")
    sub.add_argument("labels", nargs="*")
    sub = command("alter", do_alter, "file", "out")
    for name in ("--service", "--context", "--blob"):
        sub.add_argument(name)
    sub.add_argument("--key", action="append", default=[])
    sub.add_argument("--copies", type=int, default=1)
    sub.add_argument("--labels", action="store_true")
    command("kms", do_kms, "file", "out", "service", "key")
    command("cut-rsa", do_cut_rsa, "file", "out")
    command("open-rsa", do_open_rsa, "file", "out", "kek")
    command("make-rsa", do_make_rsa, "file", "out", "kek", "blob", "model")
    sub = command("keys", do_keys, "file", "out", "count")
    sub.add_argument("--same", action="store_true")
    sub.add_argument("--good", action="store_true")
    options = parser.parse_args()
    try:
        options.run(options)
    except (env.Refuse, env.Usage, env.Malformed) as error:
        raise SystemExit(f"header.py: {error}") from None


if __name__ == "__main__":
    main()
