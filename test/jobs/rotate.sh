#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-rotate: a list in which no file is missing, and a rotation that may be
# killed at any moment and is done again until nothing is left for the old key.
# shellcheck disable=SC2030,SC2031 # a PATH is for a subshell alone
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 12
not_sanitized 'it is about scripts'
need openssl jq
bin=${envelope%/*}
PATH=$bin:$PATH
rotate=$srcdir/jobs/envelope-rotate
TMPDIR=$tests_dir/scratch
export TMPDIR

make_archive() {
    mkdir scratch
    for name in old new other; do
        "$envelope" keygen -o $name.key
    done
    mkdir -p archive/2026 -- -dashed
    echo data | "$envelope" encrypt -r old.pub -o archive/old
    echo data | "$envelope" encrypt -r old.pub -r other.pub -o archive/2026/both
    echo data | "$envelope" encrypt -r other.pub -o archive/theirs
    tar -cf - old.pub | "$envelope" encrypt -r old.pub -o archive/tar
    head -c 150 archive/old >archive/cut
    : >archive/empty
    echo note >archive/note
    for name in ' x' "two
lines" 'back\0012slash' "tab	x" "$(printf 'no\377utf')" -o; do
        cp archive/old "archive/./$name"
        cp archive/old "./-dashed/$name"
    done
    cp archive/old archive/.next.envelope
    cp archive/old archive/gone.envelope-rewrap
    cp -R archive kept
}

# ends STATUS ARGUMENT... - the list in ./list, what it says in ./err, and nothing
# left behind
ends() {
    ends_want=$1 ends_status=0
    shift
    "$rotate" "$@" >list 2>err || ends_status=$?
    cat list err >&2
    [ "$ends_status" -eq "$ends_want" ]
    [ -z "$(ls scratch)" ]
}

lines() { # OUTCOME NAME...
    lines_outcome=$1
    shift
    for name; do
        printf '%s\tarchive/%s\n' "$lines_outcome" "$name"
    done
}

# What the list has to be, with the outcome of our own, and without the sums
expected() { # OUTCOME
    {
        lines "$1" old 2026/both tar ' x' 'two\0012lines' 'back\01340012slash' \
            'tab\0011x' 'no\0377utf' -o
        lines foreign theirs
        lines damaged cut empty
        lines none note
    } | LC_ALL=C sort
}

is_listed() { # OUTCOME
    expected "$1" >want
    grep -v '^sum' list | LC_ALL=C sort | diff want -
}

opens() { # KEY LIST-OF-NAMES
    "$envelope" verify --header -q -i "$1" -0 --files-from "$2"
}

every_file_has_its_line() {
    ends 5 archive -i old.key -r new.pub
    is_listed rotated
    [ "$(awk -F '\t' '$1 == "sum" { printf "%s ", $2 "=" $3 }' list)" = \
        'rotated=9 unchanged=0 claimed=0 foreign=1 damaged=2 failed=0 ' ]
    for name in theirs cut empty note .next.envelope gone.envelope-rewrap; do
        cmp kept/$name archive/$name
    done
}

# Each alone, since all would fail with the first.
opens_with_the_new_key_alone() {
    find archive -type f \( -name '*old' -o -name both -o -name tar -o -name '*x' \
        -o -name '*lines' -o -name '*slash' -o -name '*utf' -o -name -o \) \
        -print0 >names
    [ "$(tr -dc '\0' <names | wc -c)" -eq 9 ]
    opens new.key names
    opened=$("$envelope" verify --header -i old.key -0 --files-from names) || :
    [ -z "$opened" ]
    [ "$("$envelope" decrypt -i new.key archive/2026/both)" = data ]
    [ "$("$envelope" decrypt -i other.key archive/2026/both)" = data ]
}

again() {
    rm -rf before
    cp -pR archive before
    ends 5 archive -i old.key -i new.key -r new.pub
    is_listed unchanged
    diff -r before archive
    # Without its private key the new key's entry is a claim.
    ends 5 archive -i old.key -r new.pub
    is_listed claimed
    diff -r before archive
}

# With the awks that there are, each writes the same bytes.
names_of_any_kind() {
    for awk in mawk gawk; do
        command -v $awk >/dev/null || continue
        mkdir $awk
        ln -s "$(command -v $awk)" $awk/awk
        rm -rf archive
        cp -R kept archive
        (PATH=$PWD/$awk:$PATH && ends 5 archive -i old.key -r new.pub)
        is_listed rotated
    done
    ends 0 -dashed -i old.key -r new.pub
    [ "$(grep -c '^rotated	./-dashed/' list)" -eq 6 ]
    # A key from a pipe
    "$rotate" -dashed -i /dev/stdin -r old.pub <new.key >list
    [ "$(grep -c '^rotated	./-dashed/' list)" -eq 6 ]
    "$rotate" -dashed -i old.key -r old.pub <&- >list
    [ "$(grep -c '^unchanged	./-dashed/' list)" -eq 6 ]
}

# killed NUMBER - archive/, with a rewrap that SIGKILL ends in one of the files
# behind this number
killed() {
    mkdir -p killing
    cat >killing/envelope <<S
#!/bin/sh
[ "\$1" = rewrap ] || exec "$envelope" "\$@"
rm -f "$tests_dir/killing/fifo"
mkfifo "$tests_dir/killing/fifo"
"$envelope" "\$@" >"$tests_dir/killing/fifo" &
exec 5<"$tests_dir/killing/fifo"
head -n $1 <&5
kill -KILL \$!
wait \$!
S
    chmod +x killing/envelope
    (PATH=$tests_dir/killing:$PATH \
        && ends 1 archive -i old.key -i new.key -r new.pub)
    grep -q 'it has not come to the end' err
    ! grep -q '^sum' list || false
}

# The pipe of the one that is killed holds less than 200 of its lines.
killed_and_repeated() {
    rm -rf archive
    mkdir archive
    n=0
    while [ $n -lt 260 ]; do
        cp kept/old archive/$n
        n=$((n + 1))
    done
    killed 3
    killed 40
    ends 0 archive -i old.key -i new.key -r new.pub
    [ "$(grep -c '^rotated	archive' list)" -gt 0 ]
    [ "$(grep -c '^unchanged	archive' list)" -ge 3 ]
    [ "$(grep -c '^rotated	archive\|^unchanged	archive' list)" -eq 260 ]
    find archive -type f -print0 >names
    [ "$(find archive | wc -l)" -eq 261 ]
    "$envelope" verify -q -i new.key -0 --files-from names
    opened=$("$envelope" verify --header -i old.key -0 --files-from names) || :
    [ -z "$opened" ]
}

has_gone() { # PID
    ! kill -0 "$1" 2>/dev/null
}

terminated() {
    mkdir waiting
    cat >waiting/envelope <<S
#!/bin/sh
[ "\$1" = rewrap ] || exec "$envelope" "\$@"
echo \$\$ >"$tests_dir/waiting/pid.new"
mv "$tests_dir/waiting/pid.new" "$tests_dir/waiting/pid"
exec sleep 600
S
    chmod +x waiting/envelope
    PATH=$tests_dir/waiting:$PATH "$rotate" archive -i old.key -r new.pub &
    script=$!
    waits [ -e waiting/pid ]
    kill $script
    status=0
    wait $script || status=$?
    [ $status -eq 143 ]
    waits has_gone "$(cat waiting/pid)"
    [ -z "$(ls scratch)" ]
}

two_at_once() {
    rm -rf archive
    mkdir archive
    for n in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
        cp kept/old archive/$n
    done
    "$rotate" archive -i old.key -r new.pub >list1 &
    first=$!
    "$rotate" archive -i old.key -r new.pub >list2 || :
    wait $first || :
    ends 0 archive -i old.key -i new.key -r new.pub
    [ "$(grep -c '^rotated	archive\|^unchanged	archive' list)" -eq 16 ]
    find archive -type f -print0 >names
    opens new.key names
}

could_not_be_rotated() {
    rm -rf archive
    mkdir archive
    cp kept/old archive/locked
    flock archive/locked "$rotate" archive -i old.key -r new.pub >list && false
    grep -q '^failed	archive/locked$' list
    echo data | "$envelope" encrypt -r old.pub --reserve 0 -o archive/full
    new_rsa big 4096
    ends 1 archive -i old.key -r big.pem
    grep -q '^failed	archive/full$' list
    grep -q '^rotated	archive/locked$' list
    grep -q 'archive/full: header too large' err
}

# An archive that is not there, or is not seen whole, is never rotated.
nothing_to_rotate() {
    ends 1 none -i old.key -r new.pub
    mkdir -p empty/directory plain
    ends 4 empty -i old.key -r new.pub
    echo note >plain/note
    ends 4 plain -i old.key -r new.pub
    mkdir blind
    cat >blind/find <<S
#!/bin/sh
printf 'archive/locked\\0'
exit 1
S
    chmod +x blind/find
    cp kept/old archive/locked
    (PATH=$tests_dir/blind:$PATH && ends 1 archive -i old.key -r new.pub)
    grep -q 'not all of it can be read: nothing was rotated' err
    cmp kept/old archive/locked
}

called_wrongly() {
    ends 2
    ends 2 --help
    ends 2 archive -i old.key --none new.pub
    ends 3 archive -i none.key -r new.pub
    ends 1 archive -i old.key -r none.pub
    ends 3 archive -i other.key -r new.pub
    cmp kept/old archive/locked
    grep -q '^foreign	archive/locked$' list
}

no_room_for_the_list() {
    # Of the scratch directory: nothing was begun.
    (ulimit -f 1 && trap '' XFSZ && ends 1 archive -i old.key -r new.pub)
    [ "$(cat list)" = '' ]
    status=0
    "$rotate" archive -i old.key -r new.pub >/dev/full || status=$?
    [ $status -eq 1 ]
    ends 0 archive -i old.key -i new.key -r new.pub
}

# Not a process for each file
few_processes() {
    mkdir counting
    cat >counting/envelope <<S
#!/bin/sh
echo "\$1" >>"$tests_dir/calls"
exec "$envelope" "\$@"
S
    chmod +x counting/envelope
    (PATH=$tests_dir/counting:$PATH && ends 0 archive -i new.key -r old.pub)
    [ "$(cat calls)" = "inspect
rewrap" ]
}

set_up make_archive
t "every file has its line" every_file_has_its_line
t "the new key opens them, and the old one does not" opens_with_the_new_key_alone
t "once more: nothing is written" again
t "names of any kind" names_of_any_kind
t "killed, and done again" killed_and_repeated
t "ended by a signal" terminated
t "two at once" two_at_once
t "what could not be rotated" could_not_be_rotated
t "nothing to rotate" nothing_to_rotate
t "called in a wrong way" called_wrongly
t "no room for the list" no_room_for_the_list
t "few processes for many files" few_processes
