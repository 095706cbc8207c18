#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tapes, as far as a socket can stand for one: records of the length that -b
# says, or that libarchive and tar have by themselves; none is cut, on neither
# side; and what cannot be is an error.

. "${srcdir:-.}/test/support/tap.sh"

plan 32
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
need bsdtar bsdcat bsdcpio timeout "$PYTHON"

: "${CC:=gcc}"

stock_path=$PATH
. "$srcdir/test/filter/door/launchers.sh"
. "$srcdir/test/support/program.sh"
PATH=$tests_dir/bin:$PATH

# stock COMMAND... - the system's own, without the launcher
# tape COMMAND... - what it reads and writes is as on a tape
cat >bin/stock <<PROGRAM
#!/bin/sh
PATH='$stock_path' exec "\$@"
PROGRAM
cat >bin/tape <<PROGRAM
#!/bin/sh
LD_PRELOAD='$tests_dir/tape.so' exec "\$@"
PROGRAM
chmod +x bin/stock bin/tape

records() {
    timeout 60 "$PYTHON" "$srcdir/test/filter/archive/tape.py" "$@"
}

ENVELOPE_IDENTITIES=ops.key
export ENVELOPE_IDENTITIES
for_ops='--add-filter envelope --options envelope:recipient=ops.pub'

make_all() {
    "$CC" -I"$srcdir" -shared -fPIC -o tape.so "$srcdir/test/filter/archive/tape.c" -ldl
    "$envelope" keygen -o ops.key >keygen.out
    mkdir dir
    head -c 3000000 /dev/urandom >dir/random
    echo hello >dir/text
    find dir >names
    stock bsdtar -cf plain.tar dir
    stock bsdtar -tvf plain.tar >list
    head -c 4194304 /dev/zero >long
}

# in_records LENGTH FILE - all of it, in whole records of this length
in_records() {
    [ "$(wc -l <lengths)" -eq 1 ]
    grep -qx "[0-9]*x$1" lengths
    [ $(($(wc -c <"$2") % $1)) -eq 0 ]
}

# t_long NAME COMMAND... - one test with records of up to 4 MiB
t_long() {
    if records in 4194304 long cat >out 2>err; then
        t "$@"
    else
        skip "$1" 'no socket here has room for such a record'
    fi
}

# --- writing --------------------------------------------------------------

# writes LENGTH [ARGUMENT...] - the same records as without the filter
writes() {
    writes_len=$1
    shift
    records out made stock bsdtar "$@" -cf - dir >lengths
    in_records "$writes_len" made
    # shellcheck disable=SC2086
    records out made bsdtar $for_ops "$@" -cf - dir >lengths
    in_records "$writes_len" made
    "$envelope" verify made
    bsdtar -xOf made dir/random | cmp - dir/random
}

writes_cpio() { # LENGTH [ARGUMENT...]
    writes_len=$1
    shift
    records out made stock bsdcpio -o "$@" <names >lengths
    in_records "$writes_len" made
    # shellcheck disable=SC2086
    records out made bsdcpio $for_ops -o "$@" <names >lengths
    in_records "$writes_len" made
    bsdcpio -it <made >out
    grep -qx dir/random out
}

# An archive that ends within its first record
writes_short() {
    # shellcheck disable=SC2086
    records out made bsdtar $for_ops -b 2048 -cf - dir/text >lengths
    [ "$(cat lengths)" = 1x1048576 ]
    bsdtar -xOf made dir/text | cmp - dir/text
}

# A drive with fixed blocks
fixed_blocks() {
    # shellcheck disable=SC2086
    TAPE_BLOCK=65536 records out made tape bsdtar $for_ops -b 128 \
        -cf - dir >lengths
    in_records 65536 made
    "$envelope" verify made
    # shellcheck disable=SC2086
    TAPE_BLOCK=65536 complains 'Invalid argument' \
        records out made tape bsdtar $for_ops -cf - dir
}

# Nothing may follow their ends: the last record is short, or it is refused.
writes_unpadded() { # CARRIER
    in_carrier="--options envelope:carrier=$1"
    # shellcheck disable=SC2086
    records out made bsdtar $for_ops $in_carrier -cf - dir >lengths
    grep -qxE '[0-9]+x10240 1x[0-9]+' lengths
    "$envelope" verify made
    records in 10240 made bsdtar -tvf - >out
    cmp list out
    for target in - none; do
        # shellcheck disable=SC2086
        complains 'only the carrier tar can be' \
            bsdtar $for_ops $in_carrier -b 128 -cf $target dir
        [ ! -s said ]
    done
    [ ! -e none ]
}

t 'keys, a tree, and what makes a tape of a socket' make_all
t 'records of 10240 bytes if nothing is said' writes 10240
t 'records of 512 bytes' writes 512 -b 1
t 'records of 64 KiB' writes 65536 -b 128
t_long 'records of 1 MiB' writes 1048576 -b 2048
t 'records of 64 KiB, compressed' writes 65536 -b 128 -z
t 'records of 64 KiB, of a zip' writes 65536 -b 128 --format=zip
t 'records of bsdcpio' writes_cpio 512
t 'records of bsdcpio -B' writes_cpio 5120 -B
t 'records of bsdcpio -C' writes_cpio 65536 -C 65536
t_long 'one record' writes_short
t 'a drive with fixed blocks' fixed_blocks
t 'no padding of a raw carrier' writes_unpadded raw
t 'no padding of an xbstream' writes_unpadded xbstream

# --- what padding means for readers ---------------------------------------

readers_of_padding() {
    # shellcheck disable=SC2086
    bsdtar $for_ops --options envelope:piece-size=65536 -b 8192 \
        -cf padded dir
    [ "$(wc -c <padded)" -eq 4194304 ]
    "$envelope" verify padded
    "$envelope" -d padded >out.tar
    cmp out.tar plain.tar
    "$envelope" -d <padded | cmp - plain.tar
    "$envelope" decrypt --range 100000:70000 padded >out
    tail -c +100001 plain.tar | head -c 70000 | cmp - out
    "$envelope" decrypt --salvage -o out.salvaged padded
    cmp out.salvaged plain.tar
    "$envelope" inspect padded | grep -q 'fits the format'
    bsdtar -tvf padded >out
    cmp list out
    bsdtar -tvf - <padded >out
    cmp list out
    bsdcat padded | cmp - plain.tar
    "$envelope" rewrap -r ops.pub padded
    "$envelope" verify padded
    stock tar -tf padded >out
    grep -qx envelope/payload.00000000 out
}

t 'every reader takes what a record was padded with' readers_of_padding

# --- reading --------------------------------------------------------------

# reads FILE LENGTH COMMAND... - it reads the tape, and lists all of it
reads() {
    reads_file=$1 reads_len=$2
    shift 2
    records in "$reads_len" "$reads_file" tape "$@" >out
    cmp list out
}

reads_plain() { # FACTOR
    stock bsdtar -b "$1" -cf made dir
    reads made $(($1 * 512)) stock bsdtar -b "$1" -tvf -
    reads made $(($1 * 512)) bsdtar -b "$1" -tvf -
}

reads_sealed() { # FACTOR
    # shellcheck disable=SC2086
    bsdtar $for_ops -b "$1" -cf made dir
    reads made $(($1 * 512)) bsdtar -b "$1" -tvf -
    reads made $(($1 * 512)) bsdtar -b 8192 -tvf -
}

reads_by_default() {
    reads plain.tar 10240 bsdtar -tvf -
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf made dir
    reads made 10240 bsdtar -tvf -
}

reads_others() {
    # shellcheck disable=SC2086
    bsdcpio $for_ops -o -C 4096 <names >made
    records in 4096 made tape bsdcpio -it -C 4096 >out
    grep -qx dir/random out
    stock bsdcpio -o -C 4096 <names >made
    records in 4096 made tape bsdcpio -it -C 4096 >out
    grep -qx dir/random out
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf made dir
    records in 10240 made tape bsdcat | cmp - plain.tar
    records in 10240 plain.tar tape bsdcat | cmp - plain.tar
}

too_long() { # FILE
    complains 'longer than the 10240 bytes' \
        records in 65536 "$1" tape bsdtar -xOf -
    [ ! -s said ]
    ! records in 65536 "$1" bsdtar -xOf - >said || false # it is cut
}

too_long_sealed() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -b 128 -cf made dir
    too_long made
}

too_long_plain() {
    stock bsdtar -b 128 -cf made dir
    too_long made
}

# Not read, but no reason for who writes it to fail.
padding_in_a_pipe() {
    {
        writer=0
        stock bsdtar -b 8192 -cf - dir/text || writer=$?
        echo $writer >writer
    } | bsdtar -tf - >out
    grep -qx dir/text out
    grep -qx 0 writer
}

t 'a plain tape, as ever' reads_plain 128
t 'a plain tape of short records' reads_plain 1
t_long 'a plain tape of long records' reads_plain 8192
t 'an envelope on a tape' reads_sealed 128
t 'an envelope in short records' reads_sealed 1
t_long 'an envelope in long records' reads_sealed 8192
t 'both without -b' reads_by_default
t 'bsdcpio and bsdcat' reads_others
t 'a record of an envelope that is too long' too_long_sealed
t 'a record of a plain tape that is too long' too_long_plain
t 'a pipe that is padded' padding_in_a_pipe

# --- the command ----------------------------------------------------------

command_writes() {
    records out made tape "$envelope" -r ops.pub plain.tar >lengths
    in_records 10240 made
    "$envelope" verify made
    records out text tape "$envelope" -d made >lengths
    cmp text plain.tar
    grep -qE '^[0-9]+x10240' lengths
    [ "$(wc -w <lengths)" -le 2 ]
    records out again tape "$envelope" rewrap -r ops.pub -o - made >lengths
    in_records 10240 again
    "$envelope" verify again
}

command_reads() { # LENGTH
    "$envelope" -r ops.pub plain.tar >sealed
    records in "$1" sealed tape "$envelope" -d | cmp - plain.tar
    records in "$1" sealed tape "$envelope" verify
    records in "$1" sealed tape "$envelope" verify --header
    records in "$1" plain.tar tape "$envelope" -r ops.pub >made
    "$envelope" -d made | cmp - plain.tar
    records in "$1" sealed tape "$envelope" inspect >out
    grep -q 'X25519' out
}

command_too_long() {
    "$envelope" -r ops.pub plain.tar >sealed
    exits 1 records in 2000000 sealed tape "$envelope" -d >said
    [ ! -s said ]
    grep -q 'longer than the 1048576 bytes' err
}

t 'the command writes records as tar does' command_writes
for length in 512 10240 65536; do
    t "the command reads records of $length bytes" command_reads $length
done
t_long 'the command reads records of 1 MiB' command_reads 1048576
t_long 'a record that is too long for the command' command_too_long
