#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# House rules that a grep can hold: layers, sizes, documents that are complete.
. "${srcdir:-.}/test/support/tap.sh"
cd "$srcdir" || exit 99

plan 21

# Print what a grep finds; finding something is a failure, and so is a file that
# cannot be read, such as one of a folder that is gone.
none() { # PATTERN FILE...
    none_status=0
    grep -nE "$@" || none_status=$?
    [ $none_status -eq 1 ]
}

# The same, but for lines that are allowed
none_but() { # ALLOWED PATTERN FILE...
    none_allowed=$1 none_status=0
    shift
    grep -nE "$@" >"$tests_dir/found" || none_status=$?
    [ $none_status -le 1 ] || return 1
    ! grep -vE "$none_allowed" "$tests_dir/found"
}

# lib/ and filter/ are in rooms: which others each may use.  Key services are
# given the labels, so cms/ knows what labels are.
rooms() {
    none_but '"lib/base/' '#include "lib/' lib/base/*.[ch]
    none_but '"lib/(base|header)/' '#include "lib/' lib/header/*.[ch]
    none_but '"lib/(base|payload)/' '#include "lib/' lib/payload/*.[ch]
    none_but '"lib/(base|keys)/' '#include "lib/' lib/keys/*.[ch]
    none_but '"lib/(base|keys|cms)/|"lib/header/labels\.h"' '#include "lib/' \
        lib/cms/*.[ch]
    none_but '"lib/(base|keys|sign)/|"lib/header/signatures\.h"' \
        '#include "lib/' lib/sign/*.[ch]
    none_but '"(lib/(base|header)|filter/carrier)/' '#include "(lib|filter)/' \
        filter/carrier/*.[ch]
    none_but '"(lib/base|filter/(carrier|inside))/' '#include "(lib|filter)/' \
        filter/inside/*.[ch]
    none_but '"filter/(carrier|stream)/' '#include "filter/' filter/stream/*.[ch]
    none_but '"filter/(carrier|stream|archive)/' '#include "filter/' \
        filter/archive/*.[ch]
    ls -d filter/*/ lib/*/ >"$tests_dir/rooms"
    printf '%s/\n' filter/archive filter/carrier filter/door filter/inside \
        filter/stream \
        lib/base lib/cms lib/header lib/keys lib/payload lib/sign \
        lib/stream \
        | cmp - "$tests_dir/rooms"
}

# room NAME ROOM... - what the library of a room does not have itself, these have
room() {
    nm -u "$top_builddir/.libs/libenvl-$1.a" \
        | sed -n 's/^ *U \(envl_.*\)/\1/p' | LC_ALL=C sort -u >"$tests_dir/needs"
    [ "$1" = base ] || [ -s "$tests_dir/needs" ]
    for room_may in "$@"; do
        nm --defined-only "$top_builddir/.libs/libenvl-$room_may.a"
    done | sed -n 's/.* [A-Z] \(envl_.*\)/\1/p' | LC_ALL=C sort -u \
        >"$tests_dir/has"
    [ -s "$tests_dir/has" ]
    LC_ALL=C comm -23 "$tests_dir/needs" "$tests_dir/has" >"$tests_dir/lacks"
    sed "s/^/libenvl-$1: /" "$tests_dir/lacks"
    [ ! -s "$tests_dir/lacks" ]
}

links() {
    room base
    room header base
    room payload base
    room keys base
    room cms base header keys
    room sign base header keys
    room carrier base header
    room inside base carrier header
}

layers() {
    none '#include [<"](provider|test|filter|tools|kms)/' lib/*/*.[ch]
    none '#include <openssl/core_dispatch' lib/*/*.[ch]
    none '#include "(filter|tools|test)/' provider/*.[ch]
    none '#include "(provider|tools|test)/' filter/*/*.[ch]
    none '#include "(provider|test|kms)/' tools/*.[ch] tools/os/*.[ch]
    none '#include "kms/' provider/*.[ch] filter/*/*.[ch]
    # kms/ is a module of its own: of lib/ it knows how failures travel, and
    # what they have agreed on.
    none '#include "(provider|filter|tools|test)/' kms/*.[ch] kms/*/*.[ch]
    none_but 'lib/(base/(err|libctx|param)|keys/(kek_source|kms_interface|kms_schemes))\.h"' \
        '#include "lib/' kms/*.[ch] kms/*/*.[ch]
    # Its rooms, each of which knows those before it.
    none '#include "kms/([^c]|cl)' kms/core/*.[ch]
    none '#include "kms/([^ch]|cl)' kms/http/*.[ch]
    none '#include "kms/([^che]|cl)' kms/engine/*.[ch]
    none '#include "kms/(site|cloud|dispatch)' kms/aws/*.[ch]
    none '#include "kms/(site|aws|dispatch)' kms/cloud/*.[ch]
    none '#include "kms/(aws|cloud|dispatch)' kms/site/*.[ch]
    # libcurl sends, takes URLs apart and reads dates.
    none_but '^kms/http/((endpoint|http|transport)\.c|handles\.[ch]):' '#include <curl' \
        kms/*.[ch] kms/*/*.[ch]
    test "$(grep -l '#include <jansson' -r kms)" = kms/core/json.c
    # filter/ reaches the cipher through EVP; of lib/ it knows the errors and
    # what a header looks like, one file the runs of chunks that EVP has no call
    # for, one how keys are named, and one the configuration file.
    none_but '"lib/(base|header)/|^filter/stream/cipher.c:.*"lib/stream/stream.h"|^filter/stream/library.c:.*"lib/stream/(conf|defaults).h"|^filter/stream/options.c:.*"lib/keys/keys.h"' \
        '#include "lib/' filter/*/*.[ch]
    # tools/ looks into headers and changes them: all of lib/ but what handles
    # the payload and its keys.
    none '#include "lib/(payload/|stream/(decryptor|encryptor|stream)\.h)' \
        tools/*.[ch] tools/os/*.[ch]
    # tools/os/ is what the system does for the others.
    none_but '"(tools/os|lib/base|lib/keys|filter/stream)/' '#include "' \
        tools/os/*.[ch]
    none '#include <archive' lib/*/*.[ch] provider/*.[ch] tools/*.[ch] tools/os/*.[ch] \
        filter/carrier/*.[ch] filter/inside/*.[ch] filter/stream/*.[ch]
    none '#include "(lib|provider)/' test/provider/*.[ch] test/filter/archive/*.[ch] \
        examples/*.c bench/*.c
}

no_io_in_lib() {
    # shellcheck disable=SC2046 # a list of files
    none '\b(printf|fprintf|puts|exit|abort|assert|getenv)\(' \
        lib/*/*.c provider/*.c kms/*.c kms/*/*.c $(filter_without_door)
}

# The launcher is a program, and the preload module answers it.
filter_without_door() {
    ls filter/*/*.c | grep -v '^filter/door/'
}

getenv_once() {
    # shellcheck disable=SC2046
    set -- lib/*/*.c provider/*.c $(filter_without_door)
    none '\bgetenv\(' "$@"
    test "$(grep -l secure_getenv "$@")" = lib/stream/defaults.c
    test "$(grep -l 'secure_getenv(' kms/*.c kms/*/*.c)" = kms/http/world.c
}

# A program that uses libarchive knows nothing of libcrypto's error queue.
quiet_allocations() {
    allocations=$(cat filter/*/*.c | grep -cE \
        'OPENSSL_(malloc|zalloc|realloc|clear_realloc|strdup|strndup|memdup)\(')
    [ "$allocations" -gt 0 ]
    [ "$(cat filter/*/*.c | grep -c 'ENVL_QUIETLY(')" -eq "$allocations" ]
}

# Functions that reach the program's library context instead of the child's.
contexts() {
    none '\b(RAND_bytes|RAND_priv_bytes|EVP_Digest|EVP_EncryptInit|EVP_PKEY_CTX_new_id|X509_new|OSSL_STORE_open|CMS_ContentInfo_new)\(' \
        lib/*/*.c provider/*.c kms/*.c kms/*/*.c
    # The digest that an engine's key takes by no name.
    test "$(grep -c 'EVP_sha' lib/*/*.c provider/*.c kms/*.c kms/*/*.c | awk -F: '{ n += $2 }
        END { print n }')" -eq 1
}

# Of all folders: nothing is built where the source is, or it is no such file.
sources_of_tests() {
    find test -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.mjs' \
        | grep -v node_modules
}

spdx() {
    ci=.ci/run
    [ -e .git ] || [ -e $ci ] || ci= # a tarball has none
    for file in lib/*/*.[ch] provider/*.[ch] filter/*/*.[ch] tools/*.[ch] tools/os/*.[ch] kms/*.[ch] kms/*/*.[ch] \
        include/envelope/*.h $(sources_of_tests) bench/*.c examples/*.c \
        bench/run bench/*.py examples/*.cnf examples/*.js examples/*.php \
        examples/*.py examples/*.rb examples/parts/* kms/helpers/* check demo packages bootstrap $ci \
        debian/rules debian/tests/* packaging/*; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
            { echo "$file" && false; }
    done
}

sizes() {
    for file in lib/*/*.[ch] provider/*.[ch] filter/*/*.[ch] tools/*.[ch] tools/os/*.[ch] \
        kms/*.[ch] kms/*/*.[ch]; do
        [ "$(wc -l <"$file")" -le 600 ] || { echo "$file is too long" && false; }
    done
    # A function's body is what stands between braces in the first column.
    awk '/^{/ { start = FNR } /^}/ && start {
        if (FNR - start > 61) { print FILENAME ": " start; bad = 1 }
        start = 0 } END { exit bad }' lib/*/*.c provider/*.c filter/*/*.c tools/*.c tools/os/*.c kms/*.c kms/*/*.c
}

# A test is found by the name of its script, which then shows one thing.
sizes_of_scripts() {
    sources_of_tests | grep '\.sh$' >"$tests_dir/scripts"
    [ "$(wc -l <"$tests_dir/scripts")" -gt 50 ]
    while read -r file; do
        [ "$(wc -l <"$file")" -le 400 ] || { echo "$file is too long" && false; }
    done <"$tests_dir/scripts"
}

reasons() {
    sed -n 's/^    X(ENVELOPE_R_\([A-Z_]*\), .*/\1/p' include/envelope/reasons.h
}

reasons_are_in_the_manual() {
    test "$(reasons | wc -l)" -gt 30
    for reason in $(reasons); do
        grep -q "ENVELOPE_R_$reason" doc/EVP_CIPHER-ENVELOPE.7 ||
            { echo "$reason" && false; }
    done
}

# As it is printed, so that who searches for it finds it
reasons_are_explained() {
    sed -n 's/^    X(ENVELOPE_R_[A-Z_]*, [0-9]*, "\(.*\)").*/\1/p' \
        include/envelope/reasons.h >"$tests_dir/texts"
    test "$(wc -l <"$tests_dir/texts")" -eq "$(reasons | wc -l)"
    while IFS= read -r text; do
        grep -qxF "### \`$text\`" doc/faq.md || { echo "$text" && false; }
    done <"$tests_dir/texts"
}

# A heading that no program prints any more helps nobody.  Some are of openssl and
# tar themselves.
explained_is_printed() {
    cat include/envelope/*.h lib/*/*.c filter/*/*.[ch] tools/*.c tools/os/*.c kms/*.c kms/*/*.c \
        | tr '\n\t' '  ' | sed 's/" *"//g' >"$tests_dir/sources"
    sed -n 's/^### `\(.*\)`$/\1/p' doc/faq.md \
        | grep -vE '^(This does not look like|hex string is|unable to load)' \
            >"$tests_dir/headings"
    test "$(wc -l <"$tests_dir/headings")" -gt 60
    while IFS= read -r text; do
        grep -qF "$text" "$tests_dir/sources" || { echo "$text" && false; }
    done <"$tests_dir/headings"
}

reasons_are_tested() {
    for reason in $(reasons); do
        sources_of_tests | grep '\.c$' | xargs grep -q "ENVELOPE_R_$reason\b" ||
            grep -q "^expect: $reason\$" test/vectors/*.txt ||
            grep -q "no_algorithm $reason " test/provider/enc*.sh ||
            grep -qE "\b$reason\b" test/filter/carrier/*.sh \
                test/tools/ends.sh test/tools/no_key.sh \
                test/tools/programs.sh ||
            { echo "$reason" && false; }
    done
}

parameters_are_in_the_manual() {
    for name in $(sed -n 's/#define ENVELOPE_PARAM_[A-Z_]* "\(.*\)"/\1/p' \
        include/envelope/envelope.h); do
        grep -q -- "$name" doc/EVP_CIPHER-ENVELOPE.7 ||
            { echo "$name" && false; }
    done
}

manuals() {
    for page in doc/*.[1357]; do
        mandoc -Tlint -Wwarning "$page"
    done
}

# Other versions lay out differently.
format() {
    clang-format --dry-run -Werror lib/*/*.[ch] provider/*.[ch] \
        filter/*/*.[ch] kms/*.[ch] kms/*/*.[ch] tools/*.[ch] tools/os/*.[ch] include/envelope/[ae]*.h bench/*.c examples/*.c \
        $(sources_of_tests | grep '\.[ch]$')
}

# A rule that looks at nothing says yes to everything.
rules_look_at_something() {
    echo 'this and that' >"$tests_dir/text"
    none other "$tests_dir/text"
    ! none that "$tests_dir/text" || false
    ! none that no-such-folder/*.c || false
    none_but this that "$tests_dir/text"
    ! none_but more that "$tests_dir/text" || false
    ! none_but this that no-such-folder/*.c || false
}

# Under set -e "! command" and "[ a ] && [ b ]" end a test only as the last line of
# a function.  Elsewhere "|| false" follows, or each stands on its own line.
not_without_effect() { # SCRIPT...
    awk 'FNR == 1 { vain = "" }
        vain != "" && !/^ *}/ { print FILENAME ": " vain; found = 1 }
        { vain = "" }
        /[|][|]/ || /[|\\&]$/ { next }
        /^ *! / || /^ *(\[|test) .* && (\[|test|!) / { vain = $0 }
        END { exit found }' "$@"
}

assertions() {
    for vain in '! a' '[ a ] && [ b ]' 'test a && ! b'; do
        printf 'f() {\n    %s\n    b\n}\n' "$vain" >"$tests_dir/bad.sh"
        ! not_without_effect "$tests_dir/bad.sh" || false
        printf 'f() {\n    b\n    %s\n}\n' "$vain" >"$tests_dir/good.sh"
        not_without_effect "$tests_dir/good.sh"
    done
    printf 'f() {\n    ! a || false\n    b\n}\n' >"$tests_dir/good.sh"
    not_without_effect "$tests_dir/good.sh"
    # shellcheck disable=SC2046 # a list of files
    not_without_effect $(sources_of_tests | grep '\.sh$')
}

# The page on the code names files by their names in a room.
# lib/keys/kms_schemes.h is the list.  A service whose keys have a public half stands
# in no header, and FORMAT says so beside its table.
services_are_documented() {
    schemes=$(sed -n 's/^ *X([a-z]*, "\([a-z]*\)".*/\1/p' lib/keys/kms_schemes.h)
    [ "$(echo "$schemes" | wc -l)" -ge 5 ]
    [ "$(echo "$schemes" | LC_ALL=C sort)" = "$schemes" ]
    for scheme in $schemes; do
        name=$(sed -n "s/^ *X(\([a-z]*\), \"$scheme\".*/\1/p" lib/keys/kms_schemes.h)
        row="^|.*\`$scheme\`.*|"
        if grep -q '^    \.public_key = ' kms/*/"$name.c"; then
            ! grep -q "$row" doc/format.md || return 1
            row="\`$scheme\`"
        fi
        grep -q "$row" doc/format.md
        grep -qw "$scheme" doc/OSSL_PROVIDER-envelope.7
        grep -qw "$scheme" doc/envelope-kms.7
    done
}

named_places_exist() {
    grep -oE '`[a-z_/]+(\.[ch]|/)`' doc/architecture.md | tr -d '`' | sort -u \
        >"$tests_dir/named"
    while read -r place; do
        ls -d "$place" ./*/"$place" ./*/*/"$place" 2>/dev/null | grep -q . ||
            { echo "no $place" && return 1; }
    done <"$tests_dir/named"
    [ "$(wc -l <"$tests_dir/named")" -gt 30 ]
}

t "a rule that finds no file fails" rules_look_at_something
t "layers include downwards only" layers
t "the rooms of lib/ use those that they may" rooms
t "and their libraries agree" links
t "lib/ and provider/ do not print, exit or assert" no_io_in_lib
t "one place reads the environment" getenv_once
t "every call names the library context" contexts
t "libarchive's programs find no record of ours" quiet_allocations
t "every file names its licence" spdx
t "files and functions stay short" sizes
t "scripts of tests stay short" sizes_of_scripts
t "every reason is in the manual" reasons_are_in_the_manual
t "every reason is explained in the list of messages" reasons_are_explained
t "what is explained there is printed" explained_is_printed
t "every reason is in a test" reasons_are_tested
t "no assertion of a test is without effect" assertions
t "every parameter is in the manual" parameters_are_in_the_manual
if command -v mandoc >/dev/null; then
    t "manual pages are well-formed" manuals
else
    skip "manual pages are well-formed" "mandoc is not installed"
fi
case $(clang-format --version 2>/dev/null) in
*"version 14."*) t "the code is laid out by clang-format" format ;;
*) skip "the code is laid out by clang-format" "clang-format 14 is not here" ;;
esac
t "every key service is documented" services_are_documented
t "doc/architecture.md names files that are there" named_places_exist
