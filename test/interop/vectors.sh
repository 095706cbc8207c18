#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The independent decoder judges the committed vectors as they say, too: what
# the format means does not rest on one program.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 4

value() { # FIELD
    sed -n "s/^$1: //p" "$vector.txt"
}

identity() {
    case $(value open) in
    kek) echo --kek "$(printf '%02x' $(seq 1 32))" ;;
    other-kek) echo --kek "00$(printf '%02x' $(seq 2 32))" ;;
    passphrase) echo --passphrase-file pw ;;
    other-passphrase) echo --passphrase-file other-pw ;;
    *) echo --identity "$srcdir/test/vectors/keys/$(value open)" ;;
    esac
}

# From OpenSSL 3.5 on.
has_ml_kem() {
    "$OPENSSL" list -key-managers | grep -q ML-KEM-768
}

is_for_openssl() {
    case $(value open) in
    mlkem*) has_ml_kem ;;
    esac
}

signed_by() {
    [ -z "$(value signed-by)" ] ||
        echo --signed-by "$srcdir/test/vectors/keys/$(value signed-by)"
}

judge() {
    # shellcheck disable=SC2046 # words are wanted
    env -u OPENSSL_MODULES "$PYTHON" "$srcdir/test/interop/envelope.py" \
        decode $(identity) $(signed_by) "$vector.env" out 2>err && echo OK >err
    verdict=$(sed 's/:.*//' err)
    [ "$verdict" = "$(value expect)" ] ||
        { echo "$vector: $verdict, not $(value expect)" && return 1; }
    [ "$verdict" != OK ] || [ "$(sha256sum <out)" = "$(value text-sha256)  -" ]
}

all() {
    printf 'correct horse battery staple' >pw
    echo wrong >other-pw
    count=0
    for vector in "$srcdir"/test/vectors/*.txt; do
        vector=${vector%.txt}
        is_for_openssl || continue
        judge
        count=$((count + 1))
    done
    test "$count" -gt 90
}

each_has_its_stream() {
    for vector in "$srcdir"/test/vectors/*.txt; do
        test -e "${vector%.txt}.env"
    done
    test "$(ls "$srcdir"/test/vectors/*.txt | wc -l)" -eq \
        "$(ls "$srcdir"/test/vectors/*.env | wc -l)"
}

# Old releases of libcrypto overrun a buffer with such a nonce, or do without the
# tag.  So no key is tried, and libcrypto's CMS never sees it.
cms_never_sees() {
    for vector in nonce-16 nonce-64 mac-short icv-1 icv-12 ofb; do
        exits 5 "$envelope" inspect "$srcdir/test/vectors/$vector.env"
        grep -q 'its content is not encrypted with AES-256-GCM' err
    done
}

# Streams that this command made with other versions of OpenSSL, each for all kinds
# of recipients that the version has:
#     printf 'made with another version\n' >text
#     envelope encrypt -r rsa.pem ... -r mlkem768x25519.pem --passphrase-file pw \
#         --work-factor 14 -o openssl-VERSION.env text
made_elsewhere() {
    printf 'correct horse battery staple' >pw
    printf 'made with another version\n' >text
    post_quantum=
    ! has_ml_kem ||
        post_quantum='mlkem512 mlkem768 mlkem1024 mlkem768x25519'
    count=0
    for file in "$srcdir"/test/vectors/made/openssl-*.env; do
        keys="rsa p256 p384 p521 x25519 x448 $post_quantum"
        # It had no ML-KEM.
        case $file in */openssl-3.0.env) keys=${keys%%"$post_quantum"} ;; esac
        for key in $keys; do
            "$envelope" -d -i "$srcdir/test/vectors/keys/$key.key" "$file" |
                cmp text -
            count=$((count + 1))
        done
        "$envelope" -d --passphrase-file pw "$file" | cmp text -
    done
    if [ -z "$post_quantum" ]; then test "$count" -eq 24
    else test "$count" -eq 36; fi
}

t "each vector has a stream" each_has_its_stream
t "each is judged as it says" all
t "what CMS must not see is refused without a key" cms_never_sees
t "what was made with another version of OpenSSL opens" made_elsewhere
