#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server on loopback that does what servers should not do.

    rude_server.py DIRECTORY

It makes its certificates in DIRECTORY, prints its ports as lines "name port",
then an empty line, and ends with its standard input.  What it does is named
by the path of a request; the functions below are the list.
"""

import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import warnings

RUDE = {}  # path: function of the connection and the request
seen = []  # what came to the trap
opened = []  # connections to the ports that keep them open


def rude(function):
    RUDE["/" + function.__name__.replace("_", "-")] = function
    return function


# Replies


def reply(body, *headers, status="200 OK", length=True):
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def for_ever(connection, part, pause=0.0):
    while True:
        connection.sendall(part)
        time.sleep(pause)


def hang_up(connection):
    """With a reset in the place of an orderly end."""
    connection.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    connection.close()


@rude
def echo(connection, request):
    connection.sendall(reply(request))


@rude
def head(connection, request):
    connection.sendall(reply(request.partition(b"\r\n\r\n")[0]))


@rude
def trapped(connection, request):
    connection.sendall(reply(b"".join(seen)))


@rude
def named(connection, request):
    connection.sendall(
        reply(
            b"named",
            "date: Sun, 30 Aug 2015 12:36:00 GMT",
            "X-Amzn-RequestId: 1b2c",
            "x-amzn-errortype: SomeException",
            status="418 No tea",
        )
    )


@rude
def which(connection, request):
    """The number of this connection, one after the other."""
    connection.sendall(reply(str(opened.index(connection)).encode()))


@rude
def slow(connection, request):
    time.sleep(0.3)
    which(connection, request)


@rude
def busy(connection, request):
    connection.sendall(reply(b"later", status="503 Busy"))


@rude
def empty(connection, request):
    connection.sendall(b"HTTP/1.1 204 Nothing\r\n\r\n")


@rude
def unauthorized(connection, request):
    connection.sendall(
        reply(b"who?", 'WWW-Authenticate: Basic realm="x"', status="401 Who")
    )


@rude
def redirect(connection, request):
    connection.sendall(
        reply(
            b"elsewhere",
            f"Location: http://127.0.0.1:{ports['trap']}/",
            status="302 Found",
        )
    )


@rude
def cookie(connection, request):
    connection.sendall(reply(b"eat", "Set-Cookie: name=value; Path=/"))


@rude
def compressed(connection, request):
    connection.sendall(reply(b"\x1f\x8b\x08raw", "Content-Encoding: gzip"))


@rude
def no_length(connection, request):
    connection.sendall(reply(b"until the end", length=False))


@rude
def early_hints(connection, request):
    connection.sendall(
        b"HTTP/1.1 103 Early Hints\r\nDate: Mon, 31 Aug 2015 12:36:00 GMT\r\n"
        b"X-Request-Id: early\r\n\r\n"
        b"HTTP/1.1 100 Continue\r\n\r\n" + reply(b"late", "X-Other: 1")
    )


# Too much


@rude
def full(connection, request):
    connection.sendall(reply(b"x" * 65536))


@rude
def over(connection, request):
    connection.sendall(reply(b"x" * 65537))


@rude
def endless(connection, request):
    connection.sendall(reply(b"", length=False))
    for_ever(connection, b"x" * 4096)


@rude
def endless_chunks(connection, request):
    connection.sendall(
        reply(b"", "Transfer-Encoding: chunked", length=False)
    )
    for_ever(connection, b"1000\r\n" + b"x" * 4096 + b"\r\n")


@rude
def long_header(connection, request):
    connection.sendall(reply(b"body", "X-Long: " + "x" * 60000))


@rude
def endless_header(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for_ever(connection, b"x" * 4096)


@rude
def endless_headers(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for_ever(connection, b"X-Many: x\r\n" * 100)


@rude
def endless_continues(connection, request):
    for_ever(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 10)


@rude
def endless_trailers(connection, request):
    connection.sendall(
        reply(b"", "Transfer-Encoding: chunked", length=False)
        + b"4\r\nbody\r\n0\r\n"
    )
    for_ever(connection, b"X-Trailer: x\r\n" * 100)


# Too little


@rude
def nothing(connection, request):
    pass


@rude
def silence(connection, request):
    time.sleep(60)


@rude
def reset(connection, request):
    hang_up(connection)


@rude
def reset_in_body(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    time.sleep(0.05)
    hang_up(connection)


@rude
def truncated(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


@rude
def truncated_headers(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


@rude
def truncated_continue(connection, request):
    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


@rude
def truncated_early_hints(connection, request):
    connection.sendall(
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n"
    )


@rude
def drip(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    for_ever(connection, b"x", 0.02)


@rude
def drip_headers(connection, request):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for_ever(connection, b"X", 0.02)


# Nonsense


@rude
def garbage(connection, request):
    connection.sendall(b"\x00\xff\x1b[2J garbage\r\n\r\n")


@rude
def no_status(connection, request):
    connection.sendall(b"HTTP/1.1\r\n\r\nbody")


@rude
def switching(connection, request):
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\nwhat?")


@rude
def other_version(connection, request):
    connection.sendall(b"HTTP/7.3 200 OK\r\nContent-Length: 4\r\n\r\nbody")


@rude
def bad_length(connection, request):
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbody"
    )


@rude
def chunked(connection, request):
    connection.sendall(
        reply(b"", "Transfer-Encoding: chunked", length=False)
        + b"6;name=value\r\nchunk \r\n7\r\nby part\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )


@rude
def bad_chunks(connection, request):
    connection.sendall(
        reply(b"", "Transfer-Encoding: chunked", length=False) + b"what?\r\n"
    )


@rude
def truncated_chunks(connection, request):
    connection.sendall(
        reply(b"", "Transfer-Encoding: chunked", length=False)
        + b"5\r\nhello\r\n5\r\nhe"
    )


# Connections


def read_request(connection):
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(65536)
        if not part:
            return request
        request += part
    head = request.partition(b"\r\n\r\n")[0].lower()
    length = 0
    if b"content-length:" in head:
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    while len(request) < len(head) + 4 + length:
        part = connection.recv(65536)
        if not part:
            return request
        request += part
    return request


def answer(connection):
    request = read_request(connection)
    if request:
        path = request.split(b" ")[1].decode().partition("?")[0]
        RUDE.get(path, echo)(connection, request)
    return request


def serve(connection):
    """One request, and the end of it."""
    answer(connection)


def keep(connection):
    opened.append(connection)
    while answer(connection):
        pass


def keep_briefly(connection):
    connection.settimeout(0.1)
    keep(connection)


def trap(connection):
    seen.append(b"connection ")
    seen.append(connection.recv(65536))
    connection.sendall(reply(b"trapped", status="403 Forbidden"))


def forward(source, sink):
    with sink:
        while part := source.recv(65536):
            sink.sendall(part)


def tunnel(connection):
    """A proxy that has one place to go to, and headers of its own."""
    request = read_request(connection)
    if not request.startswith(b"CONNECT kms.example:"):
        return
    to = socket.create_connection(("127.0.0.1", ports["tls_there"]))
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nDate: Sun, 30 Aug 2015 12:36:00 GMT\r\n"
        b"X-Request-Id: proxy\r\n\r\n"
    )
    threading.Thread(
        target=attend, args=(to, lambda to: forward(to, connection))
    ).start()
    forward(connection, to)


def with_tls(context, function=serve):
    def serve_tls(connection):
        with context.wrap_socket(connection, server_side=True) as tls:
            function(tls)

    return serve_tls


def attend(connection, function):
    try:
        with connection:
            function(connection)
    except (OSError, ValueError):
        pass  # the other side's right


def accept(listener, function):
    while True:
        connection, _ = listener.accept()
        threading.Thread(
            target=attend, args=(connection, function), daemon=True
        ).start()


def listen(function, family=socket.AF_INET, address="127.0.0.1"):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((address, 0))
    if function is not None:
        listener.listen(64)
        threading.Thread(
            target=accept, args=(listener, function), daemon=True
        ).start()
    open_sockets.append(listener)
    return listener.getsockname()[1]


# Certificates


def openssl(*arguments):
    subprocess.run(
        ["openssl", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )


def make_certificate(name, subject, names, *signed):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem",
        "-days", "2", "-subj", f"/CN={subject}", *names, *signed,
    )  # fmt: skip


def make_certificates():
    by_ca = ["-CA", "ca.pem", "-CAkey", "ca.key"]
    here = ["-addext", "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost"]
    there = ["-addext", "subjectAltName=DNS:kms.example,IP:127.0.0.2"]
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
    make_certificate("ca", "test CA", [])
    make_certificate("other-ca", "other CA", [])
    make_certificate("good", "localhost", here, *leaf, *by_ca)
    make_certificate("self", "localhost", here, *leaf)
    make_certificate("there", "127.0.0.1", there, *leaf, *by_ca)
    make_certificate("client", "client", [], *leaf, *by_ca)


def context_of(name, low=None, high=None, client=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{name}.pem", f"{name}.key")
    if high is not None and high < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
    if low is not None:
        context.minimum_version = low
    if high is not None:
        context.maximum_version = high
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations("ca.pem")
    return context


def start():
    v1_1, v1_2 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2
    ports["plain"] = listen(serve)
    ports["trap"] = listen(trap)
    ports["tunnel"] = listen(tunnel)
    ports["closing"] = listen(hang_up)
    ports["closed"] = listen(None)
    ports["mute"] = listen(lambda connection: time.sleep(60))
    ports["tls"] = listen(with_tls(context_of("good")))
    ports["tls_self"] = listen(with_tls(context_of("self")))
    ports["tls_there"] = listen(with_tls(context_of("there")))
    ports["tls_1_1"] = listen(with_tls(context_of("good", v1_1, v1_1)))
    ports["tls_1_2"] = listen(with_tls(context_of("good", v1_2, v1_2)))
    ports["tls_client"] = listen(with_tls(context_of("good", client=True)))
    ports["kept"] = listen(keep)
    ports["kept_briefly"] = listen(keep_briefly)
    ports["kept_tls"] = listen(with_tls(context_of("good"), keep))
    try:
        ports["ipv6"] = listen(serve, socket.AF_INET6, "::1")
    except OSError:
        ports["ipv6"] = 0


ports = {}
open_sockets = []

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # TLS 1.1 is deprecated, of course
    os.chdir(sys.argv[1])
    make_certificates()
    start()
    for name, port in ports.items():
        print(name, port)
    print(flush=True)
    sys.stdin.read()
    os._exit(0)
