#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The other pages of the command, and those about the project: every example is
# run, or is named here with the reason why not; and no page at all is left out.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 18
. "$srcdir/test/project/printed_support.sh"
need gpg
need_token
mkdir home
HOME=$tests_dir/home
export HOME

# --- pages of the command ---------------------------------------------------

fingerprint() {
    page doc/envelope-fingerprint.1
    keys ops
    certificate escrow
    token ops
    leaves 'ID  TYPE  NAME' 'the form of a line'
    one 'envelope fingerprint /etc/backup'
    one 'envelope fingerprint ops.key escrow.crt'
    one "envelope fingerprint 'pkcs11:"
    runs 'set -o pipefail' >id
    [ "$(cat id)" = "$(envelope fingerprint ops.pub | cut -d ' ' -f 1)" ]
    page_ends
}

inspect() {
    page doc/envelope-inspect.1
    keys old ops
    echo data >data
    envelope -r ops.pub -o backup.xb data
    envelope -r old.pub -r ops.pub -o older.xb data
    runs 'set -o pipefail'
    runs 'id=$(envelope' >out
    [ "$(cat out)" = ./older.xb ]
    page_ends
}

header() {
    page doc/envelope-header.1
    keys ops next
    mkdir -p headers "$tests_dir/store" "$root/srv"
    head -c 100000 /dev/urandom >data
    envelope -r ops.pub -o backup.xb data
    cp backup.xb "$root/srv/backup.xb"
    runs 'for file in'
    envelope header save backup.xb | cmp headers/backup.xb.header -
    runs 'ssh store envelope header save'
    envelope -d -i next.key "$root/srv/backup.xb" | cmp data -
    exits 3 envelope -d -i ops.key "$root/srv/backup.xb"
    page_ends
}

keygen() {
    page doc/envelope-keygen.1
    GNUPGHOME=$PWD/gnupg
    export GNUPGHOME
    mkdir -m 700 gnupg
    gpg --batch --quiet --passphrase '' --quick-generate-key ops
    leaves 'ID  TYPE  PUBLIC-FILE' 'the form of a line'
    one 'envelope keygen -o ops.key'
    one 'envelope keygen -t p384 -p' 'expect:assphrase' echo:off \
        'send:secret\n' 'expect:assphrase' echo:off 'send:secret\n'
    runs 'set -o pipefail'
    gpg --batch --quiet -d new.key.gpg >new.key
    echo data | envelope -r new.pub -r escrow.pub -r ops.pub -o data.env
    echo secret >pw
    for key in new.key escrow.key ops.key; do
        [ "$(envelope -d -i $key --passphrase-file pw data.env)" = data ]
    done
    gpgconf --kill all
    page_ends
}

rewrap() {
    page doc/envelope-rewrap.1
    keys ops next
    certificate auditor
    mkdir keys archive
    cp auditor.crt keys
    for file in FILE backup.xb other.xb archive/old.xb; do
        echo "$file" | envelope -r ops.pub -o "$file"
    done
    echo old words >pw
    echo notes | envelope --passphrase-file pw -o notes.env
    runs 'envelope rewrap --recover FILE'
    one 'set -o pipefail'
    one 'envelope rewrap -i ops.key'
    one 'find archive'
    for file in backup.xb other.xb archive/old.xb; do
        [ "$(envelope -d -i next.key "$file")" = "$file" ]
        exits 3 envelope -d -i ops.key "$file"
    done
    one 'envelope rewrap -i next.key --add'
    [ "$(envelope -d -i auditor.key backup.xb)" = backup.xb ]
    runs 'id=$(envelope fingerprint'
    exits 3 envelope -d -i auditor.key backup.xb
    runs 'envelope rewrap -i next.key --add -R keys/'
    [ "$(envelope -d -i auditor.key roomy.xb)" = backup.xb ]
    runs 'envelope rewrap --identity-passphrase' \
        'expect:Passphrase for the new' echo:off 'send:new words\n' \
        'expect:again:' echo:off 'send:new words\n' \
        'expect:as it is:' echo:off 'send:old words\n'
    echo new words >pw
    [ "$(envelope -d --passphrase-file pw notes.env)" = notes ]
    page_ends
}

verify() {
    page doc/envelope-verify.1
    keys ops
    head -c 1000000 /dev/urandom >data
    envelope -r ops.pub -o backup.xb data
    tar -cf - data | envelope -r ops.pub -o damaged.tar
    flip damaged.tar 600000
    cp backup.xb "$tests_dir/cloud"
    leaves 'backup.xb: verified' 'what it prints'
    leaves 'backup.xb: data not verified' 'what it prints'
    leaves 'backup.xb: data as in the receipt' 'what it prints'
    one 'envelope verify -i ops.key ./*.xb'
    one 'envelope verify -i ops.key --header'
    ends 5 'envelope verify -i ops.key --keep-going'
    runs 'set -o pipefail'
    inventory
    page_ends
}

# Of three backups, one is for another key now.
inventory() {
    keys next
    rm backup.xb
    mkdir receipts
    for host in db1 db2 db3; do
        envelope -r ops.pub --label host=$host -o $host.xb \
            --receipt receipts/$host.xb.json data
    done
    runs 'for file in' >said
    [ "$(grep -c ': data as in the receipt, 1000000 bytes$' said)" -eq 3 ]
    runs 'cat receipts' >said
    [ "$(grep -c 'db[123]\.xb$' said)" -eq 3 ]
    [ "$(grep -c '"db[123]",' said)" -eq 3 ]
    envelope rewrap -i ops.key -r next.pub db2.xb
    runs 'envelope inspect --json' >said
    [ "$(grep -cx '\./db[13]\.xb' said)" -eq 2 ]
    [ "$(grep -c '^db[13]\.xb, since 20' said)" -eq 2 ]
    ! grep -q db2 said
}

faq() {
    page doc/faq.md
    keys ops
    certificate escrow
    head -c 100000 /dev/urandom >a
    echo words >pw
    openssl pkey -in ops.key -aes256 -passout file:pw -out locked.key
    leaves 'envelope: FILE: WHAT' 'the form of a message'
    runs 'envelope -r ops.pub -o b'
    runs 'openssl pkey'
    cmp again.pub ops.pub
    runs 'envelope keygen -t rsa3072'
    runs 'envelope keygen -o new.key'
    runs 'envelope fingerprint'
    runs 'openssl x509'
    leaves 'envelope keygen -t mlkem768x25519' 'not with OpenSSL 3.0'
    runs 'envelope -r ops.pub --label'
    runs 'openssl rand'
    runs 'envelope -d -i locked.key'
    cmp opened a
    runs 'envelope -d -i ops.key'
    cmp opened a
    runs 'envelope inspect'
    cp b damaged
    flip damaged 50000
    ends 5 'envelope verify'
    ends 6 'envelope decrypt -i ops.key --salvage'
    [ "$(size_of rest)" -eq "$(size_of a)" ]
    runs 'envelope rewrap -i ops.key --add'
    envelope -d -i escrow.key roomy | cmp - a
    envelope -r ops.pub --carrier tar -o backup.tar a
    runs 'set -o pipefail'
    cmp data a
    runs 'envelope decrypt -i ops.key -o inside'
    cmp inside a
    runs 'envelope -r ops.pub -f'
    runs 'envelope encrypt'
    runs 'envelope rewrap --recover'
    runs 'envelope verify -i ops.key --header'
    envelope header save -o b.header b
    head -c 100 /dev/zero | dd of=b conv=notrunc
    runs 'envelope header restore'
    envelope -d -i ops.key b | cmp - a
    runs 'openssl version'
    page_ends
}

# --- pages about the project ------------------------------------------------

security() {
    page SECURITY.md
    page_ends
}

contributing() {
    page CONTRIBUTING.md
    leaves './packages test' 'installs packages and builds'
    leaves 'make check TESTS=' 'is what runs this test'
    leaves '/usr/bin/python3 test/vectors/generate.py' 'a name of a vector'
    leaves '    version=' 'releases'
    leaves '    SOURCE_DATE_EPOCH' 'releases'
    leaves '    gpg --armor' 'releases'
    leaves 'gpg --verify' 'there is no such signature'
    page_ends
}

architecture() {
    page doc/architecture.md
    page_ends
}

receipt() {
    page doc/receipt.md
    leaves '"envelope v1 receipt"' 'a formula'
    keys ops
    echo data >a
    runs 'set -o pipefail'
    page_ends
}

compatibility() {
    page doc/compatibility.md
    page_ends
}

# --- what is installed, and the test itself ---------------------------------

# Every page has been looked at above.
all_pages() {
    (cd "$srcdir" && ls ./*.md doc/* | sed 's,^\./,,') | LC_ALL=C sort >have
    sed -n 's/^    page \([^"]*\)$/\1/p' "$srcdir"/test/project/printed_*.sh \
        | LC_ALL=C sort >want
    diff want have
}

# Installed pages name the directories of the installation.
installed_paths() {
    for target in install-man install-dist_unitsDATA install-data-hook; do
        "$MAKE" -C "$top_builddir" $target DESTDIR="$tests_dir/other" \
            sysconfdir=/etc/other bindir=/opt/own libexecdir=/opt/else \
            launcherdir=/opt/other datadir=/opt/data
    done
    ! grep -r /usr/local "$tests_dir/other$(make_value unitsdir)" || false
    cd "$tests_dir/other$(make_value mandir)"
    for page in man5/envelope-kms.conf.5 man7/envelope-jobs.7 \
        man7/envelope-kms.7 man7/envelope-kms-helper.7; do
        grep -q /etc/other/envelope $page
    done
    grep -q '[*] /opt/own/bsdtar-envelope --add-filter' man1/bsdtar-envelope.1
    grep -q "'/opt/else/envelope/envelope-wal archive" man7/envelope-jobs.7
    grep -q '^PATH=/opt/other:' man1/bsdtar-envelope.1
    ! grep -rE '/usr/local/(etc|bin|libexec/envelope|share/envelope)' . || false
}

# A page that was changed so is refused.
refuses() { # EXPRESSION-OF-SED
    rm -rf changed
    mkdir -p changed/doc
    sed "$1" "$srcdir/doc/envelope-inspect.1" >changed/doc/envelope-inspect.1
    ! cmp "$srcdir/doc/envelope-inspect.1" changed/doc/envelope-inspect.1 \
        || false
    pages=$tests_dir/changed
    # No "if" around it: that would switch off set -e inside.
    status=0
    (
        set -e
        inspect
    ) &
    wait $! || status=$?
    [ $status -ne 0 ]
}

refuses_pipe() {
    echo 'true | true' >pipe
    printed script 0 pipe >made
    ! bash made || false
    echo 'echo "a|b"' >pipe
    printed script 0 pipe >made
    bash made
    echo 'false | true' >pipe
    { echo 'set -o pipefail' && printed script 0 pipe; } >made
    ! bash made || false
}

set_up machine
PATH=$bindir:$tests_dir/stand-ins:$PATH

t SECURITY.md security
t CONTRIBUTING.md contributing
t 'envelope-fingerprint(1)' fingerprint
t 'envelope-header(1)' header
t 'envelope-inspect(1)' inspect
t 'envelope-keygen(1)' keygen
t 'envelope-rewrap(1)' rewrap
t 'envelope-verify(1)' verify
t 'receipt.md' receipt
t 'compatibility.md' compatibility
t 'architecture.md' architecture
t 'faq.md' faq

t 'no page is left out' all_pages
t 'installed pages name the directories of the installation' installed_paths
t 'a wrong option on a page is found' refuses 's/ --json/ --jsn/'
t 'a command that nobody has named is found' refuses 's/^id=/true\n&/'
t 'one that no page has any more is found' \
    refuses '/^id=/,/^\.Ed/{/^\.Ed/!d}'
t 'a pipe without pipefail is found' refuses_pipe
