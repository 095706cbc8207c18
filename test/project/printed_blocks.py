#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes the examples out of a page, and makes scripts of them.

    printed_blocks.py cut PAGE DIRECTORY
        Each block that PAGE shows becomes DIRECTORY/NN, and each command of it
        DIRECTORY/NN/MM: a line that is not indented, and the lines after it
        that are.

    printed_blocks.py serve DIRECTORY
        The service [corp] of envelope-kms.conf(5), on loopback, until standard
        input ends; DIRECTORY/port tells where.  It encrypts nothing: what it
        calls ciphertext is the key.

    printed_blocks.py show COMMAND-FILE...
        What stands in them.

    printed_blocks.py script STATUS COMMAND-FILE... >SCRIPT
        A script for bash that runs the commands one after the other, as they
        are printed, in the state that the last script has left in ./.state.
        It ends with 0 if each of them ends with STATUS.  A pipe without
        pipefail is an error.

Paths of the machine, such as /etc/backup, are put into a directory: the
variable PRINTED_PATHS has lines FROM TO, and each FROM becomes its TO.
"""
import base64
import http.server
import json
import os
import re
import shlex
import sys
import threading

STATE = ".state"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def blocks_of_manual(text):
    """Those between .Bd -literal and .Ed, and lines .Dl."""
    block = None
    for line in text.splitlines():
        if line.startswith(".Bd "):
            block = []
        elif line == ".Ed":
            yield block
            block = None
        elif block is not None:
            block.append(unescape(line))
        elif line.startswith(".Dl "):
            yield [unescape(line[4:])]


def unescape(line):
    """The escapes of roff that the pages have in their examples."""
    return line.replace("\\e", "\\").replace("\\ ", " ").replace("\\&", "")


def blocks_of_markdown(text):
    """Those between fences, and those that are indented by four spaces."""
    block, fenced, before = None, False, ""
    for line in text.splitlines() + [""]:
        if line.startswith("```"):
            if fenced:
                yield block
            block, fenced = None if fenced else [], not fenced
        elif fenced:
            block.append(line)
        elif line.startswith("    ") and (block or not before.strip()):
            block = (block or []) + [line[4:]]
        elif block is not None and line.strip():
            yield block
            block = None
        elif block is not None:
            block.append("")
        before = line
    if block:
        yield block


def commands(block):
    """The lines of each command; what is empty belongs to the one before."""
    found = []
    for line in block:
        if found and (not line.strip() or line[0] in " \t"):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def put_paths(text):
    for line in os.environ.get("PRINTED_PATHS", "").splitlines():
        old, new = line.split()
        text = re.sub(r"(?<![\w/.])" + re.escape(old) + r"\b", new, text)
    return text


def cut(page, directory):
    find = blocks_of_markdown if page.endswith(".md") else blocks_of_manual
    for number, block in enumerate(find(read(page)), 1):
        at = os.path.join(directory, f"{number:02}")
        os.makedirs(at)
        for n, lines in enumerate(commands(block), 1):
            with open(os.path.join(at, f"{n:02}"), "w",
                      encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")


def has_pipe(command):
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return "|" in lexer


def script(status, files):
    print(f"[ ! -e {STATE} ] || . ./{STATE}")
    print("ended() { [ $1 -eq $2 ] || { echo \"# status $1\" >&2; exit 1; }; }")
    for file in files:
        command = put_paths(read(file))
        quoted = shlex.quote(command)
        print(f"printf '# runs: %s' {quoted} >&2")
        if has_pipe(command):
            print("shopt -qo pipefail || { echo '# a pipe without pipefail'"
                  " >&2; exit 1; }")
        print(command, end="")
        print(f"ended $? {status}")
    print(f"{{ export -p; set +o; }} >{STATE}")


class Corp(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # pylint: disable=invalid-name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("request", "w", encoding="utf-8") as file:
            json.dump([self.path, dict(self.headers), body], file)
        if self.path.endswith("/datakey"):
            key = base64.b64encode(os.urandom(32)).decode()
            reply = {"plaintext": key, "ciphertext": "v1:" + key}
        else:
            reply = {"plaintext": body["ciphertext"][3:]}
        reply["keyId"] = body["keyId"]
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


def serve(directory):
    os.chdir(directory)
    server = http.server.HTTPServer(("127.0.0.1", 0), Corp)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open("port.new", "w", encoding="ascii") as file:
        file.write(str(server.server_port))
    os.rename("port.new", "port")
    sys.stdin.read()


def main(arguments):
    if arguments[0] == "cut":
        cut(*arguments[1:])
    elif arguments[0] == "serve":
        serve(arguments[1])
    elif arguments[0] == "show":
        for file in arguments[1:]:
            print(put_paths(read(file)), end="")
    else:
        script(arguments[1], arguments[2:])


if __name__ == "__main__":
    main(sys.argv[1:])
