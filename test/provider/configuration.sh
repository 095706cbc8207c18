#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A mistake in openssl.cnf is never passed over, so that what it asks for, such
# as properties = fips=yes, is not lost without a word.

. "${srcdir:-.}/test/support/tap.sh"

plan 37
. "$srcdir/test/provider/faces.sh"

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
