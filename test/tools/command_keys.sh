#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where envelope encrypt and decrypt take keys from: files, directories,
# descriptors, passphrases, the environment.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 10
. "$srcdir/test/tools/command_support.sh"
need socat
set_up make_all

wrong_key() {
    exits 3 "$envelope" -d -i other.key sealed
    says_that "$(reason NO_MATCH): it has 1 recipient: X25519"
    hints fingerprint
    exits 3 "$envelope" -d sealed
    says_that "$(reason NO_IDENTITY): "
    exits 3 "$envelope" -d -i ops.pem sealed
}

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

t "wrong key, no key" wrong_key
t "-R takes files and directories" recipients_of_a_directory
t "passphrases from files and descriptors" passphrases
t "one file for two things" one_file_twice
t "a line of a descriptor" descriptors
t "no terminal to ask at" no_terminal
t "key-encryption keys from files" key_encryption_keys
t "an empty environment" nothing_in_the_environment
t "keys from the environment" from_the_environment
t "the story of envelope(1)" story
