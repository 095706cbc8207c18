# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Keys and an envelope, and how the messages of the command are judged.  Sourced
# after tap.sh, program.sh and the plan, not run.

provider
need timeout

# NAME.key and NAME.pem of ops, other and ec, with ec.crt; sealed, for ops; kek
# and pw; a directory of its own, here
make_all() {
    new_key ops -algorithm X25519
    new_key other -algorithm X25519
    new_ec ec P-256
    new_cert ec
    head -c 1000000 /dev/urandom >plain
    "$envelope" -r ops.pem -o sealed plain
    "$OPENSSL" rand -hex 32 >kek
    echo 'correct horse' >pw
    mkdir here
}

# says_first TEXT - the first line of ./err is exactly this
says_first() {
    head -n 1 err | grep -qxF "envelope: $1"
}

says_that() { # PATTERN
    grep -q -e "$1" err
}

hints() { # PATTERN
    grep -q "^hint: .*$1" err
}

# only FILE... - the directory ./here has these files, and no others but err
only() {
    rm -f err
    find . -mindepth 1 | LC_ALL=C sort >../have
    for file in "$@"; do
        echo "./$file"
    done | LC_ALL=C sort | cmp - ../have
}
