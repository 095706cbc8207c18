#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A backup of a real MariaDB server is an xbstream, and stays one when the
# program envelope encrypts it: mbstream extracts the parts, and the backup
# becomes a server with the same data again.

. "${srcdir:-.}/test/support/tap.sh"

plan 17
provider
. "$srcdir/test/interop/mariadb_server.sh"

envelope=$top_builddir/envelope

make_keys() {
    new_rsa ops 2048
    new_ec escrow P-384
    new_cert escrow
    new_ec other P-256
    mkdir private
    chmod 700 private
    mv ops.key escrow.key other.key private
}

backup() {
    take_backup a | "$envelope" -r ops.pem -r escrow.crt >backup.xb
    good_backup
    [ "$(size_of backup.xb)" -gt 25000000 ]
}

# Chunks of 8 MiB, P and E alone, no padding: the layout of FORMAT 10.2.
is_xbstream() {
    "$PYTHON" "$srcdir/test/interop/carrier.py" canonical xbstream backup.xb
}

no_text_inside() {
    ! grep -qaF -e ibdata1 -e backup-my.cnf backup.xb || false
}

public_opens_nothing() {
    status=0
    "$envelope" -d -i private/other.key <backup.xb >out 2>err || status=$?
    cat err
    [ $status -eq 3 ]
    grep -qF "envelope: standard input: $(reason NO_MATCH)" err
    nothing out
}

extract() { # [ARGUMENT...] - ./parts has three files, and mbstream no words
    rm -rf parts
    mkdir parts
    mbstream -x -C parts "$@" <backup.xb >said 2>&1
    cat said
    nothing said
    (cd parts && find . -type f | sort) >names
    printf './envelope/%s\n' header key.p7m payload | cmp - names
}

parts_are_the_stream() { # [ARGUMENT-OF-MBSTREAM...]
    extract "$@"
    (cd parts/envelope && cat header key.p7m payload) >joined
    open_with private/ops.key joined plain.xb
    "$envelope" -d -i private/ops.key <backup.xb | cmp plain.xb -
    rm joined
}

repacked() {
    extract
    (cd parts && mbstream -c envelope/key.p7m envelope/header \
        envelope/payload) >repacked.xb
    "$envelope" -d -i private/ops.key <repacked.xb | cmp plain.xb -
    rm -r parts repacked.xb
}

unpack() { # DIRECTORY IDENTITY
    mkdir "$1"
    {
        status=0
        "$envelope" -d -i "$2" <backup.xb || status=$?
        echo $status >status
    } | mbstream -x -C "$1"
    [ "$(cat status)" -eq 0 ]
}

both_the_same() {
    unpack b.data private/ops.key
    unpack c.data private/escrow.key
    diff -r b.data c.data
    [ -f b.data/xtrabackup_info ] || [ -f b.data/mariadb_backup_info ]
    rm -r c.data
}

refused() { # REASON FILE
    status=0
    "$envelope" -d -i private/ops.key <"$2" >came 2>err || status=$?
    cat err
    [ $status -eq 5 ]
    grep -qF "envelope: standard input: $(reason "$1")" err
    # What did come out is the backup's own.
    cmp -n "$(size_of came)" came plain.xb
    rm came "$2"
}

# mbstream itself takes a stream that ends between two chunks for a good one.
damaged() {
    size=$(size_of backup.xb)
    cp backup.xb damaged.xb
    flip damaged.xb $((size - 100000))
    refused CHUNK damaged.xb
    head -c $((size - 100000)) backup.xb >damaged.xb
    refused CARRIER_TRUNCATED damaged.xb
    head -c $((size - 30)) backup.xb >damaged.xb # without the last E chunk
    refused CARRIER_TRUNCATED damaged.xb
    rm plain.xb
}

t 'keys, the private ones elsewhere' make_keys
t 'a server can be installed' install_db a
start_server a
t 'the server starts' answers a
t 'it takes data' fill a
t 'its backup goes through envelope' backup
t 'it is an xbstream' is_xbstream
t 'no text of it is left' no_text_inside
t 'another key does not open it' public_opens_nothing
stop_server
rm -rf a.data
t 'mbstream extracts the stream' parts_are_the_stream
t 'mbstream extracts the stream in parallel' parts_are_the_stream -p 4
t 'repacked by mbstream' repacked
t 'either key unpacks the same files' both_the_same
t 'damage ends with an error' damaged
t 'mariabackup prepares them' prepare b
start_server b
t 'a server starts on them' answers b
t 'and has the same data' same_data b
t 'and its tables are good' good_tables b
