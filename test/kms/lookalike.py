# SPDX-License-Identifier: Apache-2.0
# What the look-alike key services of the tests share: an HTTP server on
# loopback, faults on demand, a log of requests, and what must stay secret.
# It knows no service; those are in NAME_lookalike.py, one for each.
#
# A look-alike lives in a directory, and ends when that goes away or who
# started it:
#
#   port         written when it is ready
#   connections  one line for each that was accepted
#   log          one JSON object a line for each request, without secrets
#   secrets      one a line: all that a client must never show
#   faults       read: words, one for each operation to come; a word with a
#                star stays.  FAULTS below, and those of the service.
#   clock        read: how many seconds the service's clock is ahead
#   refused      read: identifiers of credentials that have expired

import argparse
import base64
import http.server
import json
import os
import socket
import ssl
import struct
import threading
import time
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAX_BODY = 1 << 20
ENDLESS = 64 << 20

# What happens to a reply that would have been right.
FAULTS = {
    "close": "the connection ends before the reply",
    "cut": "the JSON ends in its middle, and the Content-Length says so",
    "drip": "a byte of the reply every half second",
    "duplicate": "the data key stands twice in the reply",
    "empty": "a body of no bytes",
    "extra": "members that nobody knows; the reply is good",
    "garbage": "no HTTP at all",
    "huge": "blanks inside the JSON, without an end",
    "html": "status 200 and a page for people",
    "other-key": "the reply names another key",
    "redirect": "to the URL in the file redirect",
    "reset": "the connection is reset before the reply",
    "short": "the connection ends in the middle of the body",
    "short-key": "a data key of 16 bytes",
}


class Refused(Exception):
    """The service says no: its code, a text, and the HTTP status."""

    def __init__(self, code, text="", status=400):
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.status = code, text, status


@dataclass
class Request:
    method: str
    path: str
    headers: list               # (name, value) as received
    body: bytes
    log: dict = field(default_factory=dict)

    def every(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name):
        """The value of a header that may come once, or None."""
        values = self.every(name)
        if len(values) > 1:
            raise Refused("BadRequest", f"{name} came {len(values)} times")
        return values[0] if values else None


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict = field(default_factory=dict)


# --- JSON and ciphertexts -------------------------------------------------

def strict_json(data):
    """An object, with no member twice in it."""

    def members(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a member twice")
        return dict(pairs)

    document = json.loads(data.decode("utf-8", "strict"),
                          object_pairs_hook=members)
    if not isinstance(document, dict):
        raise ValueError("no object")
    return document


def b64(data):
    return base64.b64encode(data).decode()


def strict_b64(text):
    """Base64 in its only form."""
    data = base64.b64decode(text, validate=True)
    if b64(data) != text:
        raise ValueError("base64 with bits left over")
    return data


def seal(key, text, bound):
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, text, bound)


def unseal(key, data, bound):
    """The text, or None."""
    try:
        return AESGCM(key).decrypt(data[:12], data[12:], bound)
    except (InvalidTag, ValueError):
        return None


# --- a service ------------------------------------------------------------

class Service:
    """What one look-alike adds: operation(), error() and alter()."""

    key_member = "Plaintext"    # of its replies
    is_proxy = False            # takes CONNECT, and answers for everybody
    content_type = "application/json"
    faults = {}                 # words of its own, each a Refused

    def __init__(self, directory):
        self.directory, self.lock = directory, threading.Lock()
        self.connections = 0

    def operation(self, request):
        """Judges the request and does what it wants: a document to reply."""
        raise NotImplementedError

    def error(self, refused, request_id):
        """A Reply that says so in the way of the service."""
        raise NotImplementedError

    def alter(self, fault, document):
        """The document with another key or a short one in it."""
        raise NotImplementedError

    def beside(self, request):
        """A Reply for what is no operation, or None."""

    def reply_headers(self, request_id):
        return {}

    def now(self):
        return time.time() + float(self.read("clock") or 0)

    def is_expired(self, identifier):
        return identifier in self.read("refused").split()

    # --- files

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""

    def write(self, name, text):
        with open(self.path(name + ".new"), "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.path(name + ".new"), self.path(name))

    def add(self, name, line):
        with self.lock, open(self.path(name), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def secret(self, *values):
        for value in values:
            self.add("secrets", value)

    def handed_out(self, key):
        """A data key in all the forms in which a client could show it."""
        self.secret(b64(key), key.hex(), key.hex().upper())

    def next_fault(self):
        with self.lock:
            words = self.read("faults").split()
            if not words:
                return None
            if words[0].endswith("*"):
                return words[0][:-1]
            self.write("faults", " ".join(words[1:]))
            return words[0]

    # --- from a request to the bytes of a reply

    def serve(self, request):
        """A Reply, and the fault that is left to do when it is sent."""
        request_id = str(uuid.uuid4())
        fault, outcome = None, "ok"
        try:
            reply = self.beside(request)
            if reply is None:
                fault = self.next_fault()
                if fault in self.faults:
                    request.log["fault"] = fault
                    self.judge_only(request)
                    raise self.faults[fault]
                document = self.operation(request)
                if fault in ("other-key", "short-key"):
                    document = self.alter(fault, document)
                reply = self.document(fault, document, request_id)
        except Refused as refused:
            outcome = refused.code
            reply = self.error(refused, request_id)
        if fault:
            request.log["fault"] = fault
        self.add("log", json.dumps({
            **request.log, "outcome": outcome, "status": reply.status,
            "request_id": request_id, "connection": self.connections}))
        return reply, fault

    def judge_only(self, request):
        """A request that is refused anyhow must be a good one, too."""
        self.operation(request)

    def document(self, fault, document, request_id):
        text = json.dumps(document)
        if fault == "duplicate":
            for name in self.key_member.split():
                member = f'"{name}": '
                text = text.replace(
                    member, f'{member}"{b64(bytes(32))}", {member}', 1)
        elif fault == "extra":
            text = '{"New": [{"a": null}, 1.5e3, "\\u00e9"], ' + text[1:]
        elif fault == "cut":
            text = text[:len(text) // 2]
        elif fault == "empty":
            text = ""
        elif fault == "html":
            text = "<html><body>Welcome to the hotel</body></html>"
        headers = {"Content-Type": self.content_type,
                   **self.reply_headers(request_id)}
        return Reply(200, text.encode(), headers)


# --- HTTP -----------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def answer(self):
        service = self.server.service
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self.put(Reply(411, b""))
            return
        request = Request(self.command, self.path, self.headers.items(),
                          self.rfile.read(length))
        reply, fault = service.serve(request)
        send = getattr(self, "put_" + (fault or "").replace("-", "_"),
                       self.put)
        send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_LIST = do_DELETE = answer

    def do_CONNECT(self):
        if self.server.service.is_proxy:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self.close_connection = False
        else:
            self.put(Reply(405, b""))

    def head(self, reply, length):
        date = formatdate(self.server.service.now(), usegmt=True)
        lines = [f"HTTP/1.1 {reply.status} {self.responses[reply.status][0]}",
                 f"Date: {date}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += [length, "", ""]
        return "\r\n".join(lines).encode()

    def whole(self, reply):
        return self.head(reply, f"Content-Length: {len(reply.body)}"
                         ) + reply.body

    def put(self, reply):
        self.wfile.write(self.whole(reply))

    # --- faults

    def put_close(self, _):
        self.close_connection = True

    def put_reset(self, _):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.connection.close()

    def put_garbage(self, _):
        self.close_connection = True
        self.wfile.write(b"\x15\x03\x01\x00\x02\x02\x50" * 20)

    def put_short(self, reply):
        self.close_connection = True
        self.wfile.write(self.whole(reply)[:-len(reply.body) // 2])

    def put_drip(self, reply):
        self.close_connection = True
        for byte in self.whole(reply):
            self.wfile.write(bytes([byte]))
            time.sleep(0.5)

    def put_huge(self, reply):
        """Until the client has had enough; the log says how much it took."""
        self.close_connection = True
        blanks, sent = b" " * 65536, 0
        chunk = b"%x\r\n%s\r\n"
        try:
            self.wfile.write(self.head(reply, "Transfer-Encoding: chunked"))
            self.wfile.write(chunk % (1, reply.body[:1]))
            while sent < ENDLESS:
                self.wfile.write(chunk % (len(blanks), blanks))
                sent += len(blanks)
            self.wfile.write(chunk % (len(reply.body) - 1, reply.body[1:])
                             + b"0\r\n\r\n")
        finally:
            self.server.service.add("log", json.dumps({"huge": sent}))

    def put_redirect(self, reply):
        where = self.server.service.read("redirect")
        self.put(Reply(307, b"", {**reply.headers, "Location": where}))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, service, context):
        super().__init__(("127.0.0.1", 0), Handler)
        self.service, self.context = service, context

    def get_request(self):
        connection, peer = super().get_request()
        self.service.connections += 1
        self.service.add("connections", f"{peer[0]}:{peer[1]}")
        if self.context:
            connection = self.context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False)
        return connection, peer

    def handle_error(self, request, client_address):
        """A client that went away, or trusts another certificate."""


def run(service_class):
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    service_class.arguments(parser)
    options = parser.parse_args()
    parent, context = os.getppid(), None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    os.makedirs(options.directory, exist_ok=True)
    service = service_class(options.directory, options)
    server = Server(service, context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.write("port", f"{server.server_port}\n")
    while os.path.isdir(options.directory) and os.getppid() == parent:
        time.sleep(0.2)
