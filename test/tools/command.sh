#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# envelope encrypt and envelope decrypt as people type them: where output goes
# and what is left when it fails, keys from everywhere, statuses and messages,
# --help and the shell completions.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 50
provider
need timeout socat "${CC:=gcc}"

# --- how it is judged -----------------------------------------------------

# says_first TEXT - the first line of ./err is exactly this
says_first() {
    head -n 1 err | grep -qxF "envelope: $1"
}

says_that() { # PATTERN
    grep -q -e "$1" err
}

hints() { # PATTERN
    grep -q "^hint: .*$1" err
}

# only FILE... - the directory ./here has these files, and no others but err
only() {
    rm -f err
    find . -mindepth 1 | LC_ALL=C sort >../have
    for file in "$@"; do
        echo "./$file"
    done | LC_ALL=C sort | cmp - ../have
}

make_all() {
    new_key ops -algorithm X25519
    new_key other -algorithm X25519
    new_ec ec P-256
    new_cert ec
    head -c 1000000 /dev/urandom >plain
    "$envelope" -r ops.pem -o sealed plain
    "$OPENSSL" rand -hex 32 >kek
    echo 'correct horse' >pw
    mkdir here
}

# --- output ---------------------------------------------------------------

streams() {
    "$envelope" encrypt -r ops.pem <plain >a
    "$envelope" decrypt -i ops.key <a >b
    cmp plain b
    "$envelope" -r ops.pem plain | "$envelope" -d -i ops.key | cmp - plain
    "$envelope" encrypt -r ops.pem -d -i ops.key <a && false
    exits 2 "$envelope" encrypt -r ops.pem -d <a
    says_first 'option --recipient is not for envelope decrypt'
}

files() {
    cd here
    rm -f ./*
    "$envelope" encrypt -r ../ops.pem -o a ../plain
    "$envelope" decrypt -i ../ops.key -o b a
    cmp b ../plain
    "$envelope" decrypt -i ../ops.key -o - a | cmp - ../plain
    only a b
}

empty_and_small() {
    for n in 0 1 16383 16384 16385; do
        head -c $n plain >in
        "$envelope" -r ops.pem in | "$envelope" -d -i ops.key | cmp - in
    done
}

not_over_another() {
    cd here
    rm -f ./*
    echo old >a
    exits 2 "$envelope" -r ../ops.pem -o a ../plain
    says_that '^envelope: .*a.*exists'
    says_that 'force'
    echo old | cmp - a
    "$envelope" -r ../ops.pem -o a -f ../plain
    "$envelope" -d -i ../ops.key a | cmp - ../plain
    only a
}

# With --force, too, an old file stays until the new one is complete.
nothing_half() {
    cd here
    rm -f ./*
    cp ../sealed bad
    flip bad 500000
    exits 5 "$envelope" -d -i ../ops.key -o b bad
    says_that "$(reason CHUNK): "
    hints salvage
    echo old >c
    exits 5 "$envelope" -d -i ../ops.key --force -o c bad
    echo old | cmp - c
    head -c 500000 ../sealed >cut
    exits 5 "$envelope" -d -i ../ops.key -o b cut
    exits 3 "$envelope" -d -i ../other.key -o b bad
    only bad c cut
}

bad_keys_leave_nothing() {
    cd here
    rm -f ./*
    exits 1 "$envelope" -r ../missing -o a ../plain
    says_first "$(reason UNREADABLE_KEY): ../missing: No such file or directory"
    exits 1 "$envelope" -r ../ops.key -o a ../plain
    says_that "$(reason PRIVATE_KEY): "
    says_that 'give its public key'
    exits 1 "$envelope" -o a ../plain
    says_that "$(reason NO_RECIPIENT): "
    only
}

same_file() {
    cp plain same
    exits 2 "$envelope" -r ops.pem -f -o same same
    exits 2 "$envelope" -r ops.pem -f -o same <same
    ln -sf same link
    exits 2 "$envelope" -r ops.pem -f -o link <same
    cmp plain same
}

stops_at_damage() {
    cp sealed bad
    flip bad 500000
    exits 5 sh -c '"$0" -d -i ops.key bad >part' "$envelope"
    test -s part
    cmp -n "$(size_of part)" part plain
}

full_disk() {
    exits 1 sh -c '"$0" -r ops.pem plain >/dev/full' "$envelope"
    says_first "standard output: $(reason WRITE): No space left on device"
    exits 1 sh -c '"$0" -d -i ops.key sealed >/dev/full' "$envelope"
    says_that 'No space left on device'
    exits 1 "$envelope" -r ops.pem -f -o /dev/full plain
    says_first "/dev/full: $(reason WRITE): No space left on device"
    # shellcheck disable=SC2016 # for that shell
    exits 1 sh -c 'trap "" XFSZ; ulimit -f 1
        exec "$0" -r ops.pem -o large' "$envelope" </dev/zero
    says_first "large: $(reason WRITE): File too large"
    test ! -e large
    exits 1 sh -c '"$0" --help >/dev/full' "$envelope"
}

closed_pipe() {
    exits 0 env --default-signal sh -c '
        { "$0" -r ops.pem </dev/zero; echo $? >status; } |
        head -c 1000 >/dev/null' "$envelope"
    test "$(cat status)" -eq 141
    test ! -s err
    exits 0 env --ignore-signal=PIPE sh -c '
        { "$0" -r ops.pem </dev/zero; echo $? >status; } |
        head -c 1000 >/dev/null' "$envelope"
    test "$(cat status)" -eq 1
    says_first "standard output: $(reason WRITE): Broken pipe"
}

# GNU tar has enough after one member, or the end mark, and closes the pipe.
tar_has_enough() {
    printf 'first\n' >member
    head -c 20000000 /dev/zero >large
    tar -cf large.tar member large
    "$envelope" -r ops.pem -o large.env large.tar
    for threads in 1 2; do
        exits 0 env --default-signal tar -I \
            "$envelope -j $threads -i ops.key" --occurrence=1 -xOf large.env \
            member >out
        cmp out member
    done
    rm large large.tar large.env
}

# Before there is any progress to tell: it waits for its input to be opened.
sigusr1_never_ends() {
    mkfifo fifo
    for job in '-r ops.pem fifo' '-d -i ops.key fifo' \
        '-d -i ops.key --range 0: fifo' '-d -i ops.key --salvage fifo'; do
        # shellcheck disable=SC2086 # words
        "$envelope" $job >/dev/null 2>err &
        pid=$!
        n=0
        until catches_usr1 $pid; do
            n=$((n + 1))
            test $n -lt 100
            sleep 0.05
        done
        kill -USR1 $pid
        kill -USR1 $pid
        timeout 10 sh -c 'cat sealed >fifo' || true
        status=0
        wait $pid || status=$?
        cat err
        test $status -lt 2 # the last two want a file that can seek
    done
    rm fifo
}

# Somebody else may have put it where the file is to be.
fifo_for_a_file() {
    mkfifo fifo
    exits 2 timeout 5 "$envelope" -d -i ops.key -o fifo sealed
    says_that "$(reason PARAMETER): fifo is a FIFO, .*--force"
    exits 2 "$envelope" keygen -o fifo
    cat fifo >out &
    exits 0 timeout 5 "$envelope" -d -i ops.key -f -o fifo sealed
    wait
    cmp out plain
    exits 2 "$envelope" -d -i ops.key -o /dev/full sealed
    says_that "$(reason PARAMETER): /dev/full is a device"
    exits 0 "$envelope" -d -i ops.key -o /dev/null sealed
    # Among files that are read, one would wait for ever.
    for command in inspect 'verify -i ops.key'; do
        # shellcheck disable=SC2086 # words
        exits 1 timeout 5 "$envelope" $command fifo sealed >out
        says_first "fifo: $(reason READ): it is a FIFO, and no file; standard input may be one"
        grep -q sealed out
    done
    rm fifo
}

# While it was at work.
exists_at_the_end() {
    mkfifo fifo
    "$envelope" -r ops.pem -o late fifo 2>err &
    pid=$!
    exec 9>fifo
    n=0
    while [ "$(find . -name '.late*' | wc -l)" -eq 0 ] && [ $n -lt 200 ]; do
        sleep 0.05
        n=$((n + 1))
    done
    echo other >late
    exec 9>&-
    status=0
    wait $pid || status=$?
    test $status -eq 2
    says_that "$(reason PARAMETER): late exists; --force replaces it"
    echo other | cmp - late
    test "$(find . -name '.late*' | wc -l)" -eq 0
    rm fifo late
}

# Of data with zeros at the beginning, between and at the end
holes() {
    "$PYTHON" -c 'import sys
sys.stdout.buffer.write(bytes(3000000) + b"a" * 5000 + bytes(4000000) + b"b"
                        + bytes(1000001))' >image
    "$envelope" -r ops.pem -o image.env image
    for options in '' '--range 0:' '--salvage'; do
        # shellcheck disable=SC2086 # words
        exits 0 "$envelope" -d -i ops.key --sparse $options -f -o made image.env
        cmp made image
        test "$(($(stat -c '%b * %B' made)))" -lt 1000000
    done
    exits 0 "$envelope" -d -i ops.key --sparse --range 2999999:4005002 -f \
        -o made image.env
    tail -c +3000000 image | head -c 4005002 | cmp - made
    for len in 0 1 4095 4096 4097 1000000; do
        head -c $len /dev/zero >zeros
        "$envelope" -r ops.pem zeros >zeros.env
        exits 0 "$envelope" -d -i ops.key --sparse -f -o made zeros.env
        cmp made zeros
    done
    exits 2 "$envelope" -d -i ops.key --sparse image.env >out
    nothing out
    exits 2 "$envelope" -d -i ops.key --sparse -o /dev/null image.env
    exits 5 sh -c 'head -c 4000000 image.env |
        "$0" -d -i ops.key --sparse -f -o none' "$envelope"
    test ! -e none
    rm image image.env made zeros zeros.env
}

no_fsync() {
    "$CC" -shared -fPIC -pthread -DWITHOUT_MALLOC -o inject.so \
        "$srcdir/test/fault/inject.c" -ldl
    for options in '' '--range 0:' '--salvage' '--sparse'; do
        head -c 200 /dev/zero >counts
        # shellcheck disable=SC2086 # words
        set -- env LD_PRELOAD="$PWD/inject.so" FAULT_COUNTS=counts \
            FAULT_FAMILY=fsync FAULT_AT=1 FAULT_ON=1 FAULT_SHORT=0 \
            FAULT_ERRNO=5 "$envelope" -d -i ops.key $options -f -o made sealed
        exits 1 "$@"
        exits 0 "$@" --no-fsync
        cmp made plain
    done
}

no_directory() {
    exits 1 "$envelope" -r ops.pem -o none/a plain
    says_first "none/a: $(reason WRITE): No such file or directory"
}

by_signal() { # SIGNAL - to a writer that waits for its input
    cd here
    rm -f ./*
    mkfifo fifo
    env --default-signal "$envelope" -r ../ops.pem -o a <fifo &
    pid=$!
    exec 9>fifo
    n=0
    while [ "$(find . -name '.a*' | wc -l)" -eq 0 ] && [ $n -lt 200 ]; do
        sleep 0.05
        n=$((n + 1))
    done
    rm fifo
    test "$(find . -name '.a*' | wc -l)" -eq 1
    kill "-$1" $pid
    status=0
    wait $pid || status=$?
    exec 9>&-
    test $status -gt 128
    only
}

# SIGKILL leaves it; the next run for the same file removes it, and says so.
killed_before() {
    mkfifo fifo
    "$envelope" -r ops.pem -o killed <fifo &
    pid=$!
    exec 9>fifo
    n=0
    until [ -s .killed.envelope ] || [ $n -ge 200 ]; do
        head -c 300000 plain >&9 || true
        sleep 0.05
        n=$((n + 1))
    done
    kill -9 $pid
    wait $pid || true
    exec 9>&-
    rm fifo
    test -s .killed.envelope
    exits 0 "$envelope" -r ops.pem -o killed plain
    says_first '.killed.envelope: removed, an earlier run has left it'
    test "$(find . -name '*killed*' | wc -l)" -eq 1
    "$envelope" -d -i ops.key killed | cmp - plain
    exits 0 "$envelope" -r ops.pem -f -o killed plain
    test ! -s err
}

# --- input ----------------------------------------------------------------

bad_input() {
    exits 8 "$envelope" -r ops.pem missing
    says_first "missing: $(reason READ): No such file or directory"
    exits 1 "$envelope" -r ops.pem /
    says_that "$(reason READ): Is a directory"
    exits 4 "$envelope" -d -i ops.key plain
    says_that "^envelope: plain: $(reason NOT_ENVELOPE)"
    : >empty
    exits 5 "$envelope" -d -i ops.key empty
    exits 5 sh -c 'head -c 700000 sealed | "$0" -d -i ops.key >part' "$envelope"
    exits 2 "$envelope" -r ops.pem plain plain
    says_that 'too much'
}

wrong_key() {
    exits 3 "$envelope" -d -i other.key sealed
    says_that "$(reason NO_MATCH): it has 1 recipient: X25519"
    hints fingerprint
    exits 3 "$envelope" -d sealed
    says_that "$(reason NO_IDENTITY): "
    exits 3 "$envelope" -d -i ops.pem sealed
}

interrupted_rewrap() {
    cp sealed torn
    flip torn 12
    : >torn.envelope-rewrap
    exits 5 "$envelope" -d -i ops.key torn
    hints 'rewrap --recover'
}

# --- keys -----------------------------------------------------------------

recipients_of_a_directory() {
    mkdir -p keys/sub
    cp ops.pem keys/1.pem
    cp ec.crt keys/2.crt
    echo nonsense >keys/.hidden
    "$envelope" -R keys -r other.pem -o three plain
    for key in ops ec other; do
        "$envelope" -d -i $key.key three | cmp - plain
    done
    cat ops.pem ec.crt >both.pem
    "$envelope" -R both.pem plain >two
    "$envelope" -d -i ec.key two | cmp - plain
    mkdir -p none
    exits 1 "$envelope" -R none plain
    says_that 'none: the directory has no file'
    echo nonsense >keys/3
    exits 1 "$envelope" -R keys plain
    says_that 'keys/3'
    rm keys/3
    # Whatever cannot be read may be somebody's only recipient.
    ln -s ../gone.pem keys/3
    exits 1 "$envelope" -R keys plain
    says_that 'keys/3: No such file'
    ln -sf 3 keys/3
    exits 1 "$envelope" -R keys plain
    says_that 'keys/3: Too many levels'
    rm keys/3
    mkfifo keys/3
    exits 1 timeout 5 "$envelope" -R keys plain
    says_that 'keys/3: it is not a regular file'
    rm keys/3
    for name in ops.pem~ '#ops.pem#' ops.pem.dpkg-old ops.pem.rpmsave ops.bak; do
        cp ops.pem "keys/$name"
        exits 1 "$envelope" -R keys plain
        says_that "keys/$name: a copy"
        rm "keys/$name"
    done
    # A name has its colons; options name one path each.
    mkdir -p k:2
    cp ops.pem k:2/2026-11-29T12:00.pem
    "$envelope" -R k:2 plain >one
    "$envelope" -d -i ops.key one | cmp - plain
    "$envelope" -r k:2/2026-11-29T12:00.pem plain >one
    "$envelope" -r "$PWD/k:2/2026-11-29T12:00.pem" plain >one
    cp ops.key ops:1.key
    "$envelope" -d -i ops:1.key one | cmp - plain
    "$envelope" fingerprint ops.pem k:2/2026-11-29T12:00.pem >told
    [ "$(cut -c 1-40 told | uniq | wc -l)" -eq 1 ]
    exits 1 "$envelope" -r ops.pem:ec.crt plain
    ENVELOPE_RECIPIENTS=ops.pem:keys "$envelope" encrypt plain >three
    "$envelope" -d -i ec.key three | cmp - plain
    "$envelope" -v -r ops.pem -R keys -o counted -f plain 2>told
    printf 'envelope: 1 key of %s\n' ops.pem keys/1.pem keys/2.crt | cmp - told
}

# What carries the data is not read for a secret, nor is the output.
one_file_twice() {
    for from in '-r /dev/stdin' '-R /dev/stdin' '-k /dev/stdin' \
        '-r FILE:///dev/stdin' '-r file://LocalHost/dev/stdin' \
        '--passphrase-file /dev/stdin' '--passphrase-fd 0' '--passphrase-fd 7'; do
        # shellcheck disable=SC2086 # words are wanted
        cat pw | exits 2 "$envelope" $from -o never 7<&0
        says_that 'is in use: the data'
        nothing never
        # shellcheck disable=SC2086
        case $from in
        -r* | -R*) ;;
        *) cat pw | exits 2 "$envelope" -d $from -o never 7<&0 ;;
        esac
    done
    sed 's/^/ /' ec.crt | cat ops.pem - >indented
    exits 1 "$envelope" -r "FILE://$PWD/indented" plain
    says_that 'indented, line [0-9]*: a PEM line with something before'
    exits 1 "$envelope" -r file://elsewhere/ops.pem plain
    exits 2 "$envelope" --passphrase-file plain plain
    cp ops.pem key
    exits 2 "$envelope" -f -r key -o key plain
    cmp key ops.pem
    exits 2 "$envelope" -r key plain >>key
    cmp key ops.pem
    cp ops.key key
    exits 2 "$envelope" -d -f -i key -o key sealed
    cmp key ops.key
    printf 'sealed\n' >list
    exits 2 "$envelope" verify --passphrase-file list --files-from list
    # Without the data there, standard input is as good as any other file.
    cat ops.pem | "$envelope" -r /dev/stdin plain >one
    cat ops.key | "$envelope" -d -i /dev/stdin one | cmp - plain
    "$envelope" --work-factor 14 --passphrase-fd 0 plain <pw >pass
    "$envelope" -d --passphrase-file /dev/stdin pass <pw | cmp - plain
}

# A descriptor is read where it stands, one line of it.
descriptors() {
    printf 'first\nsecond\nthird\n' >lines
    printf 'second\n' >second
    {
        read -r line <&7
        "$envelope" --work-factor 14 --passphrase-fd 7 plain >pass
        read -r rest <&7
    } 7<lines
    [ "$line-$rest" = first-third ]
    "$envelope" -d --passphrase-file second pass | cmp - plain
    "$PYTHON" -c 'import socket, subprocess, sys
a, b = socket.socketpair()
a.sendall(b"second\n")
b.set_inheritable(True)
sys.exit(subprocess.call(sys.argv[1:] + ["--passphrase-fd", str(b.fileno())],
                         close_fds=False))' "$envelope" -d -o out -f pass
    cmp out plain
}

passphrases() {
    "$envelope" --passphrase-file pw --work-factor 14 plain >pass
    "$envelope" -d --passphrase-file pw pass | cmp - plain
    "$envelope" -d --passphrase-fd 7 pass 7<pw | cmp - plain
    echo wrong >other.pw
    exits 3 "$envelope" -d --passphrase-file other.pw pass
    says_that "$(reason WRONG_KEY): "
    exits 2 "$envelope" -d --passphrase-fd x pass
    exits 1 "$envelope" --passphrase-fd 77 plain
    exits 2 "$envelope" -p --passphrase-file pw plain
}

# No terminal: it must not wait for one.
no_terminal() {
    need setsid
    exits 3 setsid -w timeout 10 "$envelope" -d -p sealed
    says_that "$(reason PASSPHRASE_NEEDED): "
    "$OPENSSL" pkey -in ops.key -aes256 -passout file:pw -out locked.key
    exits 3 setsid -w timeout 10 "$envelope" -d -i locked.key sealed
    says_that "$(reason PASSPHRASE_NEEDED): .*locked.key"
    hints 'passphrase-file FILE'
    ! grep -q callback err || false
    "$envelope" -d -i locked.key --passphrase-file pw sealed | cmp - plain
}

key_encryption_keys() {
    "$envelope" -k kek plain >a
    "$envelope" -d -k kek a | cmp - plain
    # openssl enc takes the same one.
    # shellcheck disable=SC2086
    $enc -d -K "$(cat kek)" -in a -out b
    cmp b plain
    xxd -r -p kek >raw
    "$envelope" -d -k raw a | cmp - plain
    "$OPENSSL" rand -hex 32 >kek2
    exits 3 "$envelope" -d -k kek2 a
    says_that "$(reason WRONG_KEY): "
    for bad in pw ops.pem /dev/null; do
        exits 1 "$envelope" -k $bad plain
        says_that "$(reason UNREADABLE_KEY): $bad: "
    done
    "$OPENSSL" rand -hex 31 >kek3
    exits 1 "$envelope" -k kek3 plain
    exits 2 "$envelope" -k kek -r ops.pem plain
    says_that "$(reason AMBIGUOUS_KEY): "
    hints 'not both'
}

nothing_in_the_environment() {
    env -i "$program" -r ops.pem plain >a
    env -i "$program" -d -i ops.key a | cmp - plain
}

from_the_environment() {
    ENVELOPE_RECIPIENTS=ops.pem "$envelope" <plain >a
    ENVELOPE_IDENTITIES=ops.key "$envelope" -d a | cmp - plain
}

# The first user's story, as envelope(1) tells it: backups that come through a
# socket are encrypted on arrival, where there is only a public key.
story() {
    mkdir -p store desk
    (cd desk && "$envelope" keygen -o ops.key)
    cp desk/ops.pub store/
    (cd store && socat -u UNIX-LISTEN:socket STDOUT |
        "$envelope" -r ops.pub -o backup.tar) &
    pid=$!
    n=0
    while [ ! -S store/socket ] && [ $n -lt 200 ]; do
        sleep 0.05
        n=$((n + 1))
    done
    tar -cf - -C /usr/share/doc . >data.tar 2>/dev/null || true
    socat -u STDIN UNIX-CONNECT:store/socket <data.tar
    wait $pid
    tar -tf store/backup.tar | head -n 2 | tail -n 1 | grep -qx envelope/key.p7m
    "$envelope" verify -i desk/ops.key store/backup.tar
    "$envelope" -d -i desk/ops.key store/backup.tar | cmp - data.tar
    rm store/backup.tar data.tar
}

# --- options --------------------------------------------------------------

each_carrier() {
    for kind in raw tar xbstream; do
        "$envelope" -r ops.pem --carrier $kind plain >"$kind"
        "$envelope" -d -i ops.key $kind | cmp - plain
    done
    test "$(tar -tf tar | head -n 1)" = envelope/header
    test "$(head -c 8 xbstream)" = XBSTCK01
    # auto keeps the kind of the data
    tar -cf data.tar plain
    "$envelope" -r ops.pem data.tar | tar -tf - | grep -q key.p7m
    "$envelope" -r ops.pem xbstream | head -c 8 | grep -q XBSTCK01
}

by_gnu_tar() {
    tar -I "$program -r $tests_dir/ops.pem" -cf filtered plain pw
    tar -I "$program -i $tests_dir/ops.key" -tf filtered >list
    printf 'plain\npw\n' | cmp - list
    tar -I "$program encrypt -r $tests_dir/ops.pem" -cf filtered plain
    mkdir -p x
    tar -I "$program decrypt -i $tests_dir/ops.key" -xf filtered -C x
    cmp x/plain plain
}

labels() {
    "$envelope" -r ops.pem --label host=db1 --label day=2026-01-02 pw >a
    head -c 60 a | grep -aq 'day=2026-01-02'
    exits 2 "$envelope" -r ops.pem --label host=1 --label host=2 pw
    says_that "$(reason LABELS): "
    exits 2 "$envelope" -r ops.pem --label nonsense pw
}

room() {
    "$envelope" -r ops.pem --reserve 4096 pw >a
    "$envelope" -r ops.pem --reserve 0 pw >b
    test "$(($(size_of a) - $(size_of b)))" -eq 4096
    exits 2 "$envelope" -r ops.pem --reserve -1 pw
    # Of bytes a number may have a unit.
    "$envelope" -r ops.pem --reserve 4K pw >c
    test "$(size_of c)" -eq "$(size_of a)"
    "$envelope" -r ops.pem --carrier tar --piece-size 64K plain |
        "$envelope" -d -i ops.key | cmp - plain
    for wrong in --piece-size=63K --piece-size=1MB --reserve=K --threads=1K; do
        exits 2 "$envelope" -r ops.pem "$wrong" pw
        says_that "$(reason PARAMETER): option $wrong: must be a number"
    done
    exits 2 "$envelope" -r ops.pem -j 1000 pw
    says_that "$(reason PARAMETER): option --threads=1000"
    "$envelope" -r ops.pem -j 2 plain | "$envelope" -d -j 1 -i ops.key |
        cmp - plain
}

usage() {
    exits 2 "$envelope" encyrpt -r ops.pem plain
    says_first 'there is no command encyrpt; a file comes after one, such as encrypt or decrypt'
    hints '--help'
    exits 2 "$envelope" decrypt --foo
    says_first 'there is no option --foo'
    hints 'envelope decrypt --help lists'
    exits 2 "$envelope" verify -i ops.key -zx.xb
    says_first 'there is no option -z'
    exits 2 "$envelope" verify --keep-going=all
    says_first 'option --keep-going=all: it takes no value'
    # exits() looks for controls in what is said.
    exits 2 "$envelope" "$(printf '\033[31mred\302\233')"
    exits 2 "$envelope" inspect "$(printf -- '--js\033[31mred\n.xb')"
    exits 2 "$envelope" keygen -t "$(printf '\033[31mred')"
    exits 2 "$envelope" encrypt -r ops.pem --skip-expired --allow-expired plain
    says_first '--allow-expired and --skip-expired do not go together'
    exits 2 "$envelope" -r
    says_that 'value is missing'
    exits 2 "$envelope" decrypt --range 1 sealed
    says_that 'OFFSET:LENGTH'
    exits 2 "$envelope" decrypt --range 5:99999999999999999999 sealed
    exits 2 "$envelope" decrypt --progress=soon sealed
    says_that 'auto none text json'
    exits 2 "$envelope" decrypt --salvage=all sealed
    exits 2 "$envelope" decrypt --salvage --range 0:1 sealed
    exits 2 "$envelope" inspect -r ops.pem sealed
    exits 2 "$envelope" --carrier zip -r ops.pem plain
    nothing out
}

verbose() {
    exits 3 "$envelope" -d -i ops.pem sealed
    status=0
    "$envelope" -v -d -i ops.pem sealed 2>err || status=$?
    test $status -eq 3
    grep -q '^[0-9A-F]*:error:[0-9A-F]*:envelope:' err
}

# Not libgcc_s either, which pthread_cancel() would load as it ends.
needs_little() {
    command=$(command -v "$envelope")
    readelf -d "$command" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >needed
    grep -q '^libcrypto\.' needed
    grep -vE '^(libcrypto|libdeflate|libIPSec_MB|libc|ld-[^.]*)\.so' needed \
        && false
    readelf -W --dyn-syms "$command" >symbols
    grep -q ' pthread_create' symbols
    grep ' pthread_cancel' symbols && false
    rm needed symbols
}

no_core_dump() {
    mkfifo wait
    "$envelope" -r ops.pem <wait >/dev/null &
    pid=$!
    exec 9>wait
    n=0
    until grep -Eq '^Max core file size +0 +0 ' /proc/$pid/limits; do
        n=$((n + 1))
        test $n -lt 200
        sleep 0.05
    done
    # All of it is locked for those whom the limit allows that.
    # shellcheck disable=SC3045 # dash has it
    if [ -z "${ENVELOPE_SANITIZED-}" ] && (ulimit -l unlimited) 2>/dev/null
    then
        until grep -Eq '^VmLck: +[1-9][0-9]{3,} kB' /proc/$pid/status; do
            n=$((n + 1))
            test $n -lt 400
            sleep 0.05
        done
    fi
    exec 9>&-
    wait $pid
}

# What may not be dumped belongs to root in /proc, whoever runs it.
not_dumpable() {
    somebody=
    [ "$(id -u)" -ne 0 ] \
        || somebody='setpriv --reuid=65534 --regid=65534 --clear-groups'
    mkfifo held
    # shellcheck disable=SC2086 # words
    $somebody "$envelope" inspect - <held >out 2>err &
    pid=$!
    exec 9>held
    n=0
    until [ "$(stat -c %u /proc/$pid/environ)" -eq 0 ] \
        && [ "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' /proc/$pid/status)" -ne 0 ]
    do
        n=$((n + 1))
        test $n -lt 200
        sleep 0.05
    done
    # Its own descriptors are its own all the same.
    # shellcheck disable=SC2086 # words
    $somebody "$envelope" inspect /dev/stdin <sealed >out
    exec 9>&-
    wait $pid || true
    rm held
}

version() {
    "$envelope" --version >out
    grep -Eqx 'envelope [0-9.]+' out
}

# --- help and completions -------------------------------------------------

commands='encrypt decrypt inspect verify rewrap keygen fingerprint completion'

helps() {
    "$envelope" --help >all
    for command in $commands; do
        grep -q "^  $command " all
        "$envelope" "$command" --help >out
        grep -q "^usage: envelope $command " out
        # What a completion prints must not need quoting.
        ! grep -E "['\`\"\\\\]" out || false
        "$envelope" "$command" -h | cmp - out
    done
}

# -v is with the options of every command.
options_of() { # COMMAND
    "$envelope" "$1" --help | sed -n 's/^  ....--\([a-z-]*\).*/\1/p'
}

manuals_tell() {
    for command in encrypt decrypt inspect verify rewrap keygen fingerprint
    do
        page=$srcdir/doc/envelope-$command.1
        options_of "$command" >list
        [ -s list ]
        while read -r option; do
            [ "$option" = verbose ] || grep -q "Fl -$option\b" "$page"
        done <list
        # and nothing that is not there
        sed -n 's/^\.It.* Fl -\([a-z-]*\).*/\1/p' "$page" |
            while read -r option; do
                grep -qx -- "$option" list
            done
    done
}

bash_completes() { # WORD... - what the last of them can be
    bash -c '. ./envelope.bash
        COMP_WORDS=(envelope "$@") COMP_CWORD=$#
        _envelope
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

in_bash() {
    "$envelope" completion bash >envelope.bash
    bash -n envelope.bash
    bash_completes enc | grep -qx encrypt
    bash_completes '' | wc -l | grep -qx 8
    bash_completes decrypt --sal | grep -qx -- --salvage
    bash_completes encrypt --sal | grep -qx ''
    bash_completes encrypt --carrier x | grep -qx xbstream
    bash_completes encrypt -r ops.p | grep -qx ops.pem
    bash_completes completion f | grep -qx fish
    # bash makes three words of --option=value.
    bash_completes encrypt --carrier = x | grep -qx xbstream
    bash_completes verify --progress = '' | grep -qx json
    bash_completes verify --progress = | grep -qx json
    bash_completes verify --progress j | grep -qx ''
    # Without a command it encrypts, or decrypts.
    bash_completes --carr | grep -qx -- --carrier
    bash_completes -d --sal | grep -qx -- --salvage
    bash_completes -d -i ops.k | grep -qx ops.key
}

in_zsh() {
    "$envelope" completion zsh >_envelope
    zsh -n _envelope
    grep -q "'\*--carrier=\[.*\]:KIND:(auto raw tar xbstream)'" _envelope
    sed -n '/^    -\*)/,$p' _envelope | grep -q -- '--salvage'
}

in_fish() {
    "$envelope" completion fish >envelope.fish
    fish -n envelope.fish
    fish -c 'source envelope.fish; complete -C "envelope dec"' |
        grep -q '^decrypt'
    fish -c 'source envelope.fish; complete -C "envelope decrypt --sal"' |
        grep -q -- '^--salvage'
    fish -c 'source envelope.fish; complete -C "envelope encrypt --carrier x"' |
        grep -q '^xbstream'
    fish -c 'source envelope.fish; complete -C "envelope -d --sal"' |
        grep -q -- '^--salvage'
}

other_shell() {
    exits 2 "$envelope" completion csh
    exits 2 "$envelope" completion
}

optional() { # SHELL NAME FUNCTION
    if command -v "$1" >/dev/null; then
        t "$2" "$3"
    else
        skip "$2" "$1 is not installed"
    fi
}

# The whole table is offered everywhere.
complete_lists() {
    for command in $commands; do
        options_of "$command"
    done | sort -u >options
    test "$(wc -l <options)" -gt 20
    for shell in bash zsh fish; do
        "$envelope" completion $shell >script
        while read -r option; do
            grep -qE -- "(--| -l )$option\\b" script
        done <options
    done
}

t "keys and an envelope" make_all
t "streams, and -d" streams
t "files" files
t "empty and small" empty_and_small
t "a file that exists stays, but for --force" not_over_another
t "a file appears when it is complete" nothing_half
t "a bad key leaves no file" bad_keys_leave_nothing
t "output is not the input" same_file
t "a pipe gets verified text, and a status" stops_at_damage
t "a full disk" full_disk
t "a closed pipe" closed_pipe
t "an archiver that has enough" tar_has_enough
t "SIGUSR1 never ends it" sigusr1_never_ends
t "a FIFO for a file" fifo_for_a_file
t "a file that appears meanwhile" exists_at_the_end
t "holes for zeros" holes
if [ -n "${ENVELOPE_SANITIZED-}" ]; then
    skip_allowed "not waiting for the disk" 'a library is preloaded'
else
    t "not waiting for the disk" no_fsync
fi
t "a directory that is not there" no_directory
t "SIGTERM leaves no file" by_signal TERM
t "SIGHUP leaves no file" by_signal HUP
t "what SIGKILL leaves goes" killed_before
t "input that cannot be read, or is no envelope" bad_input
t "wrong key, no key" wrong_key
t "a rewrap that was interrupted" interrupted_rewrap
t "-R takes files and directories" recipients_of_a_directory
t "passphrases from files and descriptors" passphrases
t "one file for two things" one_file_twice
t "a line of a descriptor" descriptors
t "no terminal to ask at" no_terminal
t "key-encryption keys from files" key_encryption_keys
t "an empty environment" nothing_in_the_environment
t "keys from the environment" from_the_environment
t "the story of envelope(1)" story
t "each carrier" each_carrier
t "GNU tar -I" by_gnu_tar
t "labels" labels
t "reserve and threads" room
t "usage errors" usage
t "-v shows libcrypto's errors" verbose
if [ -z "${ENVELOPE_SANITIZED-}" ]; then
    optional readelf "it needs libcrypto, libdeflate and the C library" \
        needs_little
else
    skip_allowed "it needs libcrypto, libdeflate and the C library" \
        'sanitizers are libraries, too'
fi
t "no core dumps" no_core_dump
t "no debugger of another process" not_dumpable
t "--version" version
t "--help" helps
t "the manual pages have the options that there are" manuals_tell
optional bash "completions for bash" in_bash
optional zsh "completions for zsh" in_zsh
optional fish "completions for fish" in_fish
t "completions for another shell" other_shell
t "completions know every option" complete_lists
