#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A second implementation of the tar and xbstream carriers, written from
# doc/format.md alone, to test the first one against. It reads strictly and
# writes whatever it is told to: good carriers, odd ones and hostile ones.
# In memory, with no library that knows tar: no product.
#
#   carrier.py join FILE > RAW           the raw stream, or why there is none
#   carrier.py split KIND [...] RAW > CARRIER
#   carrier.py canonical KIND [...] CARRIER
#                                        is it, to the byte, what split makes?
#   carrier.py sweep cut|flip CARRIER PLAIN COMMAND...
#                                        does COMMAND stand every cut, every
#                                        flipped bit?
#
# "split" makes items in the order of --order, a list with commas:
#
#   header key 0 1 ...   members, of xbstream chunks; pieces = all of 0 1 ...
#   header[A:B]          a part of it, as a chunk with its offset
#   header.E key.E payload.E
#                        xbstream: the end of the file
#   end                  tar: two zero blocks, and zeros to a whole record
#   xbcloud              xbstream: the two empty files
#   dir:NAME file:NAME=TEXT E:NAME x:KEY=VALUE;... g:KEY=VALUE;... x-size:N
#                        others, as they are named; pax headers, one of N bytes
#   zeros:N garbage:N    bytes
#
# and --set ITEM FIELD VALUE changes a field of all items of that name, or of
# "all": text with escapes, a number in a number field of an xbstream, or +N or
# -N in what is computed. Checksums follow unless they are set.

import argparse
import re
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

HEADER, KEY, PAYLOAD = "envelope/header", "envelope/key.p7m", "envelope/payload"
XBCLOUD = ("xtrabackup_tablespaces.envelope", "xtrabackup_info.envelope")

MAGIC = bytes.fromhex("89454E560D0A1A0A")
PRELUDE = 32
MAX_LABELS = 65536
MAX_SIGNATURES = 65536
MAX_HEADER_MEMBER = PRELUDE + MAX_LABELS + MAX_SIGNATURES
MAX_KEY_MEMBER = 2097152
MAX_HELD = 64 << 20             # payload that waits for header and key
MAX_ZEROS = 16 << 20            # after the end
MAX_PAX = 65536
MAX_PATH = 511
MAX_CHUNK = 67108864
RECOGNISE = 8192
PIECE = 8388608

BLOCK, RECORD = 512, 10240

# Each ustar field: name, offset, size.
TAR_FIELDS, _at = {}, 0
for _name, _size in (("name", 100), ("mode", 8), ("uid", 8), ("gid", 8),
                     ("size", 12), ("mtime", 12), ("chksum", 8), ("type", 1),
                     ("linkname", 100), ("magic", 6), ("version", 2),
                     ("uname", 32), ("gname", 32), ("devmajor", 8),
                     ("devminor", 8), ("prefix", 155), ("rest", 12)):
    TAR_FIELDS[_name] = (_at, _size)
    _at += _size
assert _at == BLOCK

XB_MAGIC = b"XBSTCK01"
XB_NUMBERS = ("flags", "pathlen", "length", "offset", "crc")


class Refuse(Exception):
    """The carrier is refused: the reason, and the member it is about."""

    def __init__(self, reason, member, text):
        super().__init__(f"{reason}: {member}: {text}")
        self.reason, self.member, self.text = reason, member, text


class Usage(Exception):
    """The caller asked for something that cannot be done."""


# --- what both kinds have in common ---------------------------------------

class Members:
    """The three parts of a raw stream as they come, in whatever order."""

    def __init__(self):
        self.parts = {HEADER: b"", KEY: b"", PAYLOAD: b""}
        self.done, self.held = set(), 0

    def check_room(self, part, name, size):
        limit = {HEADER: MAX_HEADER_MEMBER, KEY: MAX_KEY_MEMBER}.get(part)
        if limit is not None and len(self.parts[part]) + size > limit:
            raise Refuse("CARRIER", name, "too long")

    def add(self, part, name, data):
        if part in self.done:
            raise Refuse("CARRIER_MEMBER", name, "comes twice")
        if part == PAYLOAD and not {HEADER, KEY} <= self.done:
            self.held += len(data)
            if self.held > MAX_HELD:
                raise Refuse("CARRIER", name, "too much before the key")
        self.parts[part] += data

    def end(self, part, name):
        if part in self.done:
            raise Refuse("CARRIER_MEMBER", name, "ends twice")
        self.done.add(part)

    def joined(self):
        for part in (HEADER, KEY, PAYLOAD):
            if part not in self.done:
                raise Refuse("CARRIER_MEMBER", part, "missing")
        return b"".join(self.parts[p] for p in (HEADER, KEY, PAYLOAD))


def take(data, at, size, member):
    if len(data) - at < size:
        raise Refuse("CARRIER_TRUNCATED", member, f"ends in byte {len(data)}")
    return data[at:at + size]


def only_zeros(data):
    return data.count(0) == len(data)


def check_tail(data, at):
    """After the end there is padding, and not without limit."""
    if not only_zeros(data[at:]):
        raise Refuse("CARRIER", "", "data after the end")
    if len(data) - at > MAX_ZEROS:
        raise Refuse("CARRIER", "", "too many zeros after the end")


def without_dot(name):
    return name[2:] if name.startswith("./") else name


def is_ours(name):
    """A member of the tar carrier, a path of the xbstream one."""
    name = without_dot(name)
    return (name in (HEADER, KEY, PAYLOAD) or name in XBCLOUD
            or re.fullmatch(PAYLOAD + r"\.[0-9]{8}", name) is not None)


def recognise(data):
    """raw, tar, xbstream or None, from the first bytes."""
    first = data[:RECOGNISE]
    if first.startswith(MAGIC):
        return "raw"
    if first.startswith(XB_MAGIC):
        length = int.from_bytes(first[10:14], "little")
        path = first[14:14 + length].decode("latin-1")
        return "xbstream" if is_ours(path) else None
    at = 0
    while at + BLOCK <= len(first):
        try:
            header = TarHeader(first[at:at + BLOCK], at)
        except Refuse:
            return None
        passed = header.type in b"xg" or header.is_our_directory()
        if not passed:
            return "tar" if is_ours(header.name) else None
        at += BLOCK + header.size + header.padding()
    return None


def join(data):
    kind = recognise(data)
    if kind is None:
        raise Refuse("NOT_ENVELOPE", "", "neither an envelope nor a carrier")
    return {"raw": bytes, "tar": join_tar, "xbstream": join_xbstream}[kind](
        data)


# --- tar: reading ---------------------------------------------------------

class TarHeader:
    """One header block, its checksum and magic verified."""

    def __init__(self, block, at):
        def field(name):
            start, size = TAR_FIELDS[name]
            return block[start:start + size]

        self.name = field("name").partition(b"\0")[0].decode("latin-1")
        prefix = field("prefix").partition(b"\0")[0].decode("latin-1")
        shown = self.name or f"block at {at}"
        start, size = TAR_FIELDS["chksum"]
        blank = block[:start] + b" " * size + block[start + size:]
        if octal(field("chksum"), shown) != sum(blank):
            raise Refuse("CARRIER", shown, "bad header checksum")
        posix = field("magic") + field("version") == b"ustar\x0000"
        if not posix and field("magic") + field("version") != b"ustar  \0":
            raise Refuse("CARRIER", shown, "not a ustar header")
        if posix and prefix:
            self.name = prefix + "/" + self.name
        self.type = field("type")
        self.size = octal(field("size"), self.name)

    def padding(self):
        return -self.size % BLOCK

    def is_our_directory(self):
        return (self.type == b"5" and self.size == 0
                and without_dot(self.name) in ("", "envelope/"))


def octal(field, member):
    match = re.fullmatch(rb" *([0-7]+) *(\0.*)?", field, re.DOTALL)
    if match is None:
        raise Refuse("CARRIER", member, "bad number")
    return int(match[1], 8)


def check_pax(data, member):
    """Records of 'length key=value\\n' that change nothing we depend on."""
    while data:
        match = re.match(rb"([1-9][0-9]*) ([^=]+)=", data)
        length = int(match[1]) if match else 0
        if not match or length > len(data) or data[length - 1:length] != b"\n":
            raise Refuse("CARRIER", member, "malformed pax header")
        key = match[2].decode("latin-1")
        if key in ("path", "size", "linkpath") or key.startswith("GNU.sparse."):
            raise Refuse("CARRIER", member, f"pax header sets {key}")
        data = data[length:]


def join_tar(data):
    members, at, pieces = Members(), 0, 0
    while True:
        block = take(data, at, BLOCK, "")
        if only_zeros(block):
            break
        header = TarHeader(block, at)
        name, shown = without_dot(header.name), header.name
        at += BLOCK
        if header.type in b"xg":
            if header.size > MAX_PAX:
                raise Refuse("CARRIER", shown, "pax header too long")
            check_pax(take(data, at, header.size, shown), shown)
        elif header.type == b"5":
            if header.size:
                raise Refuse("CARRIER", shown, "a directory with a size")
            if not header.is_our_directory():
                raise Refuse("CARRIER_MEMBER", shown, "not ours")
        elif header.type not in b"0\0":
            raise Refuse("CARRIER", shown, f"type {header.type}")
        else:
            if name in (HEADER, KEY):
                part = name
            elif name == f"{PAYLOAD}.{pieces:08}":
                part = PAYLOAD
                pieces += 1
            else:
                raise Refuse("CARRIER_MEMBER", shown, "not expected here")
            members.check_room(part, shown, header.size)
            members.add(part, shown, take(data, at, header.size, shown))
            if part != PAYLOAD:
                members.end(part, shown)
        at += header.size
        if not only_zeros(take(data, at, header.padding(), shown)):
            raise Refuse("CARRIER", shown, "padding is not zero")
        at += header.padding()
    if not only_zeros(take(data, at, 2 * BLOCK, "")):
        raise Refuse("CARRIER", "", "one zero block alone")
    check_tail(data, at + 2 * BLOCK)
    if pieces:
        members.end(PAYLOAD, PAYLOAD)
    return members.joined()


# --- xbstream: reading ----------------------------------------------------

def join_xbstream(data):
    members, at, offsets = Members(), 0, {}

    def number(size, shown):
        nonlocal at
        value = int.from_bytes(take(data, at, size, shown), "little")
        at += size
        return value

    while at < len(data) and data[at]:
        shown = f"chunk at {at}"
        magic = data[at:at + len(XB_MAGIC)]
        if magic != XB_MAGIC[:len(magic)]:
            raise Refuse("CARRIER", shown, "bad magic")
        take(data, at, len(XB_MAGIC), shown)
        at += len(XB_MAGIC)
        if number(1, shown) != 0:
            raise Refuse("CARRIER", shown, "flags")
        kind = number(1, shown)
        if kind not in b"PE":
            raise Refuse("CARRIER", shown, f"type {kind}")
        length = number(4, shown)
        if not 1 <= length <= MAX_PATH:
            raise Refuse("CARRIER", shown, f"path of {length} bytes")
        shown = take(data, at, length, shown).decode("latin-1")
        at += length
        name = without_dot(shown)
        if name not in (HEADER, KEY, PAYLOAD, *XBCLOUD):
            raise Refuse("CARRIER_MEMBER", shown, "not ours")
        if offsets.get(name, 0) is None:
            raise Refuse("CARRIER_MEMBER", shown, "comes after its end")
        if kind == ord("E"):
            offsets[name] = None
            if name not in XBCLOUD:
                members.end(name, shown)
            continue
        size, offset, crc = (number(n, shown) for n in (8, 8, 4))
        if size > MAX_CHUNK:
            raise Refuse("CARRIER", shown, "chunk too long")
        if offset != offsets.get(name, 0):
            raise Refuse("CARRIER_MEMBER", shown, "out of order")
        if name in XBCLOUD and size:
            raise Refuse("CARRIER_MEMBER", shown, "not empty")
        if name not in XBCLOUD:
            members.check_room(name, shown, size)
        chunk = take(data, at, size, shown)
        if zlib.crc32(chunk) != crc:
            raise Refuse("CARRIER", shown, "bad CRC")
        at += size
        offsets[name] = offset + size
        if name not in XBCLOUD:
            members.add(name, shown, chunk)
    check_tail(data, at)
    for name, offset in offsets.items():
        if offset is not None:
            raise Refuse("CARRIER_TRUNCATED", name, "no end")
    return members.joined()


# --- writing --------------------------------------------------------------

class Item:
    """Something of a carrier whose fields can be changed until it is made."""

    def __init__(self, token, make, **fields):
        self.token, self.make, self.fields = token, make, fields

    def set(self, name, text):
        if name not in self.fields:
            raise Usage(f"{self.token} has no field {name}")
        relative = text[:1] in ("+", "-")
        if relative and self.fields[name] is None:
            # It is computed when the item is made.
            self.fields[name] = lambda n: n + int(text, 0)
        elif relative:
            self.fields[name] += int(text, 0)
        elif name in XB_NUMBERS:
            self.fields[name] = int(text, 0)
        else:
            self.fields[name] = text.encode().decode(
                "unicode_escape").encode("latin-1")

    def bytes(self):
        return self.make(self.fields)


def settled(given, computed):
    """A field's value: as computed, as set, or as a function of that."""
    if given is None:
        return computed
    return given(computed) if callable(given) else given


def plain(data):
    return Item("", lambda fields: fields["data"], data=data)


def make_tar_member(fields):
    data = fields["data"]
    block = bytearray(BLOCK)
    length = settled(fields["size"], len(data))
    values = dict(fields, size=length if isinstance(length, bytes)
                  else b"%011o" % length)
    for name, (start, size) in TAR_FIELDS.items():
        value = values[name] if name != "chksum" else b" " * size
        if len(value) > size:
            raise Usage(f"tar field {name}: longer than {size}")
        block[start:start + len(value)] = value
    start, size = TAR_FIELDS["chksum"]
    chksum = settled(fields["chksum"], sum(block))
    if isinstance(chksum, int):
        chksum = b"%06o\0 " % chksum
    block[start:start + size] = chksum.ljust(size, b"\0")[:size]
    padding = settled(fields["padding"], bytes(-len(data) % BLOCK))
    return bytes(block) + data + padding


def tar_member(token, name, data, mtime, kind=b"0", mode=b"0000644"):
    return Item(token, make_tar_member, name=name.encode("latin-1"),
                mode=mode, uid=b"0000000", gid=b"0000000", size=None,
                mtime=b"%011o" % mtime, chksum=None, type=kind, linkname=b"",
                magic=b"ustar", version=b"00", uname=b"", gname=b"",
                devmajor=b"", devminor=b"", prefix=b"", rest=b"",
                data=data, padding=None)


def make_chunk(fields):
    path, data = fields["path"], fields["data"]
    out = (fields["magic"] + bytes([fields["flags"]]) + fields["type"]
           + settled(fields["pathlen"], len(path)).to_bytes(4, "little")
           + path)
    if fields["type"] != b"E":
        out += (settled(fields["length"], len(data)).to_bytes(8, "little")
                + fields["offset"].to_bytes(8, "little")
                + settled(fields["crc"], zlib.crc32(data)).to_bytes(
                    4, "little") + data)
    return out


def chunk(token, path, data=b"", offset=0, kind=b"P"):
    return Item(token, make_chunk, magic=XB_MAGIC, flags=0, type=kind,
                pathlen=None, path=path.encode("latin-1"), length=None,
                offset=offset, crc=None, data=data)


def pax_record(key, value):
    body = f" {key}={value}\n".encode()
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


class Writer:
    """Makes the items of one carrier by their tokens."""

    def __init__(self, raw, options):
        if raw[:8] != MAGIC or len(raw) < PRELUDE:
            raise Usage("not a raw envelope")
        key_at = (PRELUDE + int.from_bytes(raw[12:16], "big")
                  + int.from_bytes(raw[24:28], "big"))
        end = int.from_bytes(raw[20:24], "big")
        self.header, self.key = raw[:key_at], raw[key_at:end]
        self.payload, self.size = raw[end:], options.piece_size
        self.count = max(1, -(-len(self.payload) // self.size))
        self.dot = "./" if options.dot else ""
        self.mtime = options.mtime
        self.made = 0

    def piece(self, number):
        return self.payload[number * self.size:(number + 1) * self.size]

    def expand(self, order):
        for token in order.split(","):
            if token == "pieces":
                yield from map(str, range(self.count))
            else:
                yield token

    def items(self, order):
        for token in self.expand(order):
            for item in self.item(token):
                item.token = token
                self.made += len(item.bytes())
                yield item

    def item(self, token):
        word, _, argument = token.partition(":")
        if word == "zeros":
            return [plain(bytes(int(argument)))]
        if word == "garbage":
            return [plain(b"\xa5" * int(argument))]
        return self.own_item(token, word, argument)


class TarWriter(Writer):
    DEFAULT = "header,key,pieces,end"

    def member(self, name, data, **more):
        return [tar_member("", self.dot + name, data, self.mtime, **more)]

    def own_item(self, token, word, argument):
        if token == "header":
            return self.member(HEADER, self.header)
        if token == "key":
            return self.member(KEY, self.key)
        if token.isdigit():
            return self.member(f"{PAYLOAD}.{int(token):08}",
                               self.piece(int(token)))
        if token == "end":
            length = self.made + 2 * BLOCK
            return [plain(bytes(2 * BLOCK + -length % RECORD))]
        if word == "dir":
            return [tar_member("", argument, b"", self.mtime, kind=b"5",
                               mode=b"0000755")]
        if word == "file":
            name, _, text = argument.partition("=")
            return [tar_member("", name, text.encode(), self.mtime)]
        if word in ("x", "g"):
            data = b"".join(pax_record(*record.split("=", 1))
                            for record in argument.split(";"))
            return [tar_member("", "PaxHeaders/x", data, self.mtime,
                               kind=word.encode())]
        if word == "x-size":
            length = int(argument)
            record = pax_record("comment", "c" * (length - 32))
            record = pax_record("comment",
                                "c" * (2 * length - 32 - len(record)))
            assert len(record) == length
            return [tar_member("", "PaxHeaders/x", record, self.mtime,
                               kind=b"x")]
        raise Usage(f"no such item of a tar carrier: {token}")


class XbstreamWriter(Writer):
    DEFAULT = "header,header.E,key,key.E,pieces,payload.E"

    def own_item(self, token, word, argument):
        match = re.fullmatch(r"(header|key)(\.E|\[(\d*):(\d*)\])?", token)
        if match:
            path = {"header": HEADER, "key": KEY}[match[1]]
            data = {"header": self.header, "key": self.key}[match[1]]
            if match[2] == ".E":
                return [chunk("", self.dot + path, kind=b"E")]
            start, end = int(match[3] or 0), int(match[4] or len(data))
            return [chunk("", self.dot + path, data[start:end], start)]
        if token == "payload.E":
            return [chunk("", self.dot + PAYLOAD, kind=b"E")]
        if token.isdigit():
            return [chunk("", self.dot + PAYLOAD, self.piece(int(token)),
                          int(token) * self.size)]
        if token == "xbcloud":
            return [chunk("", path, kind=b"E") for path in XBCLOUD]
        if word == "file":
            name, _, text = argument.partition("=")
            return [chunk("", name, text.encode())]
        if word == "E":
            return [chunk("", argument, kind=b"E")]
        raise Usage(f"no such item of an xbstream carrier: {token}")


def split(raw, options):
    writer = {"tar": TarWriter, "xbstream": XbstreamWriter}[options.kind](
        raw, options)
    order = options.order or writer.DEFAULT
    if options.xbcloud:
        order += ",xbcloud"
    out, unused = [], {token for token, _, _ in options.set}
    for item in writer.items(order):
        for token, name, value in options.set:
            if token == item.token or token == "all" and name in item.fields:
                item.set(name, value)
                unused.discard(token)
        out.append(item.bytes())
    if unused:
        raise Usage(f"--set: no item {', '.join(unused)}")
    data = b"".join(out)
    if options.cut is not None:
        data = data[:options.cut]
    return data


# --- sweep: a program against every cut and every flipped bit -------------

REASONS = {}


def load_reasons(path):
    """Name and text of each reason, from include/envelope/reasons.h."""
    with open(path, encoding="ascii") as file:
        for name, text in re.findall(
                r'X\(ENVELOPE_R_(\w+), \d+, "(.*?)"\)', file.read()):
            REASONS[name] = text


def framing(data):
    """The offsets of all that is not the content of a member."""
    content = set()
    if recognise(data) == "tar":
        at = 0
        while not only_zeros(data[at:at + BLOCK]):
            header = TarHeader(data[at:at + BLOCK], at)
            content |= set(range(at + BLOCK, at + BLOCK + header.size))
            at += BLOCK + header.size + header.padding()
    else:
        at = 0
        while at < len(data):
            length = int.from_bytes(data[at + 10:at + 14], "little")
            kind = data[at + 9:at + 10]
            at += 14 + length
            if kind == b"P":
                size = int.from_bytes(data[at:at + 8], "little")
                content |= set(range(at + 20, at + 20 + size))
                at += 20 + size
    return [at for at in range(len(data)) if at not in content]


def cuts(data, every):
    """Lengths: all, or those of a tar around its blocks."""
    if every or recognise(data) != "tar":
        return range(len(data))
    return sorted({at + d for at in range(0, len(data), BLOCK)
                   for d in (-1, 0, 1) if 0 <= at + d < len(data)})


def flips(data, every):
    """Bits: all, or all of the framing, and one of each other byte, but of a
    tar's zeros one of every few bytes."""
    frame, is_tar = set(framing(data)), recognise(data) == "tar"
    for at in range(len(data)):
        zero = is_tar and at in frame and not data[at]
        if every or at in frame and not zero:
            yield from (at * 8 + bit for bit in range(8))
        elif not zero or at % 11 == 0:
            yield at * 8 + at * 5 % 8


def flipped(data, bit):
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


# What a program may say instead: it may not recognise what is damaged in its
# first bytes; it sees the data of a chunk before its CRC is complete; it may
# look at a name and a length when it has all of the header or of the data, and
# find that they end before; an xbstream has no end, so that what is missing
# may be cut off.
INSTEAD = {
    "neither an envelope nor a carrier": {"HEADER_TRUNCATED", "CARRIER",
                                          "CARRIER_TRUNCATED"},
    "bad CRC": {"COMMITMENT", "CHUNK", "LAST_CHUNK"},
    "not ours": {"CARRIER_TRUNCATED"},
    "too long": {"CARRIER_TRUNCATED"},
    "missing": {"CARRIER_TRUNCATED"},
}


def wanted(refusal):
    return {refusal.reason} | INSTEAD.get(refusal.text, set())


def is_clear(err):
    text = err.decode(errors="replace")
    return (re.fullmatch("(envelope: .+\n(hint: .+\n)?)+", text)
            and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text))


def judge(damaged, raw, text, run):
    """None if the program did right with it, or what is wrong."""
    status, out, err = run
    if not text.startswith(out):
        return "text that is not the plain text came out"
    if status not in (0, 3, 4, 5):
        return f"status {status}"
    if status != 0 and not is_clear(err):
        return "no clear message"
    try:
        joined = join(damaged)
    except Refuse as refusal:
        if status == 0:
            return f"opened; expected {refusal}"
        said = {name for name, words in REASONS.items()
                if err.startswith(b"envelope: standard input: "
                                  + words.encode())}
        if not said & wanted(refusal):
            return f"expected {refusal}"
        return None
    if status == 0 and out != text:
        return "success, but text is missing"
    if status != 0 and joined == raw:
        return "refused, but it is good"
    return None


def sweep(options):
    load_reasons(options.reasons)
    with open(options.CARRIER, "rb") as file:
        data = file.read()
    with open(options.PLAIN, "rb") as file:
        text = file.read()
    raw = join(data)
    if options.what == "cut":
        cases = [(n, data[:n]) for n in cuts(data, options.every)]
    else:
        cases = [(n, flipped(data, n)) for n in flips(data, options.every)]
    cases = cases[::options.sample]

    def run(damaged):
        done = subprocess.run(options.COMMAND, input=damaged,
                              capture_output=True, timeout=20, check=False)
        return done.returncode, done.stdout, done.stderr

    bad = opened = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = pool.map(run, (damaged for _, damaged in cases))
        for (n, damaged), result in zip(cases, runs):
            opened += result[0] == 0
            if problem := judge(damaged, raw, text, result):
                bad += 1
                if bad > 20:
                    continue
                place = (f"cut to {n}" if options.what == "cut"
                         else f"byte {n // 8} bit {n % 8}")
                print(f"{place}: {problem}; status {result[0]}, "
                      f"{result[2][:200]!r}")
    print(f"{len(cases)} cases, {opened} opened, {bad} wrong")
    if bad or not cases:
        raise Usage("sweep failed")


# --- commands -------------------------------------------------------------

def read(path):
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def run_join(options):
    sys.stdout.buffer.write(join(read(options.FILE)))


def run_split(options):
    sys.stdout.buffer.write(split(read(options.FILE), options))


def run_canonical(options):
    data = read(options.FILE)
    if options.kind == "tar":
        start, size = TAR_FIELDS["mtime"]
        options.mtime = octal(data[start:start + size], HEADER)
        if abs(options.mtime - time.time()) > 86400:
            raise Refuse("CARRIER", HEADER, f"time {options.mtime}")
    again = split(join(data), options)
    if data == again:
        return
    for at, (one, other) in enumerate(zip(data, again)):
        if one != other:
            raise Refuse("CARRIER", f"byte {at}", f"{one}, not {other}")
    if len(data) != len(again):
        raise Refuse("CARRIER", "", f"length {len(data)}, not {len(again)}")


def command_line():
    parser = argparse.ArgumentParser(description="Reads and writes carriers.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sub = commands.add_parser("join")
    sub.set_defaults(run=run_join)
    sub.add_argument("FILE")

    for name, run in (("split", run_split), ("canonical", run_canonical)):
        sub = commands.add_parser(name)
        sub.set_defaults(run=run)
        sub.add_argument("kind", choices=("tar", "xbstream"))
        sub.add_argument("--piece-size", type=int, default=PIECE)
        sub.add_argument("--order")
        sub.add_argument("--set", nargs=3, action="append", default=[],
                         metavar=("ITEM", "FIELD", "VALUE"))
        sub.add_argument("--dot", action="store_true")
        sub.add_argument("--xbcloud", action="store_true")
        sub.add_argument("--cut", type=int)
        sub.add_argument("--mtime", type=int, default=int(time.time()))
        sub.add_argument("FILE")

    sub = commands.add_parser("sweep")
    sub.set_defaults(run=sweep)
    sub.add_argument("--every", action="store_true")
    sub.add_argument("--sample", type=int, default=1)
    sub.add_argument("--jobs", type=int, default=2)
    sub.add_argument("--reasons", default="include/envelope/reasons.h")
    sub.add_argument("what", choices=("cut", "flip"))
    sub.add_argument("CARRIER")
    sub.add_argument("PLAIN")
    sub.add_argument("COMMAND", nargs=argparse.REMAINDER)
    return parser


def main():
    options = command_line().parse_args()
    try:
        options.run(options)
    except Refuse as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except (Usage, OSError) as error:
        print(f"carrier.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
