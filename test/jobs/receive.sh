#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope-send and envelope-receive without a network between them: a script stands
# in for ssh and starts the forced command as sshd does.  Where anything goes wrong,
# nothing has the name that the backup was to get.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 16
not_sanitized 'it is about scripts'
. "$srcdir/test/jobs/store.sh"

by_ssh_stand_in

make_store() {
    make_keys
    make_stand_in
    for name in host stranger; do
        new_key $name -algorithm ED25519
    done
}

encrypted() {
    sends 0 a.tar.env -r ops.pub --label host=db1 -- cat data
    is_there a.tar.env data
    test ! -e store/a.tar.env.json.sig
    # What the program reads is what the job was given.
    echo typed >typed
    envelope-send store b.env -r ops.pub -- cat <typed
    is_there b.env typed
    nothing_left
}

encrypted_by_the_store() {
    sends 0 plain --plain -- cat data
    is_there plain data
    grep -q '"plaintext_size":1288895,' store/plain.json
    sends 0 empty --plain -- true
    is_there empty /dev/null
    forced=$receive
    sends 5 c --plain -- cat data
    grep -q 'this store does not encrypt' err
    for option in '-r none.pub' --none '-s host.key'; do
        forced="$receive $option"
        sends 5 c --plain -- cat data
        grep -q 'c: cannot be encrypted' err
    done
    nothing_left
}

signed() {
    forced="$receive --signed-by host.pem -r ops.pub"
    sends 0 signed -r ops.pub -s host.key -- cat data
    is_there signed data
    envelope verify --no-key --signed-by host.pem \
        --receipt store/signed.json store/signed
    sends 5 c -r ops.pub -s stranger.key -- cat data
    sends 5 c -r ops.pub -- cat data
    sends 5 c --plain -- cat data
    forced="$forced -s host.key"
    sends 0 signed2 --plain -- cat data
    envelope verify --no-key --signed-by host.pem \
        --receipt store/signed2.json store/signed2
    forced="$receive --signed-by stranger.pem --signed-by host.pem"
    sends 0 signed3 -r ops.pub -s host.key -- cat data
    nothing_left
}

# At once, in the middle, and when all is written
program_fails() {
    for written in 0 500000 1288895; do
        # shellcheck disable=SC2016 # it is the program's own
        for end in 'exit 1' 'kill -9 $$'; do
            sends 7 c -r ops.pub -- sh -c "head -c $written data; $end"
            sends 7 c --plain -- sh -c "head -c $written data; $end"
        done
    done
    sends 7 c -r ops.pub -- none
    sends 7 c --plain -- none
    # A word of the shell, or a function of the job, is no program.
    sends 7 c --plain -- exit 0
    sends 7 c --plain -- publish
    nothing_left
}

cannot_encrypt() {
    sends 1 c -r none.pub -- cat data
    sends 1 c -- cat data
    sends 2 c -r ops.pub --none -- cat data
    # What goes to another place is not sent.
    sends 5 c -r ops.pub -o elsewhere -- cat data
    sends 1 c -r ops.pub --receipt elsewhere -f -- cat data
    nothing_left
}

# tee is killed when it has read all and written half: the program ended well, and
# both ends agree on what they have.
copy_is_cut() {
    mkdir bin
    cat >bin/tee <<'S'
#!/bin/sh
head -c 500000 | /usr/bin/tee "$1"
cat >/dev/null
kill -9 $$
S
    chmod +x bin/tee
    PATH=$tests_dir/bin:$PATH
    sends 1 c --plain -- cat data
    nothing_left
    PATH=$store_path store_path=$tests_dir/bin:$store_path
    sends 5 c --plain -- cat data
    nothing_left
}

# The connection ends in the middle, and even says that this was all.
cut_off() {
    for length in 0 500000 1288894; do
        for end in 'exit 0' 'exit 1' 'exit 255' 'kill -9 $$'; do
            new_ssh cut <<S
case \$command in
put*)
    head -c $length | SSH_ORIGINAL_COMMAND=\$command sh -c "\$forced"
    cat >/dev/null
    $end
    ;;
esac
SSH_ORIGINAL_COMMAND=\$command exec sh -c "\$forced"
S
            want=4
            case $end in
            'exit 0' | 'exit 1') want=5 ;;
            esac
            ENVELOPE_SSH=./cut sends $want c -r ops.pub -- cat data
            ENVELOPE_SSH=./cut sends $want c --plain -- cat data
        done
    done
    rm -rf store/.incoming/*
}

# Before the receipt has arrived, or after it
lost_at_the_end() {
    new_ssh before <<'S'
case $command in
publish*) exit 255 ;;
esac
SSH_ORIGINAL_COMMAND=$command exec sh -c "$forced"
S
    new_ssh after <<'S'
SSH_ORIGINAL_COMMAND=$command sh -c "$forced" || exit
case $command in
publish*) exit 255 ;;
esac
S
    for how in '-r ops.pub' --plain; do
        # shellcheck disable=SC2086 # words
        ENVELOPE_SSH=./before sends 6 c $how -- cat data
        status=0
        # shellcheck disable=SC2086
        ENVELOPE_SSH=./after envelope-send store late $how -- cat data 2>err \
            || status=$?
        [ $status -eq 6 ]
        grep -q 'if it is there, it is complete' err
        is_there late data
        rm store/late store/late.json
    done
    rm -rf store/.incoming/*
}

# What a shell of the other host says before
no_such_store() {
    for said in '' 'echo Welcome' 'echo abcdefghij klm' 'printf "abcdefghij\nx"'; do
        new_ssh noisy <<S
cat >/dev/null
$said
S
        ENVELOPE_SSH=./noisy sends 5 c -r ops.pub -- cat data
    done
    ENVELOPE_SSH=./none sends 4 c -r ops.pub -- cat data
    ENVELOPE_SSH=false sends 5 c -r ops.pub -- cat data
    mv store/.incoming away
    sends 5 c -r ops.pub -- cat data
    grep -q 'there is no .incoming in it' err
    sends 5 c --plain -- cat data
    mv away store/.incoming
}

stays() { # NAME
    find store -ls >before
    for stays_how in '-r ops.pub' --plain; do
        status=0
        # shellcheck disable=SC2086 # words
        envelope-send store "$1" $stays_how -- cat typed 2>err || status=$?
        cat err
        [ $status -eq 3 ]
        grep -q "^envelope-receive: $1[.a-z]*: is there already" err
    done
    find store -ls | diff before -
}

name_is_taken() {
    sends 0 taken -r ops.pub -- cat data
    stays taken
    is_there taken data
    mkdir store/directory
    stays directory
    ln -s nowhere store/link
    stays link
    : >store/receipt.json
    stays receipt
    rm store/receipt.json
    mkdir store/receipt.json.sig
    stays receipt
    nothing_left
}

# When the receipt has its name, somebody takes that of the data.
taken_at_last() {
    mkdir last
    cat >last/sync <<'S'
#!/bin/sh
case $1 in
*/it/data) echo mine >store/c ;;
esac
exec /bin/sync "$@"
S
    chmod +x last/sync
    store_path=$tests_dir/last:$PATH
    for how in '-r ops.pub -s host.key' --plain; do
        status=0
        # shellcheck disable=SC2086 # words
        envelope-send store c $how -- cat data 2>err || status=$?
        [ $status -eq 3 ]
        [ "$(cat store/c)" = mine ]
        rm store/c
        is_absent c
    done
    nothing_left
}

# The disk that fails last is that of the directory.
disk_fails() {
    mkdir disk
    cat >disk/sync <<'S'
#!/bin/sh
case $1 in
*/store | */"$fails") exit 1 ;;
esac
exec /bin/sync "$@"
S
    chmod +x disk/sync
    store_path=$tests_dir/disk:$PATH
    export fails
    for fails in data receipt it/data; do
        sends 5 c -r ops.pub -- cat data
        sends 5 c --plain -- cat data
    done
    fails=none
    status=0
    envelope-send store c -r ops.pub -- cat data || status=$?
    [ $status -eq 6 ]
    is_there c data
    rm store/c store/c.json
    nothing_left
}

# It waits for the program, and gives no name.
gets_a_signal() {
    for want in 129 143; do
        rm -f arrived go
        envelope-send store c -r ops.pub -- sh -c 'cat data
            : >arrived; while [ -e data ] && [ ! -e go ]; do sleep 0.02; done' &
        comes [ -e arrived ]
        kill -$((want - 128)) $!
        : >go
        status=0
        wait $! || status=$?
        [ $status -eq $want ]
        is_absent c
        nothing_left
    done
    rm go
}

two_arrive() {
    [ "$(find store/.incoming -name data | wc -l)" -eq 2 ]
}

# Both have arrived before one is published; and each has a receipt of its own.
two_at_once() {
    for n in 1 2; do
        seq ${n}00000 >data$n
        envelope-send store two -r ops.pub -- sh -c "cat data$n
            while [ -e data ] && [ ! -e go ]; do sleep 0.02; done" 2>err$n &
        eval "pid$n=\$!"
    done
    comes two_arrive
    : >go
    status1=0 status2=0
    # shellcheck disable=SC2154 # of eval
    wait "$pid1" || status1=$?
    # shellcheck disable=SC2154
    wait "$pid2" || status2=$?
    case $status1$status2 in
    03) won=1 lost=2 ;;
    30) won=2 lost=1 ;;
    *) cat err1 err2 && false ;;
    esac
    is_there two "data$won"
    grep -q 'is there already' "err$lost"
    nothing_left
}

no_room() {
    forced="ulimit -f 1000 && trap '' XFSZ && $forced"
    sends 5 c -r ops.pub -- cat data
    sends 5 c --plain -- cat data
    nothing_left
    TMPDIR=$tests_dir/none
    export TMPDIR
    status=0
    envelope-send store c -r ops.pub -- cat data || status=$?
    [ $status -eq 1 ]
    nothing_left
}

called_wrongly() {
    for arguments in '' store 'store c' 'store c -r' 'store c -r ops.pub data' \
        'store c -r ops.pub --' 'store c --plain data data' '-v c -r ops.pub -- true' \
        'store ../c -- true x' 'store -c -- true x' 'store c;d -- true x' \
        'store c --plain -r x -- true'; do
        status=0
        # shellcheck disable=SC2086 # words
        envelope-send $arguments 2>err || status=$?
        [ $status -eq 2 ]
        grep -q '^envelope-send: ' err
    done
    for forced in envelope-receive 'envelope-receive -r ops.pub' \
        "envelope-receive ''"; do
        asks 2 'put c' <data
        grep -q '^envelope-receive: usage: ' err
    done
    is_absent c
}

set_up make_store
t "encrypted by the sender" encrypted
t "encrypted by the store" encrypted_by_the_store
t "signed, where the store asks for it" signed
t "a program that fails" program_fails
t "what cannot be encrypted" cannot_encrypt
t "a copy that is cut" copy_is_cut
t "a connection that is cut" cut_off
t "a connection that is lost at the end" lost_at_the_end
t "another host, or a store that is not mounted" no_such_store
t "a name that is taken" name_is_taken
t "a name that is taken at the last moment" taken_at_last
t "a disk that fails" disk_fails
t "a signal" gets_a_signal
t "two of one name at once" two_at_once
t "no room" no_room
t "called in a wrong way" called_wrongly
