#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-mariadb backs a real server up, in full and upon that, and restores the same
# data.  A backup that fails, or is killed, changes nothing.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 17
not_sanitized 'it is about scripts'
. "$srcdir/test/jobs/mariadb_chain.sh"

nothing_is_readable() {
    ! grep -rqaF -e more.gone -e a.data -e xtrabackup_info store || false
    envelope verify -i ops.key store/*.env
    ! envelope decrypt -i other.key "$(nth 1 store)" >/dev/null || false
    (cd store && find . -type f ! -name '*.env' ! -name '*.lock' | wc -l) >count
    [ "$(cat count)" -eq 6 ]
    (cd "store/$(nth 1).lsn" && echo *) >count
    grep -qx 'chain [a-z_]*_checkpoints' count
}

unchanged() {
    (cd store && find . | LC_ALL=C sort) >now
    (cd whole && find . | LC_ALL=C sort) | diff - now
}

# What it has sent is all there, but it says that it has failed.
fails() {
    stand_in dies 'mariabackup "$@"' 'kill -KILL $$'
    export ENVELOPE_MARIADB_BACKUP="$tests_dir/bin/dies"
    backs_up 7 incremental store
    backs_up 7 full store
    said 'dies was ended by signal 9'
    ENVELOPE_MARIADB_BACKUP=false backs_up 7 incremental store
    # It ends well, and has not said where the next one begins.
    # shellcheck disable=SC2016 # of that script
    stand_in says_nothing 'mariabackup "$@" && rm "${*##*--extra-lsndir=}"/*'
    export ENVELOPE_MARIADB_BACKUP="$tests_dir/bin/says_nothing"
    backs_up 1 full store
    said 'has left no checkpoints'
    unset ENVELOPE_MARIADB_BACKUP
    backs_up 1 full store -r none.pub
    backs_up 2 full store extra.xb
    # As root may write everywhere, it is another reason.
    mkdir locked locked/.envelope-mariadb.lock
    backs_up 1 full locked
    unchanged
}

no_room() {
    (ulimit -f 300 && trap '' XFSZ && backs_up 1 full store)
    (ulimit -f 300 && trap '' XFSZ && backs_up 1 incremental store)
    unchanged
}

# What a killed one has left is in nobody's way, but only when its children have
# ended, too: they still write there.
killed() {
    mkfifo go
    stand_in waits "touch $tests_dir/begun" "exec 3<$tests_dir/go"
    ENVELOPE_MARIADB_BACKUP=bin/waits "$job" incremental store -r ops.pub -- \
        >out 2>err &
    pid=$!
    tries=0
    until [ -e begun ] || [ $tries -gt 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -KILL $pid
    wait $pid || :
    status=0
    "$job" full store -r ops.pub -- 2>err || status=$?
    : >go
    [ $status -eq 1 ]
    said 'store: another backup is being made there'
    flock -w 60 store/.envelope-mariadb.lock true
    test -e store/.envelope-mariadb
    backs_up 1 full store -r none.pub
    unchanged
}

# The envelope was there, its checkpoints were not yet: two stand upon the second.
killed_in_the_end() {
    late=$(printf -- '-l ate\nx')
    cp -R whole "./$late"
    rm -r "./$late/$(nth 3).lsn"
    backs_up 0 incremental "$late"
    envelope verify --header -i ops.key --require-label "mariadb-base=$(nth 2)" \
        "./$late/$(cat name).xb.env"
}

clock_set_back() {
    cp -R whole back
    stand_in date 'echo 19991231T235959Z'
    PATH=$tests_dir/bin:$PATH
    backs_up 0 full back
    [ "$(cat name)" = "$(nth 3)_0001" ]
    said "$(nth 3) is there, so this one is called"
    backs_up 0 incremental back
    [ "$(cat name)" = "$(nth 3)_0002" ]
    envelope verify --header -i ops.key --require-label "mariadb-base=$(nth 3)_0001" \
        "back/$(cat name).xb.env"
    for suffix in .xb.env .lsn; do
        mv "back/$(nth 3)_0002$suffix" "back/$(nth 3)_0099$suffix"
    done
    backs_up 4 incremental back
    said 'is not '
    touch "back/$(nth 3)_9999.xb.env"
    backs_up 1 full back
    said 'the last name of its time'
    stand_in date 'exit 1'
    backs_up 1 full store
    rm bin/date
    unchanged
}

# An older state of the server, or another server
other_server() {
    cp -R whole ahead
    sed -i 's/^to_lsn = .*/to_lsn = 99999999999/' "ahead/$(nth 3).lsn"/*_checkpoints
    backs_up 1 incremental ahead
    said 'the last one ended at 99999999999; if this is another server'
    (cd ahead && echo *.env) >now
    (cd whole && echo *.env) | cmp - now
}

nothing_to_stand_upon() {
    mkdir empty
    backs_up 1 incremental empty
    said 'make a full one first'
    backs_up 1 full none
    rm -rf bad
    cp -R whole bad
    rm "$(nth 1 bad)"
    backs_up 1 incremental bad
    said "$(nth 1 bad): is missing, and $(nth 2) stands upon it"
    cp -R whole/. bad
    cp "$(nth 2 whole)" "$(nth 3 bad)"
    backs_up 4 incremental bad
    said "$(nth 3 bad): is not $(nth 3)"
    cp -R whole/. bad
    truncate -s 1000000 "$(nth 1 bad)"
    backs_up 5 incremental bad
    said "$(nth 1 bad)"
}

called_wrongly() {
    for arguments in '' help full 'full store' 'full store -r ops.pub' \
        'incremental store -r ops.pub' restore 'restore store'; do
        status=0
        # shellcheck disable=SC2086 # words
        "$job" $arguments 2>err || status=$?
        [ $status -eq 2 ]
        said 'usage: envelope-mariadb full'
    done
}

# restored N TITLE [NAME] - and a server has the data of ./before.N
restored() {
    n=$1 title=$2
    shift 2
    t "$title" restores 0 whole "$@" -i ops.key
    [ -z "$as" ] || chown -R mysql b.data
    start_server b
    t "a server on it has the same data" same "$n"
    stop_server
}

same() {
    answers b
    dump b | diff "before.$1" -
}

# As the manual page has it; another chain stays.
removed_whole() {
    cp -r whole doomed
    mkdir doomed/20270101T000000Z.lsn
    echo other >doomed/20270101T000000Z.lsn/chain
    : >doomed/20270101T000000Z.xb.env
    sed -n '/^chain=/,/^done$/p' "$srcdir/doc/envelope-jobs.7" \
        | sed "s,/srv/mariadb,doomed,; s,20261115T020000Z,$(nth 1)," >script
    [ "$(wc -l <script)" -eq 4 ]
    sh script
    [ "$(ls doomed)" = '20270101T000000Z.lsn
20270101T000000Z.xb.env' ]
}

set_up make_keys
start_chain
t "a full backup, and two upon it" chain
t "nothing can be read without the key" nothing_is_readable
t "a backup that fails changes nothing" fails
t "a disk that is full" no_room
t "one that was killed, and two at once" killed
t "one that was killed in the end, in an odd place" killed_in_the_end
t "a clock that was set back" clock_set_back
t "a server that is not the one of the chain" other_server
t "nothing to stand upon" nothing_to_stand_upon
stop_server
restored 3 "the newest is restored"
restored 2 "the one before, by its name" "$(nth 2)"
restored 1 "the full one" "$(nth 1)"
t "a chain is removed as a whole" removed_whole
t "called in a wrong way" called_wrongly
