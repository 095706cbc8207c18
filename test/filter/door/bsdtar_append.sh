#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An encrypted archive takes no more members by -r or -u, but can be taken into
# another one by @archive.

. "${srcdir:-.}/test/support/tap.sh"

plan 11
. "$srcdir/test/filter/door/archives.sh"

set_up make_archives

# --- @archive -------------------------------------------------------------

at_envelope() {
    export ENVELOPE_IDENTITIES=ops.key
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf made @backup.tar
    sealed made
    unpacks made
    bsdtar -cf made @backup.tar
    stock bsdtar -tf made >out
    grep -qx dir/clear out
}

at_plain() {
    # shellcheck disable=SC2086
    bsdtar $for_ops -cf made @plain.tar
    sealed made
    unpacks made
}

at_envelope_option() {
    # shellcheck disable=SC2086
    bsdtar $for_ops --options envelope:identity=ops.key -cf made @backup.tar
    sealed made
    unpacks made
}

# One text is for what is written and for what is read besides.
insists_at() {
    rm -f none
    bsdtar --add-filter envelope --options envelope:passphrase-file=pw \
        -cf made @plain.tar
    sealed made
    bsdtar --options envelope:passphrase-file=pw -xOf made dir/clear \
        | cmp - dir/clear
    complains 'not an envelope' bsdtar --add-filter envelope --options \
        envelope:recipient=ops.pem,envelope:identity=ops.key \
        -cf none @plain.tar
    complains 'not an envelope' bsdtar \
        --options envelope:passphrase-file=pw -cf none @plain.tar
    complains 'not an envelope' bsdtar --add-filter envelope --options \
        envelope:passphrase-file=pw,envelope:require -cf none @plain.tar
}

t '@archive that is an envelope' at_envelope
t '@archive that is none' at_plain
t '@archive with the identity from --options' at_envelope_option
t '@archive beside a passphrase, an identity' insists_at

# --- -r and -u ------------------------------------------------------------

append_with_identity() { # MODE
    ENVELOPE_IDENTITIES=ops.key append "$1" backup.tar
    append "$1" backup.tar --options envelope:identity=ops.key
}

append_to_new() { # what bsdtar creates by itself stays empty
    # shellcheck disable=SC2086
    complains 'cannot append' bsdtar $for_ops -rf new.tar dir
    nothing new.tar
}

for name in -r -u; do
    t "$name on an envelope is refused" append $name backup.tar
    t "$name on an envelope with its key is refused" \
        append_with_identity $name
    # shellcheck disable=SC2086
    t "$name with the filter is refused" append $name plain.tar $for_ops
done
t '-r with the filter makes no archive' append_to_new
