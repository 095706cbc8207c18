#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-inventory: what its list says of each file, and that half a list, or one of
# files that nobody could read, never gives an answer that looks like a whole one.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 11
not_sanitized 'it is about scripts'
need openssl jq
PATH=${envelope%/*}:$PATH
inventory=$srcdir/jobs/envelope-inventory
TMPDIR=$tests_dir/scratch
export TMPDIR

make_archive() {
    mkdir scratch
    for name in old new other; do
        "$envelope" keygen -o $name.key
    done
    # Of a certificate the identifier is not that of its key.
    new_ec holder P-256
    new_cert holder -addext subjectKeyIdentifier=0123456789abcdef0123
    mkdir -p archive/2026
    for name in old other; do
        echo data | "$envelope" encrypt -r $name.pub -o archive/$name
    done
    echo data | "$envelope" encrypt -r old.pub -r other.pub -o archive/2026/both
    echo data | "$envelope" encrypt -r holder.crt -o archive/certificate
    echo secret >phrase
    echo data | "$envelope" encrypt --passphrase-file phrase --work-factor 14 \
        -o archive/phrase
    tar -cf - old.pub | "$envelope" encrypt -r new.pub -o archive/tar
    "$envelope" header save -o archive/saved archive/tar
    echo note >archive/note
    : >archive/.next.envelope
    "$inventory" make archive >list
}

# ends STATUS LIST ARGUMENT... - the answer in ./out, what it says in ./err
ends() {
    ends_want=$1 ends_list=$2 ends_status=0
    shift 2
    "$inventory" "$@" <"$ends_list" >out 2>err || ends_status=$?
    cat out err >&2
    [ "$ends_status" -eq "$ends_want" ]
    [ -z "$(ls scratch)" ]
}

# answers NAME... - these are the answer, in any order
answers() {
    for name; do
        echo "archive/$name"
    done | LC_ALL=C sort >want
    LC_ALL=C sort out | diff want -
}

each_file_has_a_line() {
    [ "$(wc -l <list)" -eq 9 ]
    [ "$(tail -n 1 list)" = '{"inventory":1,"files":8}' ]
    # Programs can read it as what inspect writes.
    [ "$(jq -r 'select(.status == "not-envelope") | .file' list)" = archive/note ]
    [ "$(jq -r 'select(.file == "archive/old") | .changed | floor' list)" -eq \
        "$(stat -c %Y archive/old)" ]
    ends 0 list unread
    nothing out err
}

who_has_a_part() {
    ends 0 list opened-by old.pub
    answers old 2026/both
    ends 0 list opened-by old.key
    answers old 2026/both
    ends 0 list opened-by old.pub holder.crt
    answers old 2026/both certificate
    ends 0 list opened-by holder.crt
    answers certificate
    ends 0 list opened-by new.pub
    answers tar saved
}

by_identifier() {
    id=$("$envelope" fingerprint old.pub | cut -d ' ' -f 1)
    ends 0 list opened-by "$id"
    answers old 2026/both
    ends 0 list opened-by "$(echo "$id" | cut -c 1-8 | tr a-f A-F)"
    answers old 2026/both
    ends 0 list opened-by 0123456789abcdef0123
    answers certificate
    ends 0 list opened-by ffffffffffffffff
    nothing out
    ends 2 list opened-by 0123456
    ends 2 list opened-by ''
    ends 1 list opened-by none.pub
    nothing out
}

lost_with_this_key() {
    ends 0 list only old.pub
    answers old
    ends 0 list only old.pub other.pub
    answers old other 2026/both
    # Of what is passed over, no key opens it.
    id=$("$envelope" fingerprint other.pub | cut -d ' ' -f 1)
    jq -c --arg id "$id" 'if .file == "archive/2026/both" then
        .recipients |= map(.known = (.id != $id)) else . end' list >passed
    ends 0 passed only old.pub
    answers old 2026/both
    ends 0 passed without other.pub
    answers old 2026/both certificate phrase tar saved
}

not_rotated() {
    ends 0 list without new.pub
    answers old other 2026/both certificate phrase
    "$envelope" rewrap -i old.key -r new.pub archive/old archive/2026/both
    "$inventory" make archive >rotated
    ends 0 rotated without new.pub
    answers other certificate phrase
    ends 0 rotated opened-by old.pub
    nothing out
}

not_written_since() {
    touch -d 2026-01-31T12:00:00Z archive/other
    touch -d 2026-02-01T00:00:00Z archive/phrase
    touch -d 2025-01-01T00:00:00Z archive/note
    "$inventory" make archive >aged
    ends 0 aged before 2026-02-01
    answers other
    ends 0 aged before 2026-02-01T00:00:01Z
    answers other phrase
    for date in '' tomorrow 2026-02-31 2026-2-1 "2026-02-01
" '2026-02-01 12:00'; do
        ends 2 aged before "$date"
    done
}

# They are named, and the status says that the answer is not about them.
what_cannot_be_read() {
    rm -rf broken
    cp -R archive broken
    head -c 150 archive/old >broken/cut
    ln -s nowhere broken/link
    : >broken/empty
    "$inventory" make broken >part
    [ "$(wc -l <part)" -eq 11 ]
    ends 5 part opened-by other.pub
    [ "$(sort out | tr '\n' ' ')" = 'broken/2026/both broken/other ' ]
    grep -q 'of 2 more files it is not known' err
    ends 5 part without other.pub
    ends 0 part unread
    [ "$(sort out | tr '\n' ' ')" = 'broken/cut broken/empty ' ]
}

half_a_list() {
    sed '$d' list >short
    head -n 3 list >three
    head -c -40 list >torn
    { sed 1d list && cat list; } >less
    echo '{"inventory":1,"files":0}' | cat list list - | sed 2d >mixed
    : >empty
    echo '"text"' >strange
    for list in short three torn less mixed empty strange archive/old; do
        ends 1 $list opened-by old.pub
        nothing out
        grep -q 'is not a whole list' err
        ends 1 $list unread
    done
    cat list list >two
    ends 0 two only old.pub
    [ "$(cat out)" = 'archive/old
archive/old' ]
}

names_of_any_kind() {
    mkdir named
    for name in ' x' "two
lines" 'back\0012slash' "tab	x" "$(printf 'no\377utf')" -o "$(printf 'ends\n.')"
    do
        cp archive/tar "named/./$name"
    done
    "$inventory" make named >all
    for awk in mawk gawk; do
        command -v $awk >/dev/null || continue
        mkdir $awk
        ln -s "$(command -v $awk)" $awk/awk
        PATH=$PWD/$awk:$PATH "$inventory" make named >all
        PATH=$PWD/$awk:$PATH "$inventory" opened-by -0 new.pub <all >names
        [ "$(tr -dc '\0' <names | wc -c)" -eq 7 ]
        "$envelope" verify -q -i new.key -0 --files-from names
    done
    ends 0 all opened-by new.pub
    [ "$(wc -l <out)" -eq 7 ]
    grep -qxF 'named/two\0012lines' out
    # As the manual says
    [ "$(printf '%b.' "$(grep ends out)")" = "$(printf 'named/ends\n..')" ]
}

no_list() {
    for name in none list; do
        ends 1 list make $name
        nothing out
    done
    mkdir -p nobody/here blind
    ends 1 list make nobody
    cat >blind/find <<S
#!/bin/sh
"$(command -v find)" "\$@"
exit 1
S
    chmod +x blind/find
    status=0
    PATH=$PWD/blind:$PATH "$inventory" make archive >out || status=$?
    [ $status -eq 1 ]
    nothing out
    for command in 'make archive' 'opened-by old.pub'; do
        status=0
        # shellcheck disable=SC2086 # words
        "$inventory" $command <list >/dev/full || status=$?
        [ $status -eq 1 ]
    done
}

called_wrongly() {
    for arguments in '' help make 'make a b' opened-by 'only -0' 'before' \
        'before 2026-01-01 2026-01-02' 'unread list'; do
        # shellcheck disable=SC2086 # words
        ends 2 list $arguments
        grep -q '^envelope-inventory: ' err
        nothing out
    done
}

set_up make_archive
t "each file has a line" each_file_has_a_line
t "who has a part in it" who_has_a_part
t "by an identifier" by_identifier
t "what is lost with a key" lost_with_this_key
t "what was not rotated" not_rotated
t "what was not written since" not_written_since
t "what cannot be read" what_cannot_be_read
t "half a list gives no answer" half_a_list
t "names of any kind" names_of_any_kind
t "no list at all" no_list
t "called in a wrong way" called_wrongly
