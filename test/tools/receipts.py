#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Receipts, by the second implementation of the format and hashlib.

    receipts.py check RECEIPT FILE PLAIN ID...   every field of a receipt
    receipts.py flips RECEIPT FILE COMMAND...    each flipped bit is found
    receipts.py cuts RECEIPT FILE COMMAND...     each lost or added byte is found
    receipts.py bad RECEIPT FILE COMMAND...      what is no receipt is refused

ID is an identifier of a recipient.  COMMAND is envelope verify and its options,
to which --receipt and the file are added.
"""
import datetime
import hashlib
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "interop"))
import carrier  # noqa: E402

FIELDS = ["format", "receipt_version", "writer", "file", "started", "ended",
          "carrier", "scheme_name", "version", "scheme", "file_size",
          "plaintext_size", "payload_size", "header_size", "kept_size", "id",
          "file_sha256", "header_sha256", "payload_sha256", "kept_sha256",
          "labels", "signers", "post_quantum", "recipients"]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def same(name, found, wanted):
    if found != wanted:
        sys.exit(f"{name} is {found!r}, not {wanted!r}")


def parts(stream):
    """The prelude, the labels, the length of the header, and the payload."""
    labels, length = (int.from_bytes(stream[at:at + 4], "big")
                      for at in (12, 20))
    return stream[:32], stream[32:32 + labels], length, stream[length:]


def check(path, file, plain, *ids):
    line = read(path)
    same("the number of lines", line.count(b"\n"), 1)
    same("the end", line[-2:], b"}\n")
    receipt = json.loads(line)
    same("the order", list(receipt), FIELDS)
    data, size = read(file), os.path.getsize(plain)
    stream = carrier.join(data)
    prelude, labels, length, payload = parts(stream)
    kept = prelude[:12] + labels + payload
    now = datetime.datetime.now(datetime.timezone.utc)
    begin, end = (datetime.datetime.strptime(
        receipt[name], "%Y-%m-%dT%H:%M:%SZ").replace(
            tzinfo=datetime.timezone.utc) for name in ("started", "ended"))
    if not begin <= end <= now or now - begin > datetime.timedelta(minutes=10):
        sys.exit(f"from {begin} to {end}, and now it is {now}")
    same("ids", [one["id"] for one in receipt["recipients"]], list(ids))
    for name, wanted in {
            "format": "envelope receipt", "receipt_version": 1, "file": file,
            "carrier": carrier.recognise(data), "version": prelude[8],
            "scheme": prelude[9], "file_size": len(data),
            "plaintext_size": size,
            "payload_size": 56 + size + 16 * (size // 16384 + 1),
            "header_size": length, "kept_size": len(kept),
            "id": payload[:56].hex(), "file_sha256": sha256(data),
            "header_sha256": sha256(stream[:length]),
            "payload_sha256": sha256(payload), "kept_sha256": sha256(kept),
            "labels": dict(line.split("=", 1) for line in
                           labels.decode().splitlines())}.items():
        same(name, receipt[name], wanted)
    return 0


def run(command, receipt, data):
    """The exit status, and what was said."""
    done = subprocess.run([*command, "--receipt", receipt], input=data,
                          capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def places(data):
    """Where bits are flipped: frames, the header, and of each chunk."""
    stream = carrier.join(data)
    prelude, labels, _, payload = parts(stream)
    at = data.index(payload[:56])  # in one piece
    found = set(range(32)) | set(range(at, at + 56))
    begin = data.index(prelude)
    found |= set(range(begin, begin + 32 + len(labels)))
    found |= set(range(begin + 32, at, 23))
    frames = [] if carrier.recognise(data) == "raw" else carrier.framing(data)
    found |= {n for n in frames if data[n]} | set(frames[::97])
    for chunk in range(56, len(payload), 16400):
        for n in (chunk, chunk + 9000, chunk + 16383, chunk + 16390):
            if n < len(payload):
                found.add(data.index(payload[n - 8:n + 8]) + 8)
    return sorted(found | {len(data) - 1})


def is_neutral(bad, stream):
    """Is it the same stream still?  A tar's digits may be spaces."""
    try:
        return carrier.join(bad) == stream
    except carrier.Refuse:
        return False


def flips(path, file, *command):
    data, told, neutral = read(file), 0, 0
    stream = carrier.join(data)
    for at in places(data):
        bad = bytearray(data)
        bad[at] ^= 1 << at % 8
        status, out, err = run(command, path, bytes(bad))
        if status in (4, 5) and err.startswith("envelope: standard input: "):
            continue
        if status == 0 and "header rewrapped or replaced" in out:
            told += 1
        elif status == 0 and is_neutral(bytes(bad), stream):
            neutral += 1
        else:
            sys.exit(f"byte {at} of {file}: {status}, {out}{err}")
    found = carrier.recognise(data) == "xbstream"  # by a CRC
    if not (told == 0 if found else 5 < told < 100) or neutral > 20:
        sys.exit(f"{told} flipped bits were of the key envelope, {neutral} of "
                 f"nothing")
    return 0


def cuts(path, file, *command):
    data = read(file)
    raw = carrier.recognise(data) == "raw"
    for size in {0, 1, 7, 8, 31, 32, 500, 2000, len(data) // 2,
                 len(data) - 16400, len(data) - 16, len(data) - 1}:
        status, _, err = run(command, path, data[:size])
        if status == 0 and is_neutral(data[:size], carrier.join(data)):
            continue  # of a tar's last zeros
        if status != 5 and not (size < 1000 and status == 4):
            sys.exit(f"{size} bytes of {file}: {status} {err}")
        if raw and size > len(data) // 3 and "shorter" not in err:
            sys.exit(f"{size} bytes of {file}: {err}")
    for more in (b"\1", bytes(16) + b"\1", data):
        status, _, err = run(command, path, data + more)
        if status != 5 or raw and "longer" not in err:
            sys.exit(f"{len(more)} bytes more: {status} {err}")
    return 0


def mistakes(line):
    """Lines that are no receipts."""
    receipt = json.loads(line)
    yield from (b"", b"\n", b"{", b"{}\n", b"[]\n", b"null\n", b"\0" * 100)
    yield from (line[:n] for n in range(0, len(line), 7))
    yield from (line[:-1], line + b"\n", line + line, line + b"\0",
                b" " + line, line.replace(b":", b": "), line[:-1] + b"\r\n",
                line.replace(b"}\n", b',"more":1}\n'))
    for name in FIELDS:
        yield (json.dumps({key: receipt[key] for key in FIELDS if key != name},
                          separators=(",", ":")) + "\n").encode()
        for value in (-1, 1.5, "x", None, [], {}, 1 << 64, "é" * 40, True):
            if value == receipt[name] or type(value) is type(
                    receipt[name]) and name in (
                    "writer", "file", "scheme_name", "post_quantum", "labels",
                    "recipients"):
                continue
            yield (json.dumps(receipt | {name: value}, separators=(",", ":"),
                              ensure_ascii=False) + "\n").encode()
    for old, new in ((b'"carrier":"raw"', b'"carrier":"tar"'),
                     (b'"carrier":"raw"', b'"carrier":"raw'),
                     (b'"labels":{', b'"labels":{"a":{},'),
                     (b'"labels":{', b'"labels":{,'),
                     (b'"recipients":[', b'"recipients":[,'),
                     (b'"recipients":[', b'"recipients":[[],'),
                     (b'"writer":"', b'"writer":"\\n'),
                     (b'"writer":"', b'"writer":"\\u00A0'),
                     (b'"writer":"', b'"writer":"\\u12'),
                     (b'"writer":"', b'"writer":"\0'),
                     (b'"writer":"', b'"writer":"\n'),
                     (b'"writer":"', b'"writer":"\xff'),
                     (b'"writer":"', b'"writer":"\xc2\x9b'),
                     (b'"version":1', b'"version":01'),
                     (b'"plaintext_size":', b'"plaintext_size":1'),
                     (b'"header_size":', b'"header_size":9'),
                     (b'"kept_size":', b'"kept_size":9'),
                     (b'"file_size":', b'"file_size":9'),
                     (b'"payload_size":', b'"payload_size":9'),
                     (b'T', b' '), (b'"labels":{', b'"labels":' + b"{" * 9999),
                     (b'"recipients":[', b'"recipients":' + b"[" * 99999)):
        bad = line.replace(old, new, 1)
        if bad == line:
            sys.exit(f"{old!r} is not there")
        yield bad
    yield line.replace(b'"writer":"', b'"writer":"' + b"x" * 8388608, 1)


def bad(path, file, *command):
    line, data = read(path), read(file)
    status, out, err = run(command, path, data)
    same("the first status", status, 0)
    for mistake in mistakes(line):
        with open("mistake", "wb") as receipt:
            receipt.write(mistake)
        status, out, err = run(command, "mistake", data)
        if status != 1 or out or not err.startswith("envelope: mistake: "):
            sys.exit(f"{mistake[:2000]!r}: {status} {out}{err}")
    return 0


sys.exit({"check": check, "flips": flips, "cuts": cuts,
          "bad": bad}[sys.argv[1]](*sys.argv[2:]))
