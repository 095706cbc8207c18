#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a hostile header costs: elements that are read and private-key operations
# are counted, with many keys at hand.  Nothing is timed.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 9
not_sanitized 'a library is preloaded, which counts'
provider
need "$PYTHON"

: "${CC:=cc}"

hostile() { # CASE [KEY] - a header in which the entries claim to be for KEY
    "$PYTHON" "$srcdir/test/interop/hostile.py" f "$1" ${2:+"$(id_of "$2")"}
}

# The elements of ./h, as a program reads them that looks at each and opens none.
count_once() {
    COUNT_FILE=count LD_PRELOAD=$PWD/count.so "$envelope" inspect h
    read -r once operations begun <count
    [ "$once" -gt 1000 ]
    [ "$operations" -eq 0 ]
}

id_of() {
    "$OPENSSL" pkey -in "$1.key" -pubout -outform DER \
        | "$OPENSSL" dgst -sha256 -r | cut -c 1-40
}

keys() {
    for number in 1 2 3 4 5; do
        "$OPENSSL" genpkey -algorithm X25519
        "$OPENSSL" genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    done >many.key
    "$OPENSSL" genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out rsa.key
    "$OPENSSL" genpkey -algorithm X448 -out x448.key
    "$OPENSSL" genpkey -algorithm X25519 -out mine.key
    cat many.key rsa.key x448.key >all.key
    "$OPENSSL" pkey -in mine.key -pubout -out mine.pub
    "$OPENSSL" pkey -in rsa.key -pubout -out rsa.pub
    "$CC" -shared -fPIC -o count.so "$srcdir/test/tools/count.c" -lcrypto -ldl
    echo plain >plain
    "$envelope" -r mine.pub <plain >f
}

# costs READINGS OPERATIONS COMMAND... - at most; of the whole of ./h, and some
# thousand elements for the keys
costs() {
    most=$(($1 * once + 5000)) most_operations=$2
    shift 2
    COUNT_FILE=count LD_PRELOAD=$PWD/count.so "$@" || status=$?
    read -r elements operations begun <count
    [ "$elements" -le "$most" ]
    [ "$operations" -le "$most_operations" ]
}

t 'keys' keys

one_reading() {
    for case in names names-of-many names-in-kari; do
        hostile $case >h
        count_once
        status=0
        costs 1 64 "$envelope" verify -i all.key h
        [ "$status" -eq 3 ]
    done
}
t 'a message is read once for all keys' one_reading

others() {
    for case in rsa x25519 x448 ec ec-points ec-ukm all; do
        hostile $case >h
        count_once
        status=0
        costs 1 64 "$envelope" verify -i all.key h
        [ "$status" -eq 3 ]
    done
    hostile rsa >h
    count_once
    costs 1 64 "$envelope" verify -i all.key h 2>err
    [ "$operations" -eq 64 ]
    grep 'keys were tried 64 times' err
}
t '64 operations on entries for nobody here' others

# And 5 of the X25519 keys on the file's own entry.
named() {
    hostile rsa rsa >h
    count_once
    status=0
    costs 1 69 "$envelope" verify -i all.key h
    [ "$status" -eq 3 ]
    [ "$operations" -eq 69 ]
    hostile x448 x448 >h
    count_once
    costs 1 69 "$envelope" verify -i all.key h
    [ "$operations" -eq 69 ]
}
t '64 operations on entries that claim to be for a key here' named

# The file's own entry costs the five X25519 keys one operation each.
misfits() {
    hostile rsa-short rsa >h
    count_once
    costs 1 5 "$envelope" verify -i all.key h
    hostile rsa >h
    count_once
    costs 1 5 "$envelope" verify -i many.key h
    hostile ec-points >h
    count_once
    costs 1 5 "$envelope" verify -i many.key h
    hostile x25519 >h
    count_once
    costs 1 0 "$envelope" verify -i x448.key h
}
t 'a key is not tried on entries of another kind or size' misfits

# False entries for one key do not keep another one from its own.
others_own() {
    cat all.key mine.key >with.key
    hostile rsa rsa >h
    count_once
    status=0
    costs 1 65 "$envelope" -d -i with.key <h >out
    [ "$status" -eq 0 ]
    cmp plain out
    hostile all rsa >h
    count_once
    costs 1 65 "$envelope" -d -i with.key <h >out
    [ "$status" -eq 0 ]
    cmp plain out
}
t 'a key of another kind opens its own entry' others_own

# Of two bytes each there is room for half a million elements.
many_entries() {
    once=524288
    for case in too-many-entries too-many-parts nested; do
        hostile $case >h
        status=0
        costs 2 0 "$envelope" verify -i all.key h 2>err
        [ "$status" -eq 5 ] || [ "$status" -eq 4 ]
        grep 'more than 1,024 recipients\|not in DER' err
    done
}
t 'more than 1,024 recipients, and elements in elements, are refused' many_entries

replaced() {
    "$envelope" -r rsa.pub <plain >f
    hostile rsa >h
    count_once
    cp h before
    status=0
    costs 4 130 "$envelope" rewrap -i rsa.key -r mine.pub h 2>err
    [ "$status" -eq 2 ] || [ "$status" -eq 1 ]
    grep -e '--replace-all' err
    cmp before h
    costs 4 130 "$envelope" rewrap --replace-all -i rsa.key -r mine.pub h
    "$envelope" -d -i mine.key <h | cmp plain -
}
t 'rewrap does not try an RSA key on all entries' replaced

# What waits for the disk at its end does not leave all to that end.
to_disk() {
    head -c 8000000 /dev/zero >large
    status=0 once=0
    costs 1 1 "$envelope" -r mine.pub -o e large
    [ "$begun" -ge 2 ]
    costs 1 5 "$envelope" -d -i mine.key -o got e
    [ "$begun" -ge 2 ]
    cmp large got
    costs 1 5 "$envelope" -d -i mine.key --no-fsync -f -o got e
    [ "$begun" -eq 0 ]
    costs 1 1 "$envelope" -r mine.pub <large >e
    [ "$begun" -eq 0 ]
    [ "$status" -eq 0 ]
}
t 'what has to be on the disk is on its way there early' to_disk
