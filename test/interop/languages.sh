#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PHP, Ruby and Node.js find the cipher by its name, with the module and the
# openssl.cnf of examples/, and their example programs do what their heads say.
. "${srcdir:-.}/test/support/tap.sh"

languages='php ruby node'
plan 29
[ -n "${top_builddir-}" ] || skip_rest 'top_builddir is not set'
. "$srcdir/test/support/program.sh"
provider
. "$srcdir/test/filter/door/launchers.sh"
: "${CC:=cc}"

examples=$srcdir/examples
new_key ops -algorithm X25519
new_rsa escrow 4096
for size in 0 1 16384 16385 1048576 2500000 8000000; do
    head -c $size /dev/urandom >plain.$size
    "$envelope" encrypt --carrier=raw -r ops.pem -o sealed.$size plain.$size
done
mkdir work

# --- programs -------------------------------------------------------------

as= # in words, the command that the programs are run by

# crypt LANGUAGE -e|-d IN OUT - the example program
crypt() {
    case $1 in
    php) file=crypt.php ;;
    ruby) file=crypt.rb ;;
    node) file=crypt.js ;;
    esac
    language=$1
    shift
    $as "$language" "$examples/$file" "$@"
}

# inline LANGUAGE PHP RUBY NODE - run the program for this language, with the
# function seal(text, key) and the 32 zero bytes as key
inline() {
    case $1 in
    php) php -r "
        function seal(\$text, \$key) {
            \$out = openssl_encrypt(\$text, 'ENVELOPE', \$key, OPENSSL_RAW_DATA);
            if (\$out !== false) return \$out;
            while ((\$why = openssl_error_string()) !== false) echo \$why;
            exit(1);
        }
        \$key = str_repeat(\"\\0\", 32);
        $2" ;;
    ruby) ruby -ropenssl -e "
        def seal(text, key)
            cipher = OpenSSL::Cipher.new('ENVELOPE').encrypt
            cipher.key = key
            cipher.update(text) + cipher.final
        end
        key = \"\\0\" * 32
        $3" ;;
    node) node -e "
        const crypto = require('crypto');
        function seal(text, key) {
            const cipher = crypto.createCipheriv('ENVELOPE', key, null);
            return Buffer.concat([cipher.update(text), cipher.final()]);
        }
        const key = Buffer.alloc(32);
        $4" ;;
    esac
}

# refuses LANGUAGE TEXT -e|-d IN - its program ends with an error and leaves
# nothing; Node.js says of what fails before the end only that it has failed
refuses() {
    status=0
    crypt "$1" "$3" "$4" work/out 2>err || status=$?
    cat err >&2
    [ $status -eq 1 ]
    [ -z "$(ls -A work)" ]
    grep -qF "$2" err || {
        [ "$1" = node ] && grep -qF 'in unsupported state' err
    }
}

# --- what all need --------------------------------------------------------

# By the line in the head of the file
make_module() {
    line=$(sed -n 's/^ \*     cc \(-shared .*\)/\1/p' "$examples/by_name.c")
    [ -n "$line" ]
    cp "$examples/by_name.c" .
    # shellcheck disable=SC2086 # words are wanted
    CPATH=$srcdir/include "$CC" -Wall -Wextra -Werror $line
    sed "s,/usr/local/lib,$PWD,; s,/etc/backup,$PWD," \
        "$examples/by_name.cnf" >by_name.cnf
    sed '/^by_name = /d' by_name.cnf >without.cnf
    sed '/^envelope = /d' by_name.cnf >inactive.cnf
}

# A mistake in this file would be an error of the cipher.
configuration_is_good() {
    OPENSSL_CONF=$PWD/by_name.cnf
    export OPENSSL_CONF
    "$envelope" -r ops.pem -o a.env plain.16385
    "$envelope" -d -i ops.key -o a a.env
    cmp plain.16385 a
    bin/bsdtar --add-filter envelope --options envelope:recipient=ops.pem \
        -cf a.tar plain.16385
    bin/bsdtar --options envelope:identity=ops.key -xOf a.tar |
        cmp - plain.16385
    "$OPENSSL" enc -envelope -K 0 -in plain.16385 -out b.env
    open_with ops.key b.env b
    cmp plain.16385 b
}

# --- each language --------------------------------------------------------

encrypts() { # LANGUAGE - for the recipients of openssl.cnf
    for size in 0 1 16384 16385 1048576; do
        crypt "$1" -e plain.$size work/out
        "$envelope" -d -i ops.key -f -o back work/out
        cmp plain.$size back
        rm back
        # Nothing else is left.
        [ "$(ls -A work)" = out ]
        rm work/out
    done
}

decrypts() { # LANGUAGE
    for size in 0 1 16384 16385 1048576 8000000; do
        ENVELOPE_IDENTITIES=ops.key crypt "$1" -d sealed.$size work/out
        cmp plain.$size work/out
        [ "$(stat -c %a work/out)" = 600 ]
        rm work/out
    done
}

# The environment comes first; a program can set it for each stream.
environment() { # LANGUAGE
    ENVELOPE_RECIPIENTS=escrow.pem:ops.pem crypt "$1" -e plain.16385 work/out
    for name in escrow ops; do
        "$envelope" -d -i $name.key -f -o back work/out
        cmp plain.16385 back
    done
    rm work/out
    inline "$1" "putenv('ENVELOPE_RECIPIENTS=escrow.pem');
            echo seal('text', \$key);" \
        "ENV['ENVELOPE_RECIPIENTS'] = 'escrow.pem'
            print seal('text', key)" \
        "process.env.ENVELOPE_RECIPIENTS = 'escrow.pem';
            process.stdout.write(seal('text', key));" >out
    [ "$("$envelope" -d -i escrow.key out)" = text ]
}

# PHP has one buffer for all; the others have no limit.
large() { # LANGUAGE
    if [ "$1" = php ]; then
        refuses php "$(reason OUTPUT_ROOM)" -e plain.2500000
        return
    fi
    crypt "$1" -e plain.8000000 work/out
    "$envelope" -d -i ops.key -f -o back work/out
    cmp plain.8000000 back
    rm back work/out
}

damage() { # LANGUAGE
    sealed=sealed.1048576
    length=$(size_of $sealed)
    ENVELOPE_IDENTITIES=ops.key
    export ENVELOPE_IDENTITIES
    # In a chunk, in the last one; cut in the header, in a chunk; extended
    cp $sealed bad
    flip bad 500000
    refuses "$1" "$(reason CHUNK)" -d bad
    cp $sealed bad
    flip bad $((length - 1))
    refuses "$1" "$(reason LAST_CHUNK)" -d bad
    head -c 100 $sealed >bad
    refuses "$1" "$(reason HEADER_TRUNCATED)" -d bad
    head -c 600000 $sealed >bad
    refuses "$1" "$(reason LAST_CHUNK)" -d bad
    { cat $sealed && echo; } >bad
    refuses "$1" "$(reason TRAILING_DATA)" -d bad
    refuses "$1" "$(reason NOT_ENVELOPE)" -d plain.16384
    ENVELOPE_IDENTITIES=escrow.key
    refuses "$1" "$(reason NO_MATCH)" -d $sealed
}

# The file cannot be read, or there is no room for what comes of it.
disk() { # LANGUAGE
    refuses "$1" missing -e missing
    refuses "$1" work -e work
    cat >small <<'SH'
trap '' XFSZ
ulimit -f 1
exec "$@"
SH
    as='sh small'
    refuses "$1" plain -e plain.16384
}

# A password cannot take the place of the recipients.
password() { # LANGUAGE
    status=0
    inline "$1" "seal('text', 'a password of 32 characters, yes');" \
        "seal('text', 'a password of 32 characters, yes')" \
        "seal('text', 'a password of 32 characters, yes');" >err 2>&1 ||
        status=$?
    cat err
    [ $status -eq 1 ]
    grep -qF "$(reason AMBIGUOUS_KEY)" err || {
        [ "$1" = node ] && grep -qF 'in unsupported state' err
    }
}

# What the module has given stays until the program ends.
many() { # LANGUAGE
    inline "$1" "for (\$i = 0; \$i < 1000; \$i++) seal('text', \$key);
            echo seal('text', \$key);" \
        "1000.times { seal('text', key) }
            print seal('text', key)" \
        "for (let i = 0; i < 1000; i++) seal('text', key);
            process.stdout.write(seal('text', key));" >out
    [ "$("$envelope" -d -i ops.key out)" = text ]
}

# Without the module, or the provider, the name is unknown, and that is all.
unknown() { # LANGUAGE
    for file in without inactive; do
        status=0
        OPENSSL_CONF=$PWD/$file.cnf inline "$1" "seal('text', \$key);" \
            "seal('text', key)" "seal('text', key);" >err 2>&1 || status=$?
        cat err
        [ $status -eq 1 ]
        grep -qiE 'unknown cipher|unsupported cipher' err
        OPENSSL_CONF=$PWD/$file.cnf inline "$1" "echo hash('sha256', '');" \
            "puts OpenSSL::Digest::SHA256.hexdigest('')" \
            "console.log(crypto.createHash('sha256').digest('hex'));" |
            grep '^e3b0c442'
    done
}

tests_of() { # LANGUAGE
    set -- "$1" "$("$1" -v 2>/dev/null | head -n 1 | cut -c 1-20)"
    echo "# $1: $2"
    OPENSSL_CONF=$PWD/by_name.cnf
    export OPENSSL_CONF
    t "$1 encrypts" encrypts "$1"
    t "$1 decrypts" decrypts "$1"
    t "$1 takes keys of the environment" environment "$1"
    t "$1 encrypts what is large, or says no" large "$1"
    t "$1 stops at damage, without a file" damage "$1"
    t "$1 leaves nothing where it cannot read or write" disk "$1"
    t "$1: a password beside recipients is refused" password "$1"
    t "$1: many streams in one program" many "$1"
    t "$1: without the cipher its name is unknown" unknown "$1"
    unset OPENSSL_CONF
}

skip_tests_of() { # SKIP-FUNCTION LANGUAGE REASON
    for number in 1 2 3 4 5 6 7 8 9; do
        $1 "$2 $number" "$3"
    done
}

t 'the module is made' make_module
t 'openssl.cnf with the module is no mistake' configuration_is_good
for language in $languages; do
    if [ -n "${ENVELOPE_SANITIZED-}" ]; then
        skip_tests_of skip_allowed "$language" \
            'the language is not built with sanitizers'
    elif command -v "$language" >/dev/null 2>&1; then
        tests_of "$language"
    else
        skip_tests_of skip "$language" "$language is not installed"
    fi
done
