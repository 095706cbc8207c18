# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# One openssl.cnf for the command, for an archive and for openssl enc, and how
# they must end with it.  Sourced after tap.sh and the plan, not run; it skips
# the rest where it cannot be tested.
#
#   $faces               all of them: each is told where openssl.cnf is, and for
#                        whom
#   $as                  in words, the command that the faces are run by
#   good                 prints an openssl.cnf without a mistake
#
# The key is ops.key, what is encrypted is ./plain.

[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
. "$srcdir/test/support/program.sh"
need bsdtar
provider

. "$srcdir/test/filter/door/launchers.sh"

new_ec ops P-256
head -c 100000 /dev/urandom >plain

faces='command archive enc'
as=

face() { # FACE: encrypt plain to out
    rm -f out
    case $1 in
    command) $as "$envelope" -f -r ops.pem -o out plain ;;
    archive)
        $as bin/bsdtar --add-filter envelope \
            --options envelope:recipient=ops.pem -cf out plain
        ;;
    enc)
        ENVELOPE_RECIPIENTS=ops.pem $as "$OPENSSL" enc -propquery -fips \
            -envelope -K 0 -in plain -out out
        ;;
    esac
}

back() { # FACE: what face made
    case $1 in
    command | archive) "$envelope" -d -i ops.key -o got out ;;
    enc)
        ENVELOPE_IDENTITIES=ops.key "$OPENSSL" enc -d -propquery -fips \
            -envelope -K 0 -in out >got
        ;;
    esac
    if [ "$1" = archive ]; then
        bin/bsdtar -xOf got plain | cmp - plain
    else
        cmp got plain
    fi
    rm -f got
}

works() { # [FACE...]
    OPENSSL_CONF=$PWD/openssl.cnf
    export OPENSSL_CONF
    for one in ${*:-$faces}; do
        face "$one"
        back "$one"
    done
}

# refused WORD [FACE...] - each of them says so, for this reason, and writes
# nothing
refused() {
    word=$1
    shift
    OPENSSL_CONF=${conf_name-$PWD/openssl.cnf}
    export OPENSSL_CONF
    for one in ${*:-$faces}; do
        status=0
        face "$one" 2>err || status=$?
        cat err >&2
        [ $status -eq 1 ]
        nothing out
        grep -qF "$(reason CONFIGURATION)" err
        grep -qF "$word" err
    done
}

good() {
    cat <<'CNF'
openssl_conf = init
[init]
providers = providers
[providers]
default = default_section
envelope = envelope_section
[default_section]
activate = 1
[envelope_section]
activate = 1
threads = 2
CNF
}

# edited WORD SED-SCRIPT [FACE...] - what is refused with good, so edited
edited() {
    edited_word=$1 script=$2
    shift 2
    good | sed "$script" >openssl.cnf
    refused "$edited_word" "$@"
}

# With -provider, openssl enc goes on where the section was not read.
with_provider() { # WORD SED-SCRIPT
    good | sed "$2" >openssl.cnf
    rm -f out
    fails CONFIGURATION env OPENSSL_CONF=openssl.cnf \
        ENVELOPE_RECIPIENTS=ops.pem "$OPENSSL" enc -provider envelope \
        -envelope -K 0 -in plain -out out
    nothing out
    grep -qF "$1" err
}
