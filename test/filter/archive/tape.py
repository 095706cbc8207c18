#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run a program with a record-oriented standard input or output.

A SOCK_SEQPACKET socket keeps each write apart and gives it to one read, as a
tape does.  tape.c, preloaded, makes it refuse what a tape refuses.

    tape.py out FILE PROGRAM...        what it writes, joined, goes to FILE;
                                          the lengths of the records are shown
    tape.py in LENGTH FILE PROGRAM...  it reads FILE, in such records

The status is the program's.
"""

import itertools
import socket
import subprocess
import sys

LONGEST = 1 << 23


def make_pair():
    """As much room as the system allows: a record must fit into it."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * LONGEST)
    return pair


def receive(path, program):
    """Show runs of records of one length, in order: COUNTxLENGTH."""
    ours, theirs = make_pair()
    process = subprocess.Popen(program, stdout=theirs)
    theirs.close()
    lengths = []
    with open(path, "wb") as file:
        while record := ours.recv(LONGEST):
            lengths.append(len(record))
            file.write(record)
    runs = [f"{len(list(run))}x{length}"
            for length, run in itertools.groupby(lengths)]
    print(*runs)
    return process.wait()


def send(length, path, program):
    ours, theirs = make_pair()
    process = subprocess.Popen(program, stdin=theirs)
    theirs.close()
    with open(path, "rb") as file:
        try:
            while record := file.read(length):
                ours.send(record)
        except ConnectionError:
            pass  # it has read enough
    ours.close()
    return process.wait()


if sys.argv[1] == "out":
    sys.exit(receive(sys.argv[2], sys.argv[3:]))
sys.exit(send(int(sys.argv[2]), sys.argv[3], sys.argv[4:]))
