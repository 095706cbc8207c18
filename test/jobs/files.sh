#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files and images as envelope-jobs(7) has it: trees with all that hangs on files,
# images with holes, volumes of a fixed size, and tapes.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 12
not_sanitized 'it is about scripts'
provider
need bsdtar getfacl setfacl setfattr getfattr split tar zstd
. "$srcdir/test/filter/door/launchers.sh"
launcher=$tests_dir/bin/bsdtar-envelope
PATH=${envelope%/*}:$PATH

loop=
# shellcheck disable=SC2034 # of tap.sh
cleanup=detach
detach() {
    [ -z "$loop" ] || losetup -d "$loop"
}

blocks() {
    stat -c %b "$1"
}

# All that a tree is, with access control lists and attributes
look() { # TREE
    (
        cd "$1" || exit
        find . -printf '%P|%m|%U|%G|%y|%n|%T@|%l\0' | sort -z | tr '\0' '\n'
        find . -type f -print0 | sort -z | xargs -0 sha256sum
        find . ! -type l -print0 | sort -z | xargs -0 getfacl -n --
        find . -print0 | sort -z | xargs -0 getfattr -h -d -m user. -e hex --
    )
}

make_tree() {
    envelope keygen -o ops.key
    mkdir -p tree/sub "tree/new
line"
    echo one >tree/sub/one
    ln tree/sub/one tree/hard
    ln -s ../nowhere tree/link
    setfattr -n user.kind -v backup tree/sub/one
    setfacl -m u:12345:r,g:54321:rw tree/sub/one
    setfacl -d -m u:12345:rx tree/sub
    truncate -s 3M tree/hole
    echo end >>tree/hole
    echo dash >tree/-dash
    long=$(printf %0200d 7)
    mkdir -p "tree/$long/$long"
    echo long >"tree/$long/$long/$long"
    look tree >tree.look
    grep -q '^user:12345:r' tree.look
    grep -q '^user.kind=' tree.look
}

unpacked() { # DIRECTORY
    look "$1/tree" >back.look
    diff tree.look back.look
    [ "$(blocks "$1/tree/hole")" -lt 100 ]
}

by_bsdtar() {
    envelope encrypt -r ops.pub -o bsd.env -- bsdtar --format=pax -cf - tree
    for _ in 1 2 3 4 5 6 7 8; do
        rm -rf bsd.d && mkdir bsd.d
        envelope decrypt -i ops.key bsd.env -- bsdtar -xpSf - -C bsd.d
    done
    unpacked bsd.d
}

# It stops at the end of the archive, and what is left unread would be an error.
by_gnu_tar() {
    envelope encrypt -r ops.pub -o gnu.env -- tar --acls --xattrs -cSf - tree
    for _ in 1 2 3 4 5 6 7 8; do
        rm -rf gnu.d && mkdir gnu.d
        envelope decrypt -i ops.key gnu.env -- \
            tar --acls --xattrs -xpif - -C gnu.d
    done
    unpacked gnu.d
}

by_the_launcher() {
    "$launcher" --add-filter envelope --format=pax \
        --options envelope:recipient=ops.pub -cf launched.env tree
    mkdir launched.d one
    "$launcher" --options envelope:identity=ops.key \
        -xpSf launched.env -C launched.d
    unpacked launched.d
    "$launcher" --options envelope:identity=ops.key \
        -xf launched.env -C one tree/-dash
    echo dash | cmp - one/tree/-dash
}

# A file that is not there: one has a name, the other one has none.
not_all_of_it() {
    for producer in 'bsdtar -cf' 'tar -cSf'; do
        status=0
        # shellcheck disable=SC2086 # words
        envelope encrypt -r ops.pub -o part.env -- $producer - tree none || status=$?
        [ $status -eq 7 ]
        test ! -e part.env
    done
    status=0
    "$launcher" --add-filter envelope \
        --options envelope:recipient=ops.pub -cf part.env tree none || status=$?
    [ $status -eq 1 ]
    envelope verify -i ops.key part.env
}

# Status 1 of GNU tar: it fails, and with the line of the page it does not.
changes() {
    steady_text 2000000 >tree/large
    # In a file: tar 1.35 crashes over what a shell would expand.
    printf '#!/bin/sh\necho more >>tree/large\n' >action
    chmod +x action
    TAR_OPTIONS="--checkpoint=20 --checkpoint-action=exec=./action"
    export TAR_OPTIONS
    status=0
    envelope encrypt -r ops.pub -o live.env -- tar -cSf - tree 2>err || status=$?
    [ $status -eq 7 ]
    grep -q 'file changed as we read it' err
    test ! -e live.env
    envelope encrypt -r ops.pub -o live.env -- \
        sh -c 'tar -cSf - tree; [ $? -le 1 ]' 2>err
    grep -q 'file changed as we read it' err
    envelope verify -i ops.key live.env
    status=0
    envelope encrypt -r ops.pub -o none.env -- \
        sh -c 'tar -cSf - tree none; [ $? -le 1 ]' || status=$?
    [ $status -eq 7 ]
    rm tree/large
}

# 3 MB of data in 64 MB
make_image() {
    truncate -s 64M disk.img
    steady_text 3000000 \
        | dd of=disk.img bs=1M seek=5 conv=notrunc iflag=fullblock status=none
    [ "$(blocks disk.img)" -lt 7000 ]
}

# has_holes FILE - it is the image, and no block more
has_holes() {
    cmp disk.img "$1"
    [ "$(blocks "$1")" -le $(($(blocks disk.img) + 64)) ]
}

image() {
    envelope encrypt -r ops.pub -o full.env disk.img
    [ "$(blocks full.env)" -gt 131072 ]
    envelope decrypt -i ops.key --sparse -o back.img full.env
    has_holes back.img
    envelope decrypt -i ops.key full.env \
        -- dd of=dd.img conv=sparse bs=4k iflag=fullblock
    has_holes dd.img
}

# The envelope is as short as the data.
image_in_little() {
    envelope encrypt -r ops.pub -o tar.env -- tar -cSf - disk.img
    [ "$(size_of tar.env)" -lt 4000000 ]
    mkdir images
    envelope decrypt -i ops.key tar.env -- tar -xf - -C images
    has_holes images/disk.img
    envelope encrypt -r ops.pub -o zstd.env -- zstd -qc disk.img
    [ "$(size_of zstd.env)" -lt 4000000 ]
    envelope decrypt -i ops.key zstd.env -- zstd -qd --sparse -o zstd.img
    has_holes zstd.img
}

# A device of 64 MiB, with nothing but zeros at first
device() {
    envelope encrypt -r ops.pub -o device.env "$loop"
    exits 2 envelope decrypt -i ops.key -o "$loop" full.env
    cmp -n 67108864 "$loop" /dev/zero
    envelope decrypt -i ops.key -f -o "$loop" full.env
    cmp disk.img "$loop"
    envelope encrypt -f -r ops.pub -o device.env "$loop"
    envelope decrypt -i ops.key --sparse -o device.img device.env
    has_holes device.img
    # What is damaged is told; the device has a part then.
    cp full.env bad.env
    flip bad.env 40000000
    exits 5 envelope decrypt -i ops.key -f -o "$loop" bad.env
}

# --- volumes ----------------------------------------------------------------

# volumes COMMAND... - what it writes, in ./set, as the page does it
volumes() {
    rm -rf set set.part
    bash -c 'set -o pipefail
        mkdir set.part
        envelope encrypt -r ops.pub --receipt set.part/receipt.json -- "$@" |
            split -d -a 4 -b 500K - set.part/home.env. &&
            (cd set.part && set -- home.env.* &&
                for file; do mv "$file" "$file-of-$#"; done) &&
            mv set.part set' bash "$@"
}

make_volumes() {
    steady_text 2300000 >data
    volumes cat data
    [ "$(cd set && echo home.env.*)" = "home.env.0000-of-5 home.env.0001-of-5 \
home.env.0002-of-5 home.env.0003-of-5 home.env.0004-of-5" ]
    cat set/home.env.*-of-5 | envelope decrypt -i ops.key -- cat >back
    cmp data back
    cat set/home.env.*-of-5 | envelope verify --no-key --receipt set/receipt.json
}

# refuses STATUS COMMAND... - somebody did this to the volumes
refuses() {
    refuses_status=$1
    shift
    rm -rf bad joined
    cp -r set bad
    (cd bad && "$@")
    cat bad/home.env.* >joined
    exits "$refuses_status" envelope decrypt -i ops.key -o volumes.back joined
    test ! -e volumes.back
    status=0
    envelope verify --no-key --receipt set/receipt.json joined || status=$?
    [ $status -eq "$refuses_status" ]
}

swap() {
    mv "$1" x && mv "$2" "$1" && mv x "$2"
}

bad_volumes() {
    refuses 4 rm home.env.0000-of-5
    refuses 5 rm home.env.0002-of-5
    refuses 5 rm home.env.0004-of-5
    refuses 5 rm home.env.0003-of-5 home.env.0004-of-5
    refuses 5 swap home.env.0001-of-5 home.env.0002-of-5
    refuses 5 swap home.env.0003-of-5 home.env.0004-of-5
    refuses 5 cp home.env.0001-of-5 home.env.0001-of-5-again
    refuses 5 cp home.env.0004-of-5 home.env.0004-of-5-again
    refuses 5 cp home.env.0001-of-5 home.env.0002-of-5
    refuses 5 truncate -s -1 home.env.0004-of-5
    refuses 5 truncate -s 400K home.env.0001-of-5
}

# Cut at a chunk's end, too, and of a producer that has failed
no_set() {
    ! volumes sh -c 'cat data; exit 3' || false
    test ! -e set
    test ! -e set.part/receipt.json
    cat set.part/home.env.* >joined
    exits 5 envelope decrypt -i ops.key -o volumes.back joined
    ! volumes sh -c 'head -c 1000000 data; kill -KILL $$' || false
    test ! -e set
    ! (ulimit -f 300 && trap '' XFSZ && volumes cat data) || false
    test -s set.part/home.env.0000
    test ! -e set
}

# --- tapes ------------------------------------------------------------------

# A file in the place of the tape: blocks of 256 KiB, the last one filled
tape() {
    for what in 'tar -cf - tree' 'cat data' 'head -c 0 data' 'head -c 262144 data'; do
        # shellcheck disable=SC2086 # words
        envelope encrypt -r ops.pub --carrier tar -- $what \
            | dd bs=256k iflag=fullblock conv=sync of=tape status=none
        [ $(($(size_of tape) % 262144)) -eq 0 ]
        # shellcheck disable=SC2086
        $what >want
        dd if=tape bs=4M status=none | envelope decrypt -i ops.key >back
        cmp want back
    done
    envelope encrypt -r ops.pub --carrier raw -- cat data \
        | dd bs=256k iflag=fullblock conv=sync of=tape status=none
    exits 5 envelope verify -i ops.key tape
    # The producer fails: there is something on the tape, and no whole.
    envelope encrypt -r ops.pub --carrier tar -- sh -c 'cat data; exit 3' \
        | dd bs=256k iflag=fullblock conv=sync of=tape status=none
    exits 5 envelope verify -i ops.key tape
}

set_up make_tree
t "a tree, by bsdtar" by_bsdtar
t "a tree, by GNU tar" by_gnu_tar
t "a tree, by the launcher" by_the_launcher
t "a tar that did not get all" not_all_of_it
t "a file that changes while it is read" changes
set_up make_image
t "an image with holes" image
t "an image, and an envelope that is shorter" image_in_little
if [ "$(id -u)" -eq 0 ] && command -v losetup >/dev/null \
    && truncate -s 64M device && loop=$(losetup --show -f device 2>/dev/null); then
    t "a block device" device
else
    loop=
    skip_allowed "a block device" "there is no loop device"
fi
t "volumes" make_volumes
t "volumes that are missing, swapped or doubled" bad_volumes
t "volumes of a producer that has failed" no_set
t "a tape" tape
