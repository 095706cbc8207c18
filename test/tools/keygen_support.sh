# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What anybody can compute of a key, and what is in a directory.  Sourced after
# tap.sh, program.sh and the plan, not run.

provider
echo 'correct horse battery staple' >pw
head -c 100000 /dev/urandom >plain
mkdir -m 700 empty

# id_of PUBLIC-KEY - by the openssl command alone
id_of() {
    "$OPENSSL" pkey -pubin -in "$1" -outform DER | "$OPENSSL" dgst -sha256 -r \
        | cut -c 1-40
}

# line_of FILE - what is printed for it, without the blanks to align it
line_of() {
    tr -s ' ' <"$1"
}

# only DIRECTORY [NAME...] - that is all there is in it
only() {
    only_dir=$1
    shift
    [ "$(ls -A "$only_dir")" = "$(printf '%s\n' "$@")" ]
}
