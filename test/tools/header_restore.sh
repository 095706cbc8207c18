#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope header restore puts a header back, wherever the file is damaged.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 20
. "$srcdir/test/tools/rewrap_support.sh"
. "$srcdir/test/tools/header_support.sh"

make_all() {
    make_files
    cp plain many.plain
    head -c 40000 plain >one.plain
    head -c 3000 plain >small.plain
    : >empty.plain
    for kind in raw tar xbstream; do
        cp a.$kind many.$kind
        for size in one small empty; do
            one_piece $kind $size.plain 600 >$size.$kind
        done
    done
}
set_up make_all

# decrypts FILE KEY PLAINTEXT
decrypts() {
    "$envelope" -d -i "$2.key" <"$1" | cmp "$3" -
}

# --- a header that is whole -------------------------------------------------

undoes_a_rewrap() { # KIND
    cp "a.$1" f
    header save f >H
    rewrap -i old.key -r new.pem f
    cp f rewrapped
    restores f
    cmp f "a.$1"
    # What it had is a saved header again.
    says_that '^envelope: f: what it had in its place is in .*f.envelope-header$'
    mv f.envelope-header H
    restores f -i new.key
    cmp f rewrapped
    header restore -i new.key H f >told
    tells 'f: unchanged, it has this header'
    rm -f f.envelope-*
}

kept_names() {
    cp a.raw f
    header save f >H
    ln -s nowhere f.envelope-header
    for n in 1 2; do
        rewrap -i old.key -r new.pem f
        header save f >"new.$n"
        restores f
        cmp "f.envelope-header.$n" "new.$n"
    done
    [ -L f.envelope-header ]
    [ ! -e nowhere ]
    rm f.envelope-*
    chmod 640 f
    rewrap -i old.key -r new.pem f
    ln -sf f link
    exits 0 header restore -i old.key H link >told
    [ "$(stat -c %a f.envelope-header)" = 640 ]
    rm f.envelope-header link
}

times() {
    cp a.tar f
    header save f >H
    rewrap -i old.key -r new.pem f
    touch -d '2025-01-02' f
    was=$(stat -c %y f)
    restores f --preserve-mtime -i old.key
    [ "$(stat -c %y f)" = "$was" ]
    cmp f a.tar
    rm f.envelope-*
}

# --- one that is damaged ----------------------------------------------------

# At the beginning, up to each part of the file and its frames
damaged() { # KIND
    for size in many one small empty; do
        header save "$size.$1" >H
        start=$(start_at "$size.$1")
        how=zero
        for n in 1 40 560 $((start - 100)) $((start - 30)) "$start" \
            $((start + 20)) $((start + 56)); do
            case $how in zero) how=spoil ;; *) how=zero ;; esac
            cp -p "$size.$1" f
            $how f "$n"
            cp f was
            restores f
            like f "$size.$1"
            decrypts f old "$size.plain"
            # What there was is kept, and the rest is as it was.
            kept=$(size_of f.envelope-damaged)
            head -c "$kept" was | cmp - f.envelope-damaged
            tail -c +$((kept + 1)) was >rest
            tail -c +$((kept + 1)) f | cmp - rest
            rm -f f.envelope-*
        done
    done
}

# Within: any byte of it, and of the frames around it
flipped() { # KIND
    header save "a.$1" >H
    start=$(start_at "a.$1")
    at=0
    while [ "$at" -lt $((start + 56)) ]; do
        cp -p "a.$1" f
        flip f "$at" 16
        cp f was
        exits 0 header restore -i old.key H f >told
        decrypts f old plain
        # A byte that says nothing stays as it is.
        grep -q ': unchanged' told || like f "a.$1"
        rm -f f.envelope-*
        at=$((at + 97))
    done
}

# A hole that leaves the header's beginning, so that it can still be read
hole() {
    for kind in raw tar xbstream; do
        header save a.$kind >H
        start=$(start_at a.$kind)
        cp -p a.$kind f
        spoil f 30 $((start + 10))
        restores f
        cmp f a.$kind
        cp -p a.$kind f
        spoil f 20000 $((start + 10))
        restores f
        says_that 'data at its beginning is damaged, too'
        exits 6 "$envelope" decrypt -i old.key --salvage f >out
        tail -c 200000 plain >want
        tail -c 200000 out | cmp want -
        rm -f f.envelope-*
    done
}

# The first MiB: as after a mistake with dd
first_mib() {
    head -c 3000000 /dev/urandom >big
    for kind in raw tar xbstream; do
        for piece in 65536 8388608; do
            "$envelope" -r old.pem --carrier $kind --piece-size $piece <big >a
            header save a >H
            for how in zero spoil; do
                cp a f
                $how f 1048576
                restores f
                says_that 'data at its beginning is damaged, too'
                exits 6 "$envelope" decrypt -i old.key --salvage f >out
                [ "$(size_of out)" -eq 3000000 ]
                tail -c 1900000 big >want
                tail -c 1900000 out | cmp want -
                rm -f f.envelope-*
            done
        done
    done
}

# With a header that is longer than the damage nothing is lost.
first_mib_of_header() {
    for kind in raw tar xbstream; do
        "$envelope" -r old.pem --carrier $kind --reserve 1100000 <plain >a
        header save a >H
        cp -p a f
        spoil f 1048576
        restores f
        ! says_that 'data at its beginning' || false
        like f a
        decrypts f old plain
        rm -f f.envelope-*
    done
}

by_tar() {
    rm -rf x
    mkdir x
    tar -xf a.tar -C x
    for format in gnu pax; do
        (cd x && tar --sort=name --format=$format -cf - ./envelope) >a
        header save a >H
        start=$(start_at a)
        for n in 20 600 $((start - 600)) $((start - 100)); do
            cp a f
            spoil f "$n"
            # What pax has between the pieces is not known to be there.
            if [ $format = pax ] && [ "$n" -gt $((start - 512)) ]; then
                refused 5 LAST_CHUNK -i old.key
                refused 5 CARRIER --no-key
                continue
            fi
            restores f
            decrypts f old plain
            tar -tf f >/dev/null
            rm -f f.envelope-*
        done
    done
    # The payload first: there is no place before it.
    carrier join a.tar >joined
    carrier split tar --piece-size 65536 --order pieces,header,key,end \
        joined >f
    header save f >H
    spoil f 20 $(($(size_of f) - 12000))
    spoil f 512 0
    refused 5 CARRIER_MEMBER -i old.key
    # A header that can be read, and not be overwritten where it is
    carrier split tar --piece-size 65536 --order header,pieces,key,end \
        joined >f
    rewrap -i old.key -r new.pem -o new f
    header save new >H
    refused 5 CARRIER_MEMBER -i new.key
    says_that '-o NEWFILE'
}

# --- of another length ------------------------------------------------------

shorter_and_longer() {
    for kind in raw tar xbstream; do
        header save a.$kind >H # 600 bytes of padding
        rewrap -i old.key -r new.pem --reserve 2000 -f -o long a.$kind
        cp long f
        restores f
        decrypts f old plain
        payload long >want
        payload f | cmp want -
        header save f | tail -c 56 >want
        tail -c 56 H | cmp want -
        rm -f f.envelope-*
        # The 56 bytes show where it ended.
        cp long f
        spoil f 400
        restores f
        decrypts f old plain
        [ $kind = raw ] || carrier join f >joined
        rm -f f.envelope-*
        # Without them nothing does: the header was as long as H, or it is not
        # found.
        cp long f
        spoil f "$(($(start_at long) + 56))"
        refused 5 COMMITMENT -i old.key
    done
    # Too long: an entry more, and no padding
    rewrap -i old.key --add -R keys --reserve 0 -o longer a.raw
    rewrap -i old.key --replace-all -r third.pem --reserve 0 -o shorter a.raw
    cp shorter f
    header save longer >H
    refused 5 HEADER_TOO_LARGE -i old.key
    says_that 'envelope rewrap --remove'
    spoil f 40
    refused 5 HEADER_TOO_LARGE -i old.key
    refused 5 HEADER_TOO_LARGE --no-key
    # as the message says
    rewrap -i old.key --replace-all -r third.pem H
    restores f -i third.key
    rm -f f.envelope-*
}

many_keys() {
    mkdir keys
    for n in 1 2 3; do
        new_ec "keys/$n" P-256
        rm "keys/$n.key"
    done
}

# --- from anywhere ----------------------------------------------------------

saved_in_another_way() {
    cp a.tar f
    header save f >H
    spoil f 1000
    cp f damaged
    mkfifo pipe
    cat H >pipe &
    exits 0 header restore -i old.key pipe f >told
    wait $!
    decrypts f old plain
    cp damaged f
    exits 0 sh -c '"$0" header restore -i old.key - f <H' "$envelope" >told
    decrypts f old plain
    # A copy of the backup in another carrier has the header, too.
    cp damaged f
    carrier join a.tar >other
    exits 0 header restore -i old.key other f >told
    decrypts f old plain
    rm -f f.envelope-*
}

without_key() {
    for kind in raw tar xbstream; do
        cp -p a.$kind f
        header save f >H
        start=$(start_at f)
        spoil f $((start - 60))
        restores f --no-key
        like f a.$kind
        rm -f f.envelope-*
        spoil f "$start"
        restores f --no-key # later leads say how long a piece is
        like f a.$kind
        rm -f f.envelope-*
        spoil f $((start + 56))
        refused 5 COMMITMENT --no-key
        says_that 'a key must open its data'
    done
    for kind in tar xbstream; do
        cp one.$kind f
        header save f >H
        spoil f "$(start_at f)"
        refused 5 CARRIER --no-key
        says_that 'a key finds its length'
        restores f
        rm -f f.envelope-*
    done
}

# The signatures are a part of what the keys do not bind, and of the 56 bytes.
signed() {
    "$envelope" keygen -t ed25519 -o sign.key
    "$envelope" keygen -t ed25519 -o other.key
    for kind in raw tar xbstream; do
        "$envelope" -r old.pem -s sign.key --carrier $kind <plain >a
        header save -i old.key --signed-by sign.pub a >H
        exits 4 header save -i old.key --signed-by other.pub -o no a
        cp -p a f
        spoil f $(($(start_at a) - 700))
        refused 4 OTHER_SIGNER -i old.key --signed-by other.pub
        restores f -i old.key --signed-by sign.pub
        like f a
        rm f.envelope-*
        "$envelope" verify -i old.key --signed-by sign.pub f
        # Another header before the same data
        rewrap -i old.key -r new.pem f
        restores f -i old.key --signed-by sign.pub
        "$envelope" verify -i old.key --signed-by sign.pub f
        rm f.envelope-*
    done
}

t 'keys for a long header' many_keys
for kind in raw tar xbstream; do
    t "$kind: a rewrap is undone" undoes_a_rewrap $kind
done
t 'what was replaced is kept' kept_names
t 'times' times
for kind in raw tar xbstream; do
    t "$kind: damaged at the beginning" damaged $kind
    t "$kind: a bit of it flipped" flipped $kind
done
t 'damaged where the data begins' hole
t 'the first MiB is overwritten' first_mib
t 'the first MiB, of a longer header' first_mib_of_header
with_tool tar 'packed again' by_tar
t 'a header of another length' shorter_and_longer
t 'a header from a pipe, or of a copy' saved_in_another_way
t 'without a key' without_key
t 'signed' signed
