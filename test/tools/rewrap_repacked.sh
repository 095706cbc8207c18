#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What envelope rewrap makes of archives that others have packed again, and of
# those that are cut short.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 12
. "$srcdir/test/tools/rewrap_support.sh"
set_up make_files

repacked() { # KIND ARGUMENT-OF-SPLIT...
    repacked_kind=$1
    shift
    carrier join "a.$repacked_kind" >joined
    carrier split "$repacked_kind" --piece-size 65536 "$@" joined >f
    cp f before
}

packed_again() { # KIND ARGUMENT-OF-SPLIT...
    repacked "$@"
    rewrap -i old.key -r new.pem f
    in_place f before
    opens f new
    carrier join f >joined
}

elsewhere() { # KIND ARGUMENT-OF-SPLIT...
    repacked "$@"
    untouched 1 CARRIER_MEMBER -i old.key -r new.pem
    says_that '-o NEWFILE'
    rm -f made
    rewrap -i old.key -r new.pem -o made f
    opens made new
    # As long as the pieces were, if that was known from the beginning on.
    canonical made "$1" || carrier canonical "$1" made
}

by_tar() {
    rm -rf x
    mkdir x
    tar -xf a.tar -C x
    for format in gnu pax; do
        (cd x && tar --sort=name --format=$format -cf - ./envelope) >f
        cp f before
        rewrap -i old.key -r new.pem f
        in_place f before
        opens f new
        tar -tf f >/dev/null
    done
}

by_mbstream() {
    rm -rf x
    mkdir x
    cp a.xbstream f
    rewrap -i old.key -r new.pem f
    mbstream -x -C x <f
    cat x/envelope/header x/envelope/key.p7m x/envelope/payload >joined
    opens joined new
    (cd x && mbstream -c envelope/key.p7m envelope/header envelope/payload) >f
    cp f before
    rewrap -i new.key -r old.pem f
    in_place f before
    opens f old
}

xbcloud() {
    "$envelope" -r old.pem --carrier xbstream --xbcloud --piece-size 65536 \
        <plain >f
    rm -f made
    rewrap -i old.key -r new.pem -o made f
    carrier canonical xbstream --piece-size 65536 --xbcloud made
    opens made new
}

short_payload() { # KIND
    carrier join "a.$1" >joined
    length=$(header_length joined)
    for size in 56 71 $((56 + 16400)) $((56 + 16400 + 15)); do
        # A raw stream that ends there is a saved header (header_save.sh).
        [ "$1" != raw ] || [ "$size" -ne 56 ] || continue
        head -c $((length + size)) joined >short
        if [ "$1" = raw ]; then
            cp short f
        else
            carrier split "$1" --piece-size 65536 short >f
        fi
        exits 5 rewrap -i old.key -r new.pem -o never f
        says_that "$(reason TRUNCATED)"
        [ ! -e never ]
    done
    # Of an archive that was cut nothing is left either.
    [ "$1" = raw ] || {
        head -c 200000 "a.$1" >f
        exits 5 rewrap -i old.key -r new.pem -o never f
        says_that "$(reason CARRIER_TRUNCATED)"
        [ ! -e never ]
    }
}

t 'tar: directories and pax headers between' packed_again tar \
    --order 'dir:./,x:comment=a,header,g:comment=b,dir:envelope/,key,pieces,end'
t 'tar: the key first' packed_again tar --order key,header,pieces,end
t 'xbstream: the key first' packed_again xbstream \
    --order key,header,key.E,header.E,pieces,payload.E
t 'tar: the key after the payload' elsewhere tar \
    --order header,pieces,key,end
t 'xbstream: the header after the payload' elsewhere xbstream \
    --order key,key.E,pieces,payload.E,header,header.E
t 'xbstream: a key in two chunks' elsewhere xbstream \
    --order 'header,header.E,key[0:100],key[100:],key.E,pieces,payload.E'
with_tool tar 'packed again by GNU tar' by_tar
with_tool mbstream 'packed again by mbstream' by_mbstream
t 'the files for xbcloud' xbcloud
for kind in raw tar xbstream; do
    t "$kind: a payload of a length that none has" short_payload $kind
done
