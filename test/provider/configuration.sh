#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A mistake in openssl.cnf is never passed over: what the file asks for, such
# as properties = fips=yes, would be lost without a word.  And what a host asks
# for, FIPS alone, is what it gets.

. "${srcdir:-.}/test/support/tap.sh"

plan 51
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
. "$srcdir/test/support/program.sh"
need bsdtar
provider

. "$srcdir/test/filter/door/launchers.sh"
fips=$top_builddir/test/provider/fips/.libs/fips.so

new_ec ops P-256
new_cert ops
head -c 100000 /dev/urandom >plain
mkdir dir

# --- the three faces ------------------------------------------------------

# All are told where openssl.cnf is, and for whom.
faces='command archive enc'

as= # in words, the command that the faces are run by

# Root may read everywhere, unless the right to is given up.
unprivileged=
[ "$(id -u)" -ne 0 ] \
    || unprivileged='setpriv --bounding-set -dac_override,-dac_read_search'

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

# --- mistakes -------------------------------------------------------------

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

no_mistake() {
    good >openssl.cnf
    works
    # Nothing that was not said
    { echo 'config_diagnostics = 1' && good; } >openssl.cnf
    works
    good | sed 's/^threads.*//' >openssl.cnf
    works
    good | sed 's/^envelope = .*/2.envelope = envelope_section/
        s/^threads/1.soft_load = yes\nthreads/' >openssl.cnf
    works
    good | sed 's/^providers = /alg_section = a\nproviders = /
        $a [a]\nfips_mode = NO\ndefault_properties = ?provider=default
        ' >openssl.cnf
    works
    good | sed 's/^envelope = .*/other = envelope_section/
        s/^threads/identity = envelope\nthreads/' >openssl.cnf
    works
}

# edited WORD SED-SCRIPT [FACE...]
edited() {
    edited_word=$1 script=$2
    shift 2
    good | sed "$script" >openssl.cnf
    refused "$edited_word" "$@"
}

in_section() { # WORD SED-SCRIPT
    edited "$PWD/openssl.cnf: section [envelope_section]: $1" "$2" enc
}

# program - one that begins at program_conf in openssl.cnf, not at openssl_conf
program() {
    OPENSSL_CONF=openssl.cnf ENVELOPE_RECIPIENTS=ops.pem "$PYTHON" - <<'PYTHON'
import ctypes, ctypes.util, sys
crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for name in "EVP_CIPHER_fetch", "EVP_CIPHER_CTX_new":
    getattr(crypto, name).restype = ctypes.c_void_p
NO_LOAD_CONFIG = ctypes.c_uint64(0x80)
assert crypto.OPENSSL_init_crypto(NO_LOAD_CONFIG, None) == 1
assert crypto.CONF_modules_load_file(b"openssl.cnf", b"program_conf", 0) == 1
cipher = ctypes.c_void_p(crypto.EVP_CIPHER_fetch(None, b"ENVELOPE", None))
ctx = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
assert crypto.EVP_EncryptInit_ex2(ctx, cipher, None, None, None) == 1
out, outl = ctypes.create_string_buffer(100000), ctypes.c_int()
if crypto.EVP_EncryptUpdate(ctx, out, ctypes.byref(outl), b"plain", 5) != 1:
    text = ctypes.create_string_buffer(1000)
    data = ctypes.c_char_p()
    crypto.ERR_peek_last_error_all(None, None, None, ctypes.byref(data), None)
    sys.exit(data.value.decode())
PYTHON
}

# A program that loads a file by itself does not tell the module which.
of_unknown_file() {
    good | sed 's/^openssl_conf/program_conf/
        s/^threads.*/properties = =yes/' >openssl.cnf
    status=0
    program 2>err || status=$?
    cat err >&2
    [ $status -eq 1 ]
    ! grep -F "openssl.cnf: section" err || false
    grep -qF "the program's configuration: properties = =yes" err
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

# with_algorithms WORD LINE - before the providers, and after them
with_algorithms() {
    edited "$1" "s/^providers = /alg_section = a\\nproviders = /
        \$a [a]\\n$2" command archive
    with_provider "$1" "s/^providers = /alg_section = a\\nproviders = /
        s/^threads.*//
        \$a [a]\\n$2"
    edited "$1" "s/^\\(providers = .*\\)/\\1\\nalg_section.2 = a/
        \$a [a]\\n$2"
}

# never WORD SED-SCRIPT - libcrypto never looks there
never() {
    edited "$1" "$2" command archive
    with_provider "$1" "$2"
}

for_something_else() {
    cat >openssl.cnf <<'CNF'
HOME = .
oid_section = names
other_conf = req
[names]
some_name = 1.2.3.4.5.6.7
[req]
distinguished_name = names
default_properties = none
provider = names
[ca]
default_ca = req
envelope = req
CNF
    works command archive
    OPENSSL_CONF=openssl.cnf ENVELOPE_RECIPIENTS=ops.pem "$OPENSSL" enc \
        -provider envelope -envelope -K 0 -in plain -out out
    back command
    # A section of ours without settings
    good | sed 's/^\[default_section/[others]\ndefault = default_section\n&/
        s/^providers = .*/providers = others/; /^threads/d' >openssl.cnf
    works command archive
}

# The file is good for a program that begins at a name of its own.
another_part() {
    good | sed '/^threads/d; s/^openssl_conf/program_conf/' >openssl.cnf
    program
}

missing_file() {
    conf_name=$PWD/nowhere.cnf
    refused nowhere.cnf command archive
    OPENSSL_CONF=$conf_name
    export OPENSSL_CONF
    ENVELOPE_RECIPIENTS=ops.pem
    export ENVELOPE_RECIPIENTS
    fails CONFIGURATION "$OPENSSL" enc -provider envelope -envelope -K 0 \
        -in plain -out out
    nothing out
}

unreadable_file() {
    conf_name=$PWD/dir
    refused 'directory' command archive
    as=$unprivileged
    good >openssl.cnf
    chmod 0 openssl.cnf
    conf_name=$PWD/openssl.cnf
    refused openssl.cnf command archive
    chmod 600 openssl.cnf
}

# libcrypto's word for none
empty_name() {
    OPENSSL_CONF=
    export OPENSSL_CONF
    face command
    back command
    face archive
    back archive
    OPENSSL_CONF=/dev/null
    face command
    back command
}

no_name() {
    unset OPENSSL_CONF
    face command
    back command
    face archive
    back archive
}

# A program's own context has not loaded this file.
other_commands() {
    good | sed 's/^threads/tread/' >openssl.cnf
    OPENSSL_CONF=openssl.cnf
    export OPENSSL_CONF
    exits 1 "$envelope" keygen -t p256 -o new.key
    nothing new.key
    exits 1 "$envelope" fingerprint ops.pem
    grep -qF "$(reason CONFIGURATION)" err
}

# Engines and names of objects are the process's, which has them already.
of_process() {
    cat >openssl.cnf <<'CNF'
openssl_conf = init
[init]
oid_section = names
engines = engines
providers = providers
[names]
some_name = 1.2.3.4.5.6.7
[engines]
[providers]
default = default_section
envelope = envelope_section
[default_section]
activate = 1
[envelope_section]
activate = 1
CNF
    works
    sed 's/^oid_section = names/oid_section = nemas/' openssl.cnf >bad.cnf
    mv bad.cnf openssl.cnf
    refused '[nemas]' command archive
}

included() {
    good | sed -n '/^\[envelope_section/,$p' >included.cnf
    {
        good | sed '/^\[envelope_section/,$d'
        echo ".include $PWD/included.cnf"
    } >openssl.cnf
    works
    sed 's/^threads/tread/' included.cnf >bad && mv bad included.cnf
    refused 'tread'
    rm included.cnf
    refused "$PWD/included.cnf" command archive
}

# including LINE... - above our section, which goes on in what is included
including() {
    { good && printf '%s\n' "$@"; } >openssl.cnf
}

included_well() {
    mkdir some some/sub.d none.d
    echo 'properties = provider=default' >some/ours.cnf
    echo 'propertys =' >some/not.txt
    for include in ".include $PWD/some/ours.cnf" \
        ".include = $PWD/some/ours.cnf" ".include $PWD/some" \
        ".include $PWD/none.d" .include\ some/ours.cnf; do
        including "$include"
        works
    done
    including '.pragma = abspath:true' ".pragma = includedir:$PWD/some" \
        '.include ours.cnf'
    works
    including ".include some" ".include $PWD/none.d" '.include some'
    (OPENSSL_CONF_INCLUDE=$PWD && export OPENSSL_CONF_INCLUDE && works)
    rm -r some none.d
}

# What is lost may be what matters most, whatever else is there.
included_nowhere() {
    for include in ".include $PWD/nowhere.cnf" ".include = nowhere.cnf" \
        '.include nowhere.d/'; do
        including "$include"
        refused nowhere
    done
    echo '.include nowhere.cnf' >more.cnf
    including '.include more.cnf'
    refused nowhere.cnf
    echo '.include nowhere.cnf' >openssl.cnf
    refused nowhere.cnf command archive
    with_provider nowhere.cnf '1i .include nowhere.cnf'
    mkdir more.d
    echo '.include none.d' >more.d/more.cnf
    mkdir none.d
    including '.include more.d'
    refused none.d
    rm -r more.cnf more.d none.d
}

# libcrypto leaves this file out, or that of a directory, or the directory.
included_unreadable() {
    as=$unprivileged
    lost='openssl.cnf: what it includes cannot be read'
    mkdir closed.d
    echo 'properties = fips=yes' >closed.d/ours.cnf
    chmod 0 closed.d/ours.cnf
    including ".include $PWD/closed.d/ours.cnf"
    refused closed.d/ours.cnf command archive
    refused "$lost" enc
    including ".include $PWD/closed.d"
    refused closed.d/ours.cnf command archive
    refused "$lost" enc
    chmod 600 closed.d/ours.cnf
    chmod 0 closed.d
    refused "$lost"
    mkdir open.d
    including ".include $PWD/closed.d" ".include $PWD/open.d"
    refused "$lost"
    chmod 700 closed.d
    rm -r closed.d open.d
}

t 'no mistake' no_mistake
t 'a line without =' edited 'openssl.cnf:12: missing equal sign' \
    '$a nonsense' command archive
t 'a section head without ]' edited 'openssl.cnf:12: missing close' \
    '$a [oops' command archive
t 'a section of modules that is not there' edited '[init2]' \
    's/= init/= init2/' command archive
t 'a list of providers that is not there' edited '[providers2]' \
    's/= providers/= providers2/' command archive
t 'a misspelt section of another provider' edited '[default_section]' \
    's/^\[default_section/[defult_section/' command archive
t 'a misspelt section of ours' edited '[envelope_section]' \
    's/^\[envelope_section/[envlope_section/' command archive
t 'another section that is not there' edited '[gone]' \
    's/^providers = /ssl_conf = gone\nproviders = /' command archive
t 'an unknown module' edited 'unknown module name: module=nosuch' \
    's/^providers = /nosuch = x\nproviders = /' command archive
t 'an unknown module after the providers' \
    edited 'unknown module name: module=nosuch' \
    's/^\(providers = .*\)/\1\nnosuch = x/' command archive
t 'algorithms with an unknown setting' with_algorithms \
    '[a]: defult_properties' 'defult_properties = fips=yes'
t 'algorithms with properties that cannot be read' with_algorithms 'HERE-->' \
    'default_properties = =yes'
t 'algorithms with FIPS that is no boolean' with_algorithms \
    'fips_mode = on' 'fips_mode = on'
t 'another provider that cannot be activated' edited 'nosuch' \
    's/^default = /nosuch = default_section\ndefault = /' command archive
t 'a setting of ours that is misspelt' edited 'propertys' \
    '$a propertys = fips=yes'
t 'a setting that is a parameter' edited 'recipient:' '$a recipient = ops.pem'
t 'a setting that is the name of a section' edited '[2]' '$a [2]'
t 'a setting of ours that is misspelt, of a module that is cut short' \
    edited 'propertys' 's/^providers =/p =/
    $a propertys = fips=yes'
t 'a setting of ours that is misspelt, of a second module' edited 'propertys' \
    's/^providers =/prov.2 =/
    $a propertys = fips=yes'
t 'threads that are no number' in_section 'threads = x' 's/= 2/= x/'
t 'properties that cannot be read' in_section 'properties = =yes' \
    's/^threads.*/properties = =yes/'
t 'properties of a file that is not known' of_unknown_file
t 'settings without activate' edited 'activate = 1' '/^\[env/,$s/^act.*//' \
    command archive
t '-provider: a line without =' \
    with_provider 'openssl.cnf:12: missing equal sign' '$a nonsense'
t '-provider: an unknown module before ours' with_provider 'threads = 2' \
    's/^providers = /nosuch = x\nproviders = /'
t '-provider: a section that is not there' with_provider '[gone]' \
    's/^providers = /ssl_conf = gone\nproviders = /'
t '-provider: a setting of ours that is misspelt' with_provider 'propertys' \
    '$a propertys = fips=yes'
t 'a file that is not there' missing_file
if $unprivileged true; then
    t 'a file that cannot be read' unreadable_file
    t 'what is included cannot be read' included_unreadable
else
    skip 'a file that cannot be read' 'setpriv is not installed'
    skip 'what is included cannot be read' 'setpriv is not installed'
fi
t 'no file by an empty name' empty_name
t 'no name, and the file of the system' no_name
t 'a key is not made, nor looked at' other_commands
t 'what belongs to the process' of_process
t 'openssl_conf below the head of a section' never \
    'openssl_conf = init' '1i [req]'
t 'openssl_conf at the end of a file that has one' never \
    'openssl_conf = init' '1i openssl_conf = first\n[first]\n[last]'
t 'openssl_conf that is misspelt' never 'providers = providers' \
    's/^openssl_conf/openssl_config/'
t 'no openssl_conf' never 'providers = providers' '/^openssl_conf/d'
t 'no openssl_conf, and algorithms' never 'alg_section = a' \
    '1,/^providers/d; $a [b]\nalg_section = a\n[a]\ndefault_properties = fips=yes'
t 'a list of providers that is not named' never 'envelope = envelope_section' \
    's/^\[default_section/[others]\ndefault = default_section\n&/
    s/^providers = .*/providers = others/'
t 'a file without openssl_conf, for something else' for_something_else
t 'a program that loads another part of the file' another_part
t 'files that are included' included
t 'what is included, in all the ways there are' included_well
t 'what is included is not there' included_nowhere

# --- a host with FIPS -----------------------------------------------------

# fips_conf LINE-OF-INIT LINE-OF-OURS PROVIDER... - in this order
fips_conf() {
    in_init=$1 in_ours=$2
    shift 2
    {
        printf 'openssl_conf = init\n[init]\n%s\nproviders = providers\n' \
            "$in_init"
        echo '[providers]'
        for name in "$@"; do
            echo "$name = ${name}_section"
        done
        printf '[fips_section]\nactivate = 1\nmodule = %s\n' "$fips"
        printf '[base_section]\nactivate = 1\n'
        printf '[envelope_section]\nactivate = 1\n%s\n' "$in_ours"
        printf '[alg]\ndefault_properties = fips=yes\n'
    } >openssl.cnf
}

# Nothing of the default provider is in the program.
fips_alone() {
    OPENSSL_CONF=openssl.cnf "$OPENSSL" list -providers >list
    grep -q '^ *fips$' list
    ! grep -q '^ *default$' list || false
    ! OPENSSL_CONF=openssl.cnf "$OPENSSL" dgst -md5 plain || false
    OPENSSL_CONF=openssl.cnf "$OPENSSL" dgst -sha256 plain
}

fips_host() { # LINE-OF-INIT LINE-OF-OURS PROVIDER...
    fips_conf "$@"
    fips_alone
    works
}

# It is the algorithms of FIPS that are used: without them nothing works.
fips_gone() {
    fips_conf 'alg_section = alg' '' base envelope
    OPENSSL_CONF=openssl.cnf
    export OPENSSL_CONF
    for one in $faces; do
        ! face "$one" 2>err || false
        nothing out
        cat err >&2
    done
    grep -qF "$(reason NO_ALGORITHM)" err
}

# -propquery -fips is what the manual says for openssl enc.
without_query() {
    fips_conf 'alg_section = alg' '' fips base envelope
    fails any env OPENSSL_CONF=openssl.cnf ENVELOPE_RECIPIENTS=ops.pem \
        "$OPENSSL" enc -envelope -K 0 -in plain -out out
}

t 'FIPS by our own setting' \
    fips_host '' 'properties = fips=yes' fips base envelope
t 'FIPS by default properties' \
    fips_host 'alg_section = alg' '' fips base envelope
t 'FIPS by default properties, envelope first' \
    fips_host 'alg_section = alg' '' envelope fips base
t 'FIPS by its providers alone, envelope first' \
    fips_host '' '' envelope base fips
t 'FIPS that is not there' fips_gone
t 'openssl enc needs a query there' without_query
