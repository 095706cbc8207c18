# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# An envelope in each carrier, what damages it, and what "envelope verify" and
# --salvage must find then.  Sourced after tap.sh, program.sh and the plan, not
# run.

provider
need "$PYTHON" timeout

size=500000 # chunks 0 to 30, the last one of 8480 bytes
damage_py=$srcdir/test/tools/damage.py

# ops.key and other.key; plain, and good.KIND, which ops.key opens
make_all() {
    new_key ops -algorithm X25519
    new_key other -algorithm X25519
    steady_text $size >plain
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
            <plain >good.$kind
    done
}

verify() { # STATUS FILE [ARGUMENT...] - prints to ./said
    verify_status=$1
    shift
    exits "$verify_status" "$envelope" verify -i ops.key "$@" >said
    cat said
}

salvage() { # STATUS FILE [ARGUMENT...] - to ./out
    salvage_status=$1
    shift
    rm -f out
    exits "$salvage_status" "$envelope" decrypt -i ops.key --salvage -o out "$@"
}

says() { # TEXT - in ./said
    grep -qF -- "$1" said
}

damage() { # KIND WHAT... - makes ./bad
    cp "good.$1" bad
    damage_kind=$1
    shift
    "$PYTHON" "$damage_py" bad "$@"
    ! cmp -s bad "good.$damage_kind"
}

# ./want.list, ./want.zero and ./want.skip, if these chunks are bad
holes() { # CHUNK...
    "$PYTHON" "$srcdir/test/tools/holes.py" "$@"
}

# Exactly these chunks are bad: all of it says so.
finds() { # CHUNK...
    holes "$@"
    verify 5 --keep-going bad
    grep 'damaged: bytes' said | cmp want.list -
    salvage 6 bad
    cmp want.zero out
    sed -n 's/ damaged, now zeros:/ damaged:/p' err \
        | sed 's/^envelope: //' | cmp want.list -
    salvage 6 bad --salvage=skip
    cmp want.skip out
}
