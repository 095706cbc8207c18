# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What a private key in hardware must do through each of our programs, whatever
# the hardware is.  Sourced after program.sh.  A PIN comes from the file that
# ENVELOPE_PASSPHRASE_FILE names.

# The system's bsdtar with our filter.  An instrumented module needs its runtime
# in the program that loads it.
mkdir launchers
ln -s "$top_builddir/bsdtar-envelope" launchers/bsdtar
tar_with_filter() { # ARGUMENT-OF-BSDTAR...
    asan=
    [ -z "${ENVELOPE_SANITIZED-}" ] || asan=$(gcc -print-file-name=libasan.so)
    env ENVELOPE_PRELOAD="$top_builddir/.libs/envelope-preload.so" \
        ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 \
        ${asan:+LD_PRELOAD="$asan"} timeout 60 launchers/bsdtar "$@"
}

command_decrypts() { # IDENTITY IN
    exits 0 timeout 60 "$envelope" -d -i "$1" -o out "$2"
    cmp plain out
    "$envelope" -d -i "$1" --range 70000:100 -o part "$2"
    tail -c +70001 plain | head -c 100 | cmp - part
    rm part
}

command_verifies() { # IDENTITY FILE...
    verify_key=$1
    shift
    exits 0 timeout 60 "$envelope" verify -i "$verify_key" "$@" >out
    [ "$(grep -c ': verified, 100000 bytes$' out)" -eq $# ]
}

# The key in hardware hands the envelope over to a key in a file.
command_rewraps() { # IDENTITY IN
    new_key next -algorithm X25519
    cp "$2" rewrapped
    exits 0 timeout 60 "$envelope" rewrap -i "$1" -r next.pem rewrapped
    env -u ENVELOPE_PASSPHRASE_FILE "$envelope" -d -i next.key -o out rewrapped
    cmp plain out
    rm out
    command_refuses "$(reason NO_MATCH)" "$1" rewrapped
}

# command_refuses TEXT IDENTITY IN - status 3, a line with TEXT, and no output
command_refuses() {
    exits 3 timeout 60 "$envelope" -d -i "$2" -o out "$3" </dev/null
    grep -q "^envelope: .*$1" err
    [ ! -e out ]
}

archive_opens() { # IDENTITY PUBLIC
    tar_with_filter --add-filter envelope --options "envelope:recipient=$2" \
        -cf archive plain
    mkdir -p unpacked
    tar_with_filter --options "envelope:identity=$1" -xf archive -C unpacked
    cmp plain unpacked/plain
    rm -r unpacked
}

# The key in hardware signs; who checks that has its public half in a file.
command_signs() { # SIGNER PUBLIC
    new_key reader -algorithm X25519
    exits 0 timeout 60 "$envelope" -r reader.pem -s "$1" -f -o signed plain
    env -u ENVELOPE_PASSPHRASE_FILE "$envelope" -d -i reader.key \
        --signed-by "$2" signed | cmp plain -
    new_key stranger -algorithm ED25519
    exits 4 "$envelope" -d -i reader.key --signed-by stranger.pem signed >out
    [ ! -s out ]
    rm out signed
}
