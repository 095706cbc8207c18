#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Data to encrypt that has an end of its own, and lacks it, is refused.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 9
. "$srcdir/test/tools/command_support.sh"
set_up make_all

# A program that died before it had written anything; an empty file is one.
empty_pipe() {
    exits 7 sh -c ': | "$0" -r ops.pem -o out' "$envelope"
    says_that "^envelope: standard input: $(reason INCOMPLETE): nothing came"
    test ! -e out
    exits 0 sh -c ': | "$0" encrypt --any-end -r ops.pem -o out' "$envelope"
    exits 7 "$PYTHON" -c 'import socket, subprocess, sys
ours, theirs = socket.socketpair()
ours.close()
sys.exit(subprocess.call(sys.argv[1:], stdin=theirs))' "$envelope" -r ops.pem -f -o out
    : >nothing
    exits 0 "$envelope" -r ops.pem -f -o out nothing
    exits 0 "$envelope" -r ops.pem -f -o out </dev/null
    rm out
}

# --- the ends of archives -------------------------------------------------

lacks_end() { # FILE
    exits 7 "$envelope" encrypt -r ops.pem -o out "$1"
    says_that "$1: $(reason INCOMPLETE): "
    test ! -e out
    exits 7 "$envelope" encrypt -r ops.pem <"$1" >part
    exits 0 "$envelope" encrypt -r ops.pem --any-end -o out "$1"
    exits 0 "$envelope" decrypt -i ops.key -f -o got out
    cmp "$1" got
    rm out got
}

has_end() { # FILE
    exits 0 "$envelope" encrypt -r ops.pem -o out "$1"
    rm out
}

tar_ends() {
    head -c 3000 plain >member
    tar -b1 -cf t.tar member
    has_end t.tar
    for cut in 1 511 512 1023 1024 1025 2048; do
        head -c $(($(wc -c <t.tar) - cut)) t.tar >cut.tar
        lacks_end cut.tar
    done
    exits 0 "$envelope" encrypt -r ops.pem --carrier raw -o out cut.tar
    exits 0 "$envelope" encrypt -r ops.pem --carrier tar -f -o out cut.tar
    rm out
}

tars_of_others() {
    for format in v7 oldgnu gnu ustar pax; do
        tar --format=$format -cf t.tar member
        has_end t.tar
        "$PYTHON" -c 'import sys, tarfile
tarfile.open("t.tar", "w").close()
with tarfile.open("t.tar", "w") as t: t.add("member")'
        has_end t.tar
    done
    ! command -v bsdtar >/dev/null || {
        for format in ustar pax gnutar; do
            bsdtar --format=$format -cf t.tar member
            has_end t.tar
        done
    }
}

# A file of zeros looks like the end, wherever it is cut.
tar_of_zeros() {
    { echo data && head -c 60000 /dev/zero; } >member
    for format in oldgnu gnu ustar pax; do
        tar --format=$format -cf t.tar member
        has_end t.tar
        for blocks in 8 9 60 110 115; do
            head -c $((blocks * 512)) t.tar >cut.tar
            tail -c 1024 cut.tar | cmp -n 1024 - /dev/zero
            lacks_end cut.tar
        done
    done
    # Also where a worker's buffer ends, and in the second of two archives
    head -c 3000000 /dev/zero >large
    tar -cf l.tar large
    cat t.tar l.tar >both.tar
    has_end both.tar
    for size in 1048576 2097152 2100224; do
        for file in l.tar both.tar; do
            head -c $size $file >cut.tar
            for threads in 1 3; do
                exits 7 "$envelope" encrypt -j$threads -r ops.pem -o out cut.tar
            done
        done
    done
}

# Members without data, and what comes before or after a header
tar_of_all_kinds() {
    long=$(printf '%0200d' 1)
    mkdir -p kinds/$long/$long
    echo data >kinds/$long/$long/file
    ln kinds/$long/$long/file kinds/hard
    ln -s $long/$long/file kinds/soft
    mkfifo kinds/fifo
    { head -c 300000 /dev/zero && echo data && head -c 300000 /dev/zero; } \
        | dd of=kinds/sparse conv=sparse bs=4096 iflag=fullblock 2>/dev/null
    for options in --format=oldgnu --format=gnu --format=pax \
        --listed-incremental=kinds.list; do
        tar $options -cf t.tar kinds
        has_end t.tar
        head -c $(($(size_of t.tar) - 20480)) t.tar >cut.tar
        lacks_end cut.tar
    done
    # Those of which the last blocks are looked at, or less
    for options in --label=name --sparse --format=oldgnu\ --sparse \
        --format=pax\ --sparse --format=pax\ --pax-option=size:=5; do
        # shellcheck disable=SC2086 # words
        tar $options -cf t.tar kinds
        has_end t.tar
    done
    ! command -v bsdtar >/dev/null || {
        for format in pax gnutar; do
            bsdtar --format=$format -cf t.tar kinds
            has_end t.tar
        done
    }
    # A size that is not octal, as of 8 GiB and more
    "$PYTHON" -c 'import tarfile
for size in 1000, 9 << 30:
    info = tarfile.TarInfo("zeros")
    first = info.tobuf()
    info.size = 9 << 30
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\x80" + size.to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:155] = b"%06o\0" % sum(block)
    with open(f"{size}.tar", "wb") as file:
        file.write(first + block + bytes(1024) + bytes(1024))'
    has_end 1000.tar
    lacks_end $((9 << 30)).tar
    head -c 2560 1000.tar >cut.tar
    lacks_end cut.tar
}

xbstream_ends() {
    "$envelope" encrypt -r ops.pem --carrier xbstream -o x.xb plain
    has_end x.xb
    for cut in 1 10 20 60 5000; do
        head -c $(($(wc -c <x.xb) - cut)) x.xb >cut.xb
        lacks_end cut.xb
    done
    # MariaDB removes or renames a file last.
    { cat x.xb; printf 'XBSTCK01\0D\003\0\0\0abc'; } >removed.xb
    has_end removed.xb
    { cat x.xb; printf 'XBSTCK01\0R\003\0\0\0abc\004\0\0\0abcd'; } >renamed.xb
    has_end renamed.xb
    { cat x.xb; printf 'XBSTCK01\0R\003\0\0\0abc\004\0\0\0abc'; } >cut.xb
    lacks_end cut.xb
}

# xb_file NAME [BYTES]: a file of an xbstream, of zeros.
xb_file() {
    "$PYTHON" -c 'import struct, sys, zlib
name, data = sys.argv[1].encode(), bytes(int(sys.argv[2]))
begin = lambda kind: b"XBSTCK01\0" + kind + struct.pack("<I", len(name)) + name
if data:
    sys.stdout.buffer.write(begin(b"P") + struct.pack(
        "<QQI", len(data), 0, zlib.crc32(data)) + data)
sys.stdout.buffer.write(begin(b"E"))' "$1" "${2:-0}"
}

# mariabackup writes the information about the backup last.
xbstream_of_a_backup() {
    { xb_file ./db/t.ibd 70000 && xb_file db/ibdata1; } >t.xb
    has_end t.xb
    for name in ./ibdata1 aria_log.00000001 mysql.ibd undo001 ib_logfile0 \
        ibdata1.qp backup-my.cnf xtrabackup_checkpoints; do
        { cat t.xb && xb_file $name 3; } >cut.xb
        lacks_end cut.xb
    done
    exits 7 "$envelope" encrypt -r ops.pem -o out cut.xb
    says_that 'ends with the file xtrabackup_info'
    for name in xtrabackup_info ./xtrabackup_info.zst mariadb_backup_info; do
        { xb_file $name 3 && cat cut.xb; } >whole.xb
        has_end whole.xb
        # Its own end is the file's end.
        { cat cut.xb && xb_file $name 100; } >whole.xb
        has_end whole.xb
        { cat cut.xb && xb_file $name 100 | head -c 150; } >cut.info.xb
        lacks_end cut.info.xb
    done
    # Headers that lie across chunks, and across buffers
    for edge in 65536 1048576; do
        for before in $(seq 0 3 60); do
            xb_file ibdata1 $((edge - before - 75)) >cut.xb
            { cat cut.xb && xb_file xtrabackup_info 3; } >whole.xb
            exits 7 "$envelope" encrypt -r ops.pem -f -o out - <cut.xb
            exits 0 "$envelope" encrypt -r ops.pem -f -o out - <whole.xb
        done
    done
    rm -f out
}

# A buffer of input may end within the last blocks.
ends_at_edges() {
    for blocks in -3 -2 -1 0 1 2; do
        head -c $((1048576 + blocks * 512 - 1536)) /dev/zero | tr '\0' x >member
        tar -b1 -cf t.tar member
        test "$(wc -c <t.tar)" -eq $((1048576 + blocks * 512))
        for threads in 1 3; do
            exits 0 "$envelope" encrypt -j$threads -r ops.pem -f -o out t.tar
            head -c -512 t.tar >cut.tar
            exits 7 "$envelope" encrypt -j$threads -r ops.pem -f -o out cut.tar
        done
    done
    rm -f out
}

of_a_program_too() {
    exits 7 "$envelope" encrypt -r ops.pem -o out -- cat cut.tar
    says_that "^envelope: cat: $(reason INCOMPLETE): "
    exits 0 "$envelope" encrypt -r ops.pem --any-end -o out -- cat cut.tar
    exits 7 "$envelope" encrypt -r ops.pem --any-end -f -o out \
        -- sh -c 'cat cut.tar; exit 1'
}

t "a pipe through which nothing came" empty_pipe
t "the end of a tar" tar_ends
t "tar archives of other programs" tars_of_others
t "a tar that is cut within zeros" tar_of_zeros
t "a tar with members of all kinds" tar_of_all_kinds
t "the end of an xbstream" xbstream_ends
t "the end of an xbstream of a backup" xbstream_of_a_backup
t "an end at the edge of a buffer" ends_at_edges
t "the end of what a program writes" of_a_program_too
