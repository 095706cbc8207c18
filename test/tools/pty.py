#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a command on a terminal of its own and talk to it.

    pty.py [--timeout SECONDS] [STEP]... -- COMMAND [ARGUMENT]...

A STEP is one of

    expect:TEXT   wait until TEXT has come, after what was expected before
    send:TEXT     type TEXT
    echo:on|off   wait until the terminal echoes, or does not
    signal:NAME   send SIGNAME to the command
    exists:FILE   wait until there is such a file

TEXT may have \\n, \\r, \\t, \\\\ and \\xHH in it; the terminal's own line ends
are \\r\\n, and ^C is \\x03.  The command's standard input, output and error are
the terminal: whoever wants something else starts a shell that redirects them.

What came from the terminal goes to standard output.  The status is that of
the command, or 128 and the number of the signal that ended it; 124 if a step
or the command took longer than the timeout, of 60 seconds if none is given; 99
if the command ended before the last step.
"""
# Not the module of this name, which is this file where it is looked for.
import fcntl
import os
import re
import select
import signal
import struct
import sys
import termios
import time

TIMEOUT = 124
ENDED = 99


class Failure(Exception):
    """A step that did not come about, and the status that says so."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def unescape(text):
    names = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\"}

    def replace(match):
        if match[1] is not None:
            return bytes([int(match[1], 16)])
        return names[match[2]]

    return re.sub(rb"\\(?:x([0-9a-fA-F]{2})|([nrt\\]))", replace,
                  os.fsencode(text))


class Command:
    """A command on a pseudo-terminal, whose first file descriptor is here."""

    def __init__(self, argv, timeout):
        self.until = time.monotonic() + timeout
        self.text = b""
        self.expected = 0
        self.open = True
        try:
            self.pid, self.fd = os.forkpty()
        except OSError as error:
            # Then the test has not run: see TEST_LACKS in test/support/tap.sh.
            with open(os.environ.get("TEST_LACKS", os.devnull), "w") as lacks:
                print(f"no pseudo-terminal: {error}", file=lacks)
            sys.exit(77)
        if self.pid == 0:
            try:
                # A job in the background has some of them ignored.
                for name in ("HUP", "INT", "QUIT", "PIPE", "TERM", "TSTP"):
                    signal.signal(getattr(signal, "SIG" + name),
                                  signal.SIG_DFL)
                os.execvp(argv[0], argv)
            except OSError as error:
                print(f"pty.py: {argv[0]}: {error}", flush=True)
            finally:
                os._exit(127)
        size = struct.pack("HHHH", 24, 80, 0, 0)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size)

    def read(self, seconds):
        """What comes within that time is taken; at the end of all, nothing."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise Failure(TIMEOUT, "it took too long")
        if not self.open:
            time.sleep(min(seconds, left))
        elif select.select([self.fd], [], [], min(seconds, left))[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # EIO: nobody has the terminal any more
                data = b""
            self.open = data != b""
            self.text += data

    def wait_until(self, condition):
        while not condition():
            if not self.open:
                raise Failure(ENDED, "the command has ended")
            self.read(0.02)

    def expect(self, text):
        wanted = unescape(text)
        self.wait_until(lambda: self.text.find(wanted, self.expected) >= 0)
        self.expected = self.text.find(wanted, self.expected) + len(wanted)

    def send(self, text):
        data = unescape(text)
        while data:
            self.read(0)  # so that neither waits for the other
            if select.select([], [self.fd], [], 0.02)[1]:
                data = data[os.write(self.fd, data[:512]):]

    def echo(self, text):
        wanted = {"on": True, "off": False}[text]

        def has_it():
            mode = termios.tcgetattr(self.fd)[3]
            return bool(mode & termios.ECHO) == wanted

        self.wait_until(has_it)

    def signal(self, text):
        os.kill(self.pid, signal.Signals["SIG" + text])

    def exists(self, text):
        self.wait_until(lambda: os.path.lexists(text))

    def finish(self):
        """Its status, once it is gone; others may still have the terminal."""
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                break
            self.read(0.02)
        self.pid = 0
        while self.open and select.select([self.fd], [], [], 0)[0]:
            self.read(0)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def end(self):
        if self.pid != 0:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def run(steps, argv, timeout):
    command = Command(argv, timeout)
    step = "the end"
    try:
        for step in steps:
            verb, text = step.split(":", 1)
            getattr(command, verb)(text)
        step = "the end"
        return command.finish()
    except Failure as failure:
        print(f"pty.py: at {step}: {failure}", file=sys.stderr)
        return failure.status
    finally:
        command.end()
        sys.stdout.buffer.write(command.text)
        sys.stdout.buffer.flush()


def usage():
    print(__doc__, file=sys.stderr)
    sys.exit(2)


def main():
    words = sys.argv[1:]
    timeout = 60.0
    if words[:1] == ["--timeout"]:
        timeout = float(words[1])
        words = words[2:]
    if "--" not in words or words[-1] == "--":
        usage()
    steps = words[:words.index("--")]
    if not all(re.match("(expect|send|echo|signal|exists):", step)
               for step in steps):
        usage()
    sys.exit(run(steps, words[words.index("--") + 1:], timeout))


if __name__ == "__main__":
    main()
