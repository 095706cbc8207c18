#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-restore-test: nothing is said of a backup that is good, and everything of
# one that is damaged, old or missing; and no plaintext is left, however it ends.
# shellcheck disable=SC2030,SC2031 # a PATH is for a subshell alone
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 16
not_sanitized 'it is about scripts'
need openssl tar flock
PATH=${envelope%/*}:$PATH
job=$srcdir/jobs/envelope-restore-test
units=$srcdir/jobs/systemd
today=$(date +%F)

day() { # NUMBER - so many days ago
    date -d "$today $1 days ago" "+${2-%F}"
}

# backup NAME [OPTION...] - of a file that says which one it is
backup() {
    backup_name=$1
    shift
    echo "$backup_name" >content
    tar -cf - content \
        | "$envelope" encrypt -r ops.pub -o "backups/$backup_name" "$@"
}

make_backups() {
    mkdir backups scratch
    "$envelope" keygen -o ops.key
    "$envelope" keygen -o other.key
    backup "a-$(day 40).env"
    backup "a-$(day 2).env"
    backup "a-$(day 1).env" --label "date=$(day 1)"
    # Neither the time of the file nor the rest of its name counts.
    touch "backups/a-$(day 40).env"
    backup "b-$(day 3 %Y%m%d)T0200.env"
    backup "b-$(day 3 %Y%m%d)T2300.env"
    echo note >"backups/a-$today.txt"
    : >"backups/.a-$today.env"
    : >"backups/a-$(day 1).env.envelope-rewrap"
    cat >check <<'S'
#!/bin/sh
cat content
cat content >"$SEEN"
test ! -e bad
S
    cat >unpack <<'S'
#!/bin/sh
exec tar -xf - "$@"
S
    chmod +x check unpack
}
unpack=$tests_dir/unpack
SEEN=$tests_dir/seen
export SEEN

# ends STATUS ARGUMENT... - what it says in ./said; nothing stays, and with 0 nothing
# is said
ends() {
    ends_want=$1 ends_status=0
    shift
    rm -f seen
    "$job" --scratch scratch --check "$tests_dir/check" "$@" >said 2>&1 \
        || ends_status=$?
    cat said >&2
    [ "$ends_status" -eq "$ends_want" ]
    [ -z "$(ls -A scratch)" ]
    if [ "$ends_status" -eq 0 ]; then nothing said; else [ -s said ]; fi
}

says() {
    grep -q "$1" said
}

a_good_one() {
    ends 0 --max-age 2 backups 'a-*.env' -i ops.key -- "$unpack"
    [ "$(cat seen)" = "a-$(day 1).env" ]
    ends 0 --max-age 3 backups 'b-*' -i ops.key -- "$unpack" -v
    [ "$(cat seen)" = "b-$(day 3 %Y%m%d)T2300.env" ]
    # Without a check, and with what a consumer may need
    "$job" --scratch scratch --max-age 2 backups 'a-*.env' -i ops.key \
        -- sh -c "cat | $unpack && mkdir closed && chmod 000 closed" >said 2>&1
    nothing said
    [ -z "$(ls -A scratch)" ]
}

by_the_time_of_the_file() {
    mkdir timed
    cp backups/a-*.env timed
    touch -d '3 days ago' timed/*
    touch -d '1 day ago' "timed/a-$(day 40).env"
    ends 0 --max-age 2 --mtime timed 'a-*.env' -i ops.key -- "$unpack"
    [ "$(cat seen)" = "a-$(day 40).env" ]
    touch -d '10 days ago' timed/*
    ends 9 --max-age 2 --mtime timed 'a-*.env' -i ops.key -- "$unpack"
}

none_was_made() {
    ends 9 --max-age 2 backups 'b-*' -i ops.key -- "$unpack"
    says 'the newest backup is 3 days old'
    ends 8 --max-age 2 backups 'c-*' -i ops.key -- "$unpack"
    says 'no file matches c-\*'
    ends 1 --max-age 2 none 'a-*.env' -i ops.key -- "$unpack"
    mkdir empty
    ends 8 --max-age 2 empty '*' -i ops.key -- "$unpack"
}

# A clock that goes wrong must not make one backup the newest for years.
of_a_day_to_come() {
    mkdir future
    cp "backups/a-$(day 1).env" "future/a-$(day -3).env"
    ends 9 --max-age 2 future '*' -i ops.key -- "$unpack"
    says 'of a day that is still to come'
    mv "future/a-$(day -3).env" "future/a-$(day -1).env"
    ends 0 --max-age 2 future '*' -i ops.key -- "$unpack"
    cp "backups/a-$(day 1).env" future/a-2026-19-39.env
    rm "future/a-$(day -1).env"
    ends 1 --max-age 2 future '*' -i ops.key -- "$unpack"
    says '2026-19-39'
}

# An old backup under a new name
another_in_its_place() {
    mkdir forged
    cp "backups/a-$(day 1).env" forged
    ends 0 --max-age 2 --date-label date forged '*' -i ops.key -- "$unpack"
    mv forged/* "forged/a-$today.env"
    ends 0 --max-age 2 forged '*' -i ops.key -- "$unpack"
    ends 4 --max-age 2 --date-label date forged '*' -i ops.key -- "$unpack"
    says "date=$today is required"
    ends 4 --max-age 2 forged '*' -i ops.key --require-label a=b -- "$unpack"
}

not_to_be_decrypted() {
    ends 3 --max-age 2 backups 'a-*.env' -i other.key -- "$unpack"
    says 'no identity opens this envelope'
    ends 3 --max-age 2 backups 'a-*.env' -i none.key -- "$unpack"
    mkdir broken
    cp "backups/a-$(day 1).env" "broken/a-$today.env"
    flip "broken/a-$today.env" 3000
    ends 5 --max-age 2 broken '*' -i ops.key -- "$unpack"
    says "broken/a-$today.env"
    head -c 9000 "backups/a-$(day 1).env" >"broken/a-$today.env"
    ends 5 --max-age 2 broken '*' -i ops.key -- "$unpack"
    : >"broken/a-$today.env"
    ends 5 --max-age 2 broken '*' -i ops.key -- "$unpack"
    test ! -e seen
}

# All that the parts have said is there, and nothing that a terminal obeys.
parts_that_fail() {
    ends 7 --max-age 2 backups 'a-*.env' -i ops.key \
        -- sh -c 'echo to one; printf "\033[2J\n"; echo to two >&2; exit 3'
    says 'to one'
    says 'to two'
    ! grep "$(printf '\033')" said || false
    ends 7 --max-age 2 backups 'a-*.env' -i ops.key -- no-such-program
    ends 1 --max-age 2 backups 'a-*.env' -i ops.key -- sh -c "$unpack && touch bad"
    says 'check has ended with status 1'
    says "^a-$(day 1).env$"
}

unmount() {
    umount small 2>/dev/null
}
cleanup=unmount

# The message stands there although the disk is full.
no_room() {
    mkdir small
    mount -t tmpfs -o size=256k none small 2>/dev/null \
        || { echo 'a file system cannot be mounted' >"$TEST_LACKS" && return 1; }
    head -c 1000000 /dev/zero | "$envelope" encrypt -r ops.pub \
        -o "backups/large-$today.env"
    status=0
    "$job" --scratch small --max-age 2 backups 'large-*' -i ops.key \
        -- dd of=data bs=64k >said 2>&1 || status=$?
    left=$(ls -A small)
    head -c 250000 /dev/zero >small/full || :
    full=0
    "$job" --scratch small --max-age 2 backups 'a-*.env' -i ops.key \
        -- "$unpack" >full 2>&1 || full=$?
    umount small
    cat said full
    [ $status -eq 7 ]
    says 'No space left on device'
    says '100%'
    [ -z "$left" ]
    [ $full -eq 1 ]
    grep -q 'there is no room' full
}

limited() {
    (ulimit -f 300 && ends 7 --max-age 2 backups 'large-*' -i ops.key \
        -- dd of=data bs=64k)
}

# waiting SIGNAL - it ends in the middle of a restore
waiting() {
    rm -f begun
    "$job" --scratch scratch --max-age 2 backups 'a-*.env' -i ops.key \
        -- sh -c "tar -xf - && pwd >$tests_dir/begun && exec sleep 600" &
    pid=$!
    waits [ -s begun ]
    [ -s "$(cat begun)/content" ]
    kill -"$1" $pid
    status=0
    wait $pid || status=$?
}

ended_by_a_signal() {
    waiting TERM
    [ $status -eq 143 ]
    [ -z "$(ls -A scratch)" ]
    waiting HUP
    [ $status -eq 129 ]
    [ -z "$(ls -A scratch)" ]
}

# What a killed one has left, the next one removes, and not before its parts are gone.
killed() {
    waiting KILL
    [ $status -eq 137 ]
    left=$(dirname "$(cat begun)")
    ! "$job" --scratch scratch --max-age 2 backups 'none' -i ops.key -- cat || false
    test -d "$left"
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/cwd")" != "$left/files" ] \
            || kill "${process#/proc/}"
    done
    tries=0
    while ! flock -n "$left" true; do
        tries=$((tries + 1))
        [ $tries -lt 300 ]
        sleep 0.05
    done
    mkdir scratch/envelope-restore-test.other0 other
    flock scratch/envelope-restore-test.other0 \
        "$job" --scratch scratch --max-age 2 backups 'a-*.env' -i ops.key -- "$unpack"
    [ "$(ls scratch)" = envelope-restore-test.other0 ]
    ends 0 --max-age 2 backups 'a-*.env' -i ops.key -- "$unpack"
}

two_at_once() {
    "$job" --scratch scratch --max-age 2 backups 'a-*.env' -i ops.key \
        -- "$unpack" &
    first=$!
    "$job" --scratch scratch --max-age 3 backups 'b-*' -i ops.key -- "$unpack"
    wait $first
    [ -z "$(ls -A scratch)" ]
}

names_of_any_kind() {
    mkdir names
    cp "backups/a-$(day 1).env" "names/- \$(touch pwned) ' $(day 1).env"
    cp "backups/a-$(day 2).env" names/-i"$(day 2)"
    ends 0 --max-age 2 names '*' -i ops.key -- "$unpack"
    [ "$(cat seen)" = "a-$(day 1).env" ]
    test ! -e pwned
    cp "backups/a-$(day 2).env" "names/$today
.env"
    ends 1 --max-age 2 names '*' -i ops.key -- "$unpack"
    says 'has a control character'
    rm "names/$today
.env"
    cp "backups/a-$(day 2).env" names/undated
    ends 1 --max-age 2 names '*' -i ops.key -- "$unpack"
    says 'undated: there is no date in its name'
}

called_wrongly() {
    ends 2 --max-age x backups 'a-*.env' -i ops.key -- "$unpack"
    ends 2 --max-age '' backups 'a-*.env' -i ops.key -- "$unpack"
    ends 2 backups 'a-*.env' -i ops.key -- "$unpack"
    ends 2 --max-age 2 backups 'a-*.env' -i ops.key tar -xf -
    ends 2 --max-age 2 backups 'a-*.env' -i ops.key --
    for pattern in '' '../backups/*' '.a*'; do
        ends 2 --max-age 2 backups "$pattern" -i ops.key -- "$unpack"
    done
    ends 2 --max-age 2 --none backups 'a-*.env' -i ops.key -- "$unpack"
    ends 2 --max-age
    ends 2 --max-age 2
    ! "$job" --scratch none --max-age 2 backups 'a-*.env' -i ops.key -- cat || false
}

# The command line of the unit, with the settings that the manual prints
of_the_unit() {
    sed -n '/^MAX_AGE=/,/^CHECK=/p' "$srcdir/doc/envelope-jobs.7" \
        | sed "s,=\\(.*\\),='\\1'," >settings
    [ "$(wc -l <settings)" -eq 5 ]
    # shellcheck source=/dev/null
    . ./settings
    # shellcheck disable=SC2153 # of the settings
    case $PATTERN in
    nightly-*) ;;
    *) false ;;
    esac
    mkdir unit
    # shellcheck disable=SC2034 # for the command
    DIRECTORY=unit CHECK=$tests_dir/check CREDENTIALS_DIRECTORY=$tests_dir
    cp "backups/a-$(day 1).env" "unit/nightly-$(day 1).tar.env"
    cp ops.key key
    command=$(sed -n 's/^ExecStart=[^ ]* //p' "$units/envelope-restore-test@.service" \
        | sed "s,%d,$tests_dir,; s,\${\\([A-Z_]*\\)},\"\$\\1\",g")
    set -f
    eval "\"\$job\" $command"
    [ "$(cat seen)" = "a-$(day 1).env" ]
    # Empty, it is no check.
    # shellcheck disable=SC2034
    CHECK=
    eval "\"\$job\" $command"
}

units_are_right() {
    mkdir installed
    : >installed/job
    chmod +x installed/job
    for unit in service timer; do
        sed "s,^ExecStart=[^ ]*,ExecStart=$tests_dir/installed/job,
            s,/usr/local/etc,$tests_dir/etc," \
            "$units/envelope-restore-test@.$unit" \
            >"installed/envelope-restore-test@nightly.$unit"
    done
    systemd-analyze verify --man=no installed/envelope-restore-test@nightly.* \
        >said 2>&1 || { cat said && false; }
    cat said
    nothing said
    systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' installed/*.timer)"
}

set_up make_backups
t "nothing is said of a good one" a_good_one
t "the newest by the time of the file" by_the_time_of_the_file
t "no backup was made" none_was_made
t "one of a day to come" of_a_day_to_come
t "another one in its place" another_in_its_place
t "what cannot be decrypted" not_to_be_decrypted
t "parts that fail" parts_that_fail
t "a scratch directory that is full" no_room
t "a limit of the system" limited
t "ended by a signal" ended_by_a_signal
t "killed" killed
t "two at once" two_at_once
t "names of any kind" names_of_any_kind
t "called in a wrong way" called_wrongly
t "the command of the unit" of_the_unit
with_tool systemd-analyze "the units" units_are_right
