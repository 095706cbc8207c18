#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program envelope and the tar and xbstream carriers (FORMAT 10): other
# tools read what it writes, it reads what other tools repack, and every
# carrier that test/interop/carrier.py spoils ends with its own reason.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 242
provider
need "$PYTHON" timeout

carrier() {
    "$PYTHON" "$srcdir/test/interop/carrier.py" "$@"
}

# --- how it must end ------------------------------------------------------

# Sanitizers want terabytes of it.
bounded() {
    [ -n "${ENVELOPE_SANITIZED-}" ] || ulimit -v 1500000 # KiB
    timeout 20 "$@"
}

open_it() { # CARRIER [ARGUMENT...] - to ./out
    open_in=$1
    shift
    (bounded "$envelope" -d -i ops.key "$@" <"$open_in" >out)
}

opens() { # CARRIER [PLAIN]
    exits 0 open_it "$1"
    [ ! -s err ]
    cmp "${2-plain}" out
}

status_of() { # REASON
    case $1 in
    NO_MATCH | WRONG_KEY) echo 3 ;;
    NOT_ENVELOPE | VERSION | SCHEME) echo 4 ;;
    *) echo 5 ;;
    esac
}

# refuses REASON DETAIL CARRIER [PLAIN] - the message has both, and nothing but
# verified text has come out; REASON may be a choice, A|B, and DETAIL is a
# pattern
refuses() {
    exits "$(status_of "$1")" open_it "$3"
    refuses_found=
    for refuses_reason in $(echo "$1" | tr '|' ' '); do
        ! grep -q "^envelope: standard input: $(reason "$refuses_reason")" err \
            || refuses_found=yes
    done
    [ -n "$refuses_found" ]
    grep -q -e "$2" err
    cmp -n "$(size_of out)" out "${4-plain}"
}

# good NAME KIND ARGUMENT-OF-SPLIT... - it is odd, but it opens
good() {
    good_name=$1
    shift
    t "$good_name" opens_split "$@"
}

opens_split() {
    carrier split --piece-size 65536 "$@" raw >made
    opens made
}

# bad NAME REASON DETAIL KIND ARGUMENT-OF-SPLIT...
bad() {
    bad_name=$1
    shift
    t "$bad_name" refuses_split "$@"
}

refuses_split() {
    split_reason=$1 split_detail=$2
    shift 2
    carrier split --piece-size 65536 "$@" raw >made
    refuses "$split_reason" "$split_detail" made
}

# --- round trips ----------------------------------------------------------

make_all() {
    new_ec ops P-256
    new_ec other P-256
    head -c 300000 /dev/urandom >plain
    seal_to ops.pem plain raw
    printf 'a short text\n' >short
    "$envelope" -r ops.pem --carrier tar --piece-size 65536 <plain >a.tar
    "$envelope" -r ops.pem --carrier xbstream --piece-size 65536 \
        <plain >a.xb
    "$envelope" -r ops.pem --carrier xbstream --piece-size 65536 --xbcloud \
        <plain >cloud.xb
    mkdir tree
    for n in 1 2 3; do
        head -c "${n}00000" /dev/urandom >"tree/file$n"
    done
    ln -s file1 tree/link
    tar -cf tree.tar tree
}

# Text of so many bytes makes a payload of 56 + n + 16 * (n / 16384 + 1).
text_for() { # PAYLOAD-BYTES
    text_chunks=$((($1 - 56) / 16400))
    echo $(($1 - 56 - 16 * (text_chunks + 1)))
}

round_trip() { # BYTES
    head -c "$1" plain >in
    [ "$(size_of in)" -eq "$1" ]
    for kind in raw tar xbstream; do
        "$envelope" encrypt -r ops.pem --carrier $kind --piece-size 65536 \
            <in >made
        opens made in
        carrier join made >joined
        open_with ops.key joined out
        cmp in out
        [ $kind = raw ] \
            || carrier canonical $kind --piece-size 65536 made
    done
}

by_default() { # KIND
    head -c 20000000 /dev/zero >in
    "$envelope" -r ops.pem --carrier "$1" <in >made
    carrier canonical "$1" made
    opens made in
}

large_pieces() { # KIND
    head -c 70000000 /dev/zero >in
    "$envelope" -r ops.pem --carrier "$1" --piece-size 67108864 <in >made
    carrier canonical "$1" --piece-size 67108864 made
    opens made in
}

xbcloud() {
    carrier canonical xbstream --piece-size 65536 --xbcloud cloud.xb
    opens cloud.xb
}

automatic() {
    "$envelope" -r ops.pem <plain >made
    carrier join made | cmp made -
    "$envelope" -r ops.pem <tree.tar >made
    carrier canonical tar made
    opens made tree.tar
    # Both are archives, and so are their envelopes.
    "$envelope" -r ops.pem <a.tar >made
    carrier canonical tar made
    opens made a.tar
    "$envelope" -r ops.pem <cloud.xb >made
    carrier canonical xbstream made
    opens made cloud.xb
    "$envelope" -r ops.pem --carrier auto </dev/null >made
    opens made /dev/null
    "$envelope" -r ops.pem --carrier raw <tree.tar >made
    carrier join made | cmp made -
    opens made tree.tar
}

independent() {
    carrier join a.tar >joined
    env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 "$PYTHON" \
        "$srcdir/test/interop/envelope.py" decode --identity ops.key joined out
    cmp plain out
}

threads() {
    for n in 1 2 5; do
        "$envelope" -r ops.pem --carrier tar -j $n <plain >made
        open_it made --threads $n
        cmp plain out
    done
}

labels_in_member() {
    "$envelope" -r ops.pem --carrier tar --label b=2 --label a=1 <plain >made
    printf 'a=1\nb=2\n' >want
    tar -xOf made envelope/header | tail -c +33 | cmp want -
    opens made
}

# Readers of CMS pass over what follows the message.
key_member() {
    "$envelope" -r ops.pem --carrier tar --reserve 1000 <plain >made
    opens made
    tar -xf made envelope/key.p7m
    "$OPENSSL" cms -decrypt -inform DER -in envelope/key.p7m \
        -inkey ops.key -out dek
    [ "$(size_of dek)" -eq 32 ]
    rm -r envelope
}

passphrase() {
    echo 'correct horse' >pw
    "$envelope" --passphrase-file pw --carrier tar <plain >made
    "$envelope" -d --passphrase-file pw <made | cmp plain -
}

many_keys() {
    "$envelope" -r other.pem -r ops.pem --carrier xbstream <plain >made
    for key in ops other; do
        "$envelope" decrypt -i $key.key <made | cmp plain -
    done
    "$envelope" decrypt -i other.key -i ops.key <a.tar | cmp plain -
}

t 'keys and carriers can be made' make_all
for size in 0 1 16383 16384 16385; do
    t "a text of $size bytes" round_trip $size
done
for size in 65535 65536 65537 131071 131072 131073 262144; do
    t "a payload of $size bytes" round_trip "$(text_for $size)"
done
t 'tar pieces of 8 MiB' by_default tar
t 'xbstream chunks of 8 MiB' by_default xbstream
t 'tar pieces of 64 MiB' large_pieces tar
t 'xbstream chunks of 64 MiB' large_pieces xbstream
t 'the files for xbcloud' xbcloud
t 'the carrier follows the input' automatic
t 'the second implementation of both layers opens it' independent
t 'threads' threads
t 'labels stand in the first member' labels_in_member
t 'the second member is a CMS message' key_member
t 'a passphrase' passphrase
t 'several recipients and identities' many_keys

# --- other tools read them ------------------------------------------------

fresh() { # DIRECTORY
    rm -rf "$1"
    mkdir "$1"
}

# quiet COMMAND... - no message; what it prints is in ./said
quiet() {
    "$@" >said 2>err || { cat said err >&2 && false; }
    cat err >&2
    [ ! -s err ]
}

members() {
    printf '%s\n' envelope/header envelope/key.p7m \
        envelope/payload.00000000 envelope/payload.00000001 \
        envelope/payload.00000002 envelope/payload.00000003 \
        envelope/payload.00000004
}

# The parts in ./x are exactly the raw stream.
same_parts() {
    find x -type f | sed 's|^x/||' | sort >names
    members | cmp - names
    (cd x && cat envelope/*) >joined
    carrier join a.tar | cmp - joined
}

lists() { # COMMAND... - the names, nothing else
    quiet "$@"
    members | cmp - said
}

gnu_tar() {
    lists tar -tf a.tar
    lists tar -itf a.tar
    fresh x
    quiet tar -xf a.tar -C x
    same_parts
    fresh x
    quiet sh -c 'cat a.tar | tar --warning=all -xf - -C x'
    same_parts
}

bsd_tar() {
    lists bsdtar -tf a.tar
    fresh x
    quiet bsdtar -xf a.tar -C x
    same_parts
    fresh x
    quiet sh -c 'cat a.tar | bsdtar -xf - -C x'
    same_parts
}

busybox_tar() {
    lists busybox tar -tf a.tar
    fresh x
    quiet busybox tar -xf a.tar -C x
    same_parts
    fresh x
    quiet sh -c 'cat a.tar | busybox tar -xf - -C x'
    same_parts
}

pax_tool() {
    lists pax -f a.tar
    fresh x
    quiet sh -c 'cd x && pax -r <../a.tar'
    same_parts
}

python_tarfile() { # MODE
    fresh x
    "$PYTHON" - "$1" <<'PYTHON' >names
import sys
import tarfile
with open("a.tar", "rb") as file, tarfile.open(
        fileobj=file, mode=sys.argv[1], errorlevel=2) as archive:
    for member in archive:
        archive.extract(member, "x")
        print(member.name)
        assert member.mode == 0o644 and member.uid == member.gid == 0
PYTHON
    members | cmp - names
    same_parts
}

seven_zip() {
    quiet 7z l -slt a.tar
    sed -n 's/^Path = \(envelope.*\)/\1/p' said >names
    members | cmp - names
    ! grep -Ei 'warning|error' said || false
    quiet 7z t a.tar
    ! grep -Ei 'warning|error' said || false
    fresh x
    quiet 7z x -ox a.tar
    ! grep -Ei 'warning|error' said || false
    same_parts
}

joined_by_tar() {
    # shellcheck disable=SC2086 # $enc is words
    tar -xOf a.tar | env ENVELOPE_IDENTITIES=ops.key $enc -d -K 0 | cmp plain -
    # shellcheck disable=SC2046,SC2086
    tar -xOf a.tar $(members) | env ENVELOPE_IDENTITIES=ops.key $enc -d -K 0 \
        | cmp plain -
}

mbstream_reads() { # [ARGUMENT...]
    for file in a.xb cloud.xb; do
        fresh x
        mbstream -x -C x "$@" <$file >said 2>&1
        cat said
        [ ! -s said ]
        (cd x/envelope && cat header key.p7m payload) >joined
        carrier join $file | cmp - joined
        open_with ops.key joined out
        cmp plain out
    done
}

with_tool() { # TOOL NAME COMMAND...
    tool=$1
    shift
    if command -v "$tool" >/dev/null; then
        t "$@"
    else
        skip "$1" "$tool is not installed"
    fi
}

with_tool tar 'GNU tar reads it' gnu_tar
with_tool bsdtar 'bsdtar reads it' bsd_tar
with_tool busybox 'busybox tar reads it' busybox_tar
with_tool pax 'pax reads it' pax_tool
t 'tarfile reads it' python_tarfile r:
t 'tarfile reads it from a pipe' python_tarfile 'r|'
with_tool 7z '7z reads it' seven_zip
with_tool tar 'what tar prints is the stream' joined_by_tar
with_tool mbstream 'mbstream reads it' mbstream_reads
with_tool mbstream 'mbstream reads it in parallel' mbstream_reads -p 4

# --- other tools repack them ----------------------------------------------

repack() { # COMMAND... - run where the members are, prints the archive
    [ -d m ] || { mkdir m && tar -xf a.tar -C m; }
    (cd m && "$@") >repacked
    opens repacked
}

repack_tarfile() {
    for format in PAX GNU USTAR; do
        repack "$PYTHON" -c "import sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|',
                  format=tarfile.${format}_FORMAT) as archive:
    archive.add('envelope')"
    done
}

# A directory in whichever order the file system has it: all or nothing.
repack_unsorted() {
    (cd m && tar -cf - envelope) >repacked
    if ! open_it repacked; then
        refuses CARRIER_MEMBER envelope/ repacked
    else
        cmp plain out
    fi
}

repack_7z() {
    (cd m && 7z a -ttar ../repacked.tar envelope >/dev/null)
    opens repacked.tar
}

repack_mbstream() {
    fresh x
    mbstream -x -C x <a.xb
    (cd x && mbstream -c envelope/header envelope/key.p7m envelope/payload) \
        >repacked
    opens repacked
    (cd x && mbstream -c envelope/payload envelope/key.p7m envelope/header) \
        >repacked
    opens repacked
}

appended() { # COMMAND... - appends ./short to ./appended.tar
    cp a.tar appended.tar
    "$@"
    refuses CARRIER_MEMBER short appended.tar
}

joined_carriers() {
    cat a.tar a.tar >made
    refuses CARRIER '' made
    cat a.xb a.xb >made
    refuses CARRIER_MEMBER envelope/header made
}

# Nested: an envelope of a carrier is that carrier again.
nested() {
    "$envelope" -r ops.pem <a.tar >made
    opens made a.tar
}

names='envelope/header envelope/key.p7m'
for n in 0 1 2 3 4; do
    names="$names envelope/payload.0000000$n"
done
# shellcheck disable=SC2086 # $names is words
{
    with_tool tar 'repacked by GNU tar' repack tar -cf - $names
    with_tool tar 'repacked by GNU tar, sorted, with directories' \
        repack tar --sort=name -cf - ./envelope
    with_tool tar 'repacked by GNU tar, all of the directory' \
        repack tar --sort=name -cf - .
    with_tool tar 'repacked by GNU tar, unsorted' repack_unsorted
    with_tool tar 'repacked by GNU tar with pax headers' \
        repack tar --sort=name --format=posix -cf - envelope
    with_tool bsdtar 'repacked by bsdtar' repack bsdtar -cf - $names
    with_tool bsdtar 'repacked by bsdtar with pax headers' \
        repack bsdtar --format=pax -cf - $names
    with_tool bsdtar 'repacked by bsdtar, tar to tar' \
        repack bsdtar -cf - @../a.tar
    with_tool busybox 'repacked by busybox tar' repack busybox tar -cf - $names
    with_tool pax 'repacked by pax' repack pax -w -x ustar $names
}
t 'repacked by tarfile' repack_tarfile
with_tool 7z 'repacked by 7z' repack_7z
with_tool mbstream 'repacked by mbstream' repack_mbstream
with_tool tar 'GNU tar appends' appended tar -rf appended.tar short
with_tool bsdtar 'bsdtar appends' appended bsdtar -rf appended.tar short
t 'two carriers in a row' joined_carriers
t 'an envelope of an envelope' nested

# --- odd, but good --------------------------------------------------------

good 'tar: as we read the format' tar
good 'tar: a leading ./' tar --dot
good 'tar: directories' tar \
    --order dir:./,dir:./envelope/,header,key,dir:envelope/,pieces,end
good 'tar: pax headers' tar \
    --order 'g:comment=x,x:mtime=1.5;atime=2,header,x:a=b,key,x:c=d,pieces,end'
good 'tar: a pax header of 64 KiB' tar \
    --order header,x-size:65536,key,pieces,end
good 'tar: the magic of GNU tar' tar \
    --set all magic 'ustar ' --set all version ' '
good 'tar: owners, modes, times' tar --set all uname root \
    --set all uid 0001750 --set all mode 0000600 --set all mtime 00000000000 \
    --set all devmajor 0000000
good 'tar: names in two fields' tar --set all prefix envelope \
    --set header name header --set key name key.p7m \
    --set 0 name payload.00000000 --set 1 name payload.00000001 \
    --set 2 name payload.00000002 --set 3 name payload.00000003 \
    --set 4 name payload.00000004
good 'tar: a ./ in two fields' tar --set header prefix .
good 'tar: small pieces' tar --piece-size 1001
good 'tar: one large piece' tar --piece-size 1000000
good 'tar: NUL for type 0' tar --set all type '\0'
good 'tar: the key last' tar --order header,pieces,key,end
good 'tar: the header last' tar --order key,pieces,header,end
good 'tar: header and key among the pieces' tar \
    --order 0,key,1,2,header,3,4,end
good 'tar: no padding to a record' tar --order header,key,pieces,zeros:1024
good 'tar: zeros that fill no block' tar \
    --order header,key,pieces,zeros:1024,zeros:100
good 'tar: 16 MiB of zeros' tar \
    --order header,key,pieces,zeros:1024,zeros:16777216
good 'xbstream: as we read the format' xbstream
good 'xbstream: a leading ./' xbstream --dot
good 'xbstream: the key last' xbstream \
    --order header,header.E,pieces,payload.E,key,key.E
good 'xbstream: all interleaved' xbstream \
    --order 0,key,1,header,2,header.E,3,key.E,4,payload.E
good 'xbstream: files in parts' xbstream --order \
    'header[:9],header[9:],header.E,key[:0],key[:7],key[7:],key.E,pieces,payload.E'
good 'xbstream: the files of xbcloud' xbstream --xbcloud
good 'xbstream: the files of xbcloud between' xbstream \
    --order header,xbcloud,header.E,key,key.E,pieces,payload.E
good 'xbstream: 16 MiB of zeros' xbstream \
    --order header,header.E,key,key.E,pieces,payload.E,zeros:16777216

small_chunks() {
    for size in 777 1; do
        carrier split xbstream --piece-size $size raw >made
        opens made
    done
}

# Almost 64 MiB of payload may wait for the key, but no more.
waiting() { # KIND ORDER
    head -c 66000000 /dev/zero >in
    seal_to ops.pem in in.raw
    carrier split "$1" --order "$2" in.raw >made
    opens made in
}

waiting_too_much() { # KIND ORDER DETAIL
    head -c 67200000 /dev/zero >in
    seal_to ops.pem in in.raw
    carrier split "$1" --order "$2" in.raw >made
    refuses CARRIER "$3" made in
    nothing out
}

t 'xbstream: tiny chunks' small_chunks
t 'tar: 63 MiB wait for the key' waiting tar header,pieces,key,end
t 'xbstream: 63 MiB wait for the key' waiting xbstream \
    header,header.E,pieces,payload.E,key,key.E
t 'tar: more than 64 MiB wait for the key' waiting_too_much tar \
    header,pieces,key,end envelope/payload
t 'xbstream: more than 64 MiB wait for the key' waiting_too_much xbstream \
    header,header.E,pieces,payload.E,key,key.E envelope/payload
rm -f in in.raw made

# --- hostile --------------------------------------------------------------

h=envelope/header k=envelope/key.p7m p=envelope/payload
at='at [0-9]\|byte [0-9]\|offset [0-9]' # where there is no name to be trusted

bad 'tar: no key' CARRIER_MEMBER $k tar --order header,pieces,end
bad 'tar: no header' CARRIER_MEMBER $h tar --order key,pieces,end
bad 'tar: no payload' CARRIER_MEMBER $p tar --order header,key,end
bad 'tar: the header twice' CARRIER_MEMBER $h tar \
    --order header,header,key,pieces,end
bad 'tar: the key twice' CARRIER_MEMBER $k tar --order header,key,pieces,key,end
bad 'tar: a piece twice' CARRIER_MEMBER $p.00000001 tar \
    --order header,key,0,1,1,2,3,4,end
bad 'tar: a gap' CARRIER_MEMBER $p.00000002 tar --order header,key,0,2,3,4,end
bad 'tar: pieces in wrong order' CARRIER_MEMBER $p.00000001 tar \
    --order header,key,1,0,2,3,4,end
bad 'tar: the last piece is missing' LAST_CHUNK '' tar \
    --order header,key,0,1,2,3,end
bad 'tar: too short a number' CARRIER_MEMBER $p.0000000 tar \
    --set 0 name $p.0000000
bad 'tar: too long a number' CARRIER_MEMBER $p.000000000 tar \
    --set 0 name $p.000000000
bad 'tar: a number with a sign' CARRIER_MEMBER $p.+0000000 tar \
    --set 0 name $p.+0000000
bad 'tar: a number with a letter' CARRIER_MEMBER $p.0000000a tar \
    --set 1 name $p.0000000a
bad 'tar: the name of xbstream' CARRIER_MEMBER $p tar --set 0 name $p
bad 'tar: another member first' NOT_ENVELOPE '' tar \
    --order file:etc/passwd=x,header,key,pieces,end
bad 'tar: another member inside' CARRIER_MEMBER etc/passwd tar \
    --order header,file:etc/passwd=x,key,pieces,end
bad 'tar: another member after' CARRIER_MEMBER etc/passwd tar \
    --order header,key,pieces,file:etc/passwd=x,end
bad 'tar: an absolute name' CARRIER_MEMBER /$k tar --set key name /$k
bad 'tar: a way out' CARRIER_MEMBER ../$k tar --set key name ../$k
bad 'tar: an empty name' CARRIER_MEMBER '' tar --set key name ''
bad 'tar: a name that fills its field' CARRIER_MEMBER "$k/xxxxxxxx" tar \
    --set key name "$k/$(printf %083d 0 | tr 0 x)"
bad 'tar: escapes in a name' CARRIER_MEMBER 'evil' tar \
    --set key name '\x1b[31m\n\x07\x7f\xc2\x9b1mevil'
bad 'tar: another directory' CARRIER_MEMBER other/ tar \
    --order header,dir:other/,key,pieces,end
bad 'tar: a directory with a size' CARRIER envelope/ tar \
    --order header,dir:envelope/,key,pieces,end \
    --set dir:envelope/ size 00000001000
for type in 1 2 3 4 6 7 L K S D M V A Z; do
    bad "tar: type $type" CARRIER $k tar --set key type $type
done
bad 'tar: a bad checksum' CARRIER "$k\|$at" tar --set key chksum +1
bad 'tar: a bad checksum of a piece' CARRIER "$p.00000003\|$at" tar \
    --set 3 chksum -1
bad 'tar: a checksum that is no number' CARRIER "$k\|$at" tar \
    --set key chksum 0x1234
bad 'tar: a bad checksum first' NOT_ENVELOPE '' tar --set header chksum +1
bad 'tar: another magic' CARRIER "$k\|$at" tar --set key magic xstar
bad 'tar: no magic' CARRIER "$k\|$at" tar \
    --set key magic '' --set key version ''
bad 'tar: a size that is no number' CARRIER $k tar --set key size 0000000x466
bad 'tar: an empty size' CARRIER $k tar --set key size ''
bad 'tar: a negative size' CARRIER $k tar \
    --set key size '\x2d0000000466'
bad 'tar: a decimal size' CARRIER $k tar --set key size 00000000389
bad 'tar: a size in binary' CARRIER $k tar \
    --set key size '\x80\0\0\0\0\0\0\0\0\0\1\x36'
bad 'tar: a huge size in binary' CARRIER $p.00000000 tar \
    --set 0 size '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'
bad 'tar: a header of 64 KiB and more' CARRIER $h tar \
    --set header size 00000200041
bad 'tar: a key of 2 MiB and more' 'CARRIER|CARRIER_TRUNCATED' $k tar \
    --set key size 00010000001
bad 'tar: a key of 64 GiB' 'CARRIER|CARRIER_TRUNCATED' $k tar \
    --set key size 777777777777
bad 'tar: too short a size' CARRIER $k tar --set key size -100
bad 'tar: too long a size' COMMITMENT '' tar --set key size +1
bad 'tar: data after the size' CARRIER $h tar --set header padding \
    "$(printf %0480d 1)"
for key in path size linkpath GNU.sparse.size GNU.sparse.major; do
    bad "tar: a pax header with $key" CARRIER PaxHeaders/x tar \
        --order "header,x:$key=7,key,pieces,end"
    bad "tar: a global pax header with $key" CARRIER PaxHeaders/x tar \
        --order "g:comment=x;$key=7,header,key,pieces,end"
done
bad 'tar: a pax header above 64 KiB' CARRIER PaxHeaders/x tar \
    --order header,x-size:65537,key,pieces,end
bad 'tar: a huge pax header' CARRIER PaxHeaders/x tar \
    --order header,x:a=b,key,pieces,end --set x:a=b size 77777777777
bad 'tar: a pax header with a wrong length' CARRIER PaxHeaders/x tar \
    --order header,x:a=b,key,pieces,end --set x:a=b data '9 a=b\n'
bad 'tar: one zero block inside' CARRIER '' tar \
    --order header,key,zeros:512,pieces,end
bad 'tar: one zero block at the end' CARRIER_TRUNCATED '' tar \
    --order header,key,pieces,zeros:512
bad 'tar: no zero block at the end' CARRIER_TRUNCATED '' tar \
    --order header,key,pieces
bad 'tar: members after the end' CARRIER '' tar \
    --order header,key,pieces,end,4,end
bad 'tar: data after the end' CARRIER '' tar \
    --order header,key,pieces,end,zeros:100000,garbage:1
bad 'tar: too many zeros' CARRIER '' tar \
    --order header,key,pieces,end,zeros:16793600
bad 'tar: a member that is no header' NOT_ENVELOPE '' tar \
    --set header data "$(printf %032d 0)"

bad 'xbstream: no key' CARRIER_MEMBER $k xbstream \
    --order header,header.E,pieces,payload.E
bad 'xbstream: no header' CARRIER_MEMBER $h xbstream \
    --order key,key.E,pieces,payload.E
bad 'xbstream: no payload' CARRIER_MEMBER $p xbstream \
    --order header,header.E,key,key.E
bad 'xbstream: an empty payload' TRUNCATED '' xbstream \
    --order header,header.E,key,key.E,payload.E
bad 'xbstream: no end of the header' CARRIER_TRUNCATED $h xbstream \
    --order header,key,key.E,pieces,payload.E
bad 'xbstream: no end of the key' CARRIER_TRUNCATED $k xbstream \
    --order header,header.E,key,pieces,payload.E
bad 'xbstream: no end of the payload' CARRIER_TRUNCATED $p xbstream \
    --order header,header.E,key,key.E,pieces
bad 'xbstream: zeros in place of the end' CARRIER_TRUNCATED $p xbstream \
    --order header,header.E,key,key.E,pieces,zeros:4096
bad 'xbstream: the header twice' CARRIER_MEMBER $h xbstream \
    --order header,header,header.E,key,key.E,pieces,payload.E
bad 'xbstream: the key again after its end' CARRIER_MEMBER $k xbstream \
    --order header,header.E,key,key.E,key,pieces,payload.E
bad 'xbstream: payload after its end' CARRIER_MEMBER $p xbstream \
    --order header,header.E,key,key.E,0,payload.E,1,2,3,4
bad 'xbstream: an end twice' CARRIER_MEMBER $p xbstream \
    --order header,header.E,key,key.E,pieces,payload.E,payload.E
bad 'xbstream: a chunk twice' CARRIER_MEMBER $p xbstream \
    --order header,header.E,key,key.E,0,1,1,2,3,4,payload.E
bad 'xbstream: a chunk is missing' CARRIER_MEMBER $p xbstream \
    --order header,header.E,key,key.E,0,2,3,4,payload.E
bad 'xbstream: the last chunk is missing' LAST_CHUNK '' xbstream \
    --order header,header.E,key,key.E,0,1,2,3,payload.E
bad 'xbstream: chunks in wrong order' CARRIER_MEMBER $p xbstream \
    --order header,header.E,key,key.E,1,0,2,3,4,payload.E
bad 'xbstream: a wrong offset' CARRIER_MEMBER $p xbstream --set 3 offset +1
bad 'xbstream: a huge offset' CARRIER_MEMBER $p xbstream \
    --set 4 offset 0xffffffffffffffff
for item in header key 2; do
    bad "xbstream: a bad CRC of $item" CARRIER envelope/ xbstream \
        --set $item crc -1
done
for flags in 1 2 128 255; do
    bad "xbstream: flags $flags" CARRIER "$at" xbstream --set 1 flags $flags
done
for type in S R D Z '\x00'; do
    bad "xbstream: type $type" CARRIER "$at" xbstream --set 1 type $type
done
bad 'xbstream: another magic' CARRIER "$at" xbstream --set 1 magic XBSTCK02
bad 'xbstream: another magic first' NOT_ENVELOPE '' xbstream \
    --set header magic XBSTCK02
for length in 0 512 4294967295; do
    bad "xbstream: a path length of $length" CARRIER "$at" xbstream \
        --set 1 pathlen $length
done
bad 'xbstream: a path of 511 bytes' CARRIER_MEMBER "$k/xxxx" xbstream \
    --set key path "$k/$(printf %0494d 0 | tr 0 x)"
for length in 67108865 0x7fffffffffffffff 0xffffffffffffffff; do
    bad "xbstream: a length of $length" CARRIER $p xbstream \
        --set 1 length $length
done
bad 'xbstream: a length after the end' CARRIER_TRUNCATED $p xbstream \
    --set 4 length 67108864
bad 'xbstream: too short a length' CARRIER '' xbstream --set 1 length -1
bad 'xbstream: a long header' CARRIER $h xbstream --set header length 65569
bad 'xbstream: a long key' 'CARRIER|CARRIER_TRUNCATED' $k xbstream \
    --set key length 2097153
bad 'xbstream: another file first' NOT_ENVELOPE '' xbstream \
    --order file:ibdata1=x,E:ibdata1,header,header.E,key,key.E,pieces,payload.E
bad 'xbstream: another file inside' CARRIER_MEMBER ibdata1 xbstream \
    --order header,header.E,file:ibdata1=x,E:ibdata1,key,key.E,pieces,payload.E
bad 'xbstream: another file after' CARRIER_MEMBER ibdata1 xbstream \
    --order header,header.E,key,key.E,pieces,payload.E,file:ibdata1=x,E:ibdata1
bad 'xbstream: an empty file inside' CARRIER_MEMBER ibdata1 xbstream \
    --order header,E:ibdata1,header.E,key,key.E,pieces,payload.E
bad 'xbstream: the name of tar' CARRIER_MEMBER $p.00000000 xbstream \
    --set 0 path $p.00000000
bad 'xbstream: a NUL in a name' CARRIER_MEMBER $k xbstream \
    --set key path "$k\0"
bad 'xbstream: escapes in a name' CARRIER_MEMBER evil xbstream \
    --set key path '\x1b[31m\n\x07\x7f\xc2\x9b1mevil'
bad 'xbstream: something in a file of xbcloud' CARRIER_MEMBER xtrabackup_info \
    xbstream --order \
    header,header.E,key,key.E,pieces,payload.E,file:xtrabackup_info.envelope=x
bad 'xbstream: data after the end' CARRIER '' xbstream --order \
    header,header.E,key,key.E,pieces,payload.E,zeros:100000,garbage:1
bad 'xbstream: a chunk after zeros' 'CARRIER|CARRIER_MEMBER' '' xbstream \
    --order header,header.E,key,key.E,zeros:1,pieces,payload.E
bad 'xbstream: too many zeros' CARRIER '' xbstream --order \
    header,header.E,key,key.E,pieces,payload.E,zeros:16777217

# Not fixed by the format: it opens, or it is refused, but nothing between.
either() { # KIND ARGUMENT-OF-SPLIT...
    carrier split --piece-size 65536 "$@" raw >made
    status=0
    open_it made || status=$?
    case $status in
    0) cmp plain out ;;
    5) cmp -n "$(size_of out)" out plain ;;
    *) false ;;
    esac
}

t 'tar: spaces before a number' either tar --set header size '         40 '
t 'tar: an empty piece at the end' either tar \
    --order header,key,pieces,5,end
t 'xbstream: an empty chunk at the end' either xbstream \
    --order header,header.E,key,key.E,pieces,5,payload.E

# --- no carriers ----------------------------------------------------------

strangers() {
    for file in tree.tar ops.key plain; do
        refuses NOT_ENVELOPE '' $file
        nothing out
    done
    gzip -c a.tar >made
    refuses NOT_ENVELOPE '' made
    head -c 100000 /dev/zero >made
    refuses NOT_ENVELOPE '' made
    printf 'XBSTCK01\0P\07\0\0\0ibdata1' >made
    refuses NOT_ENVELOPE '' made
    # An input that says nothing
    exits 5 open_it /dev/null
    nothing out
}

wrong_key() {
    for file in a.tar a.xb raw; do
        exits 3 "$envelope" -d -i other.key <$file >out
        grep -qF "envelope: standard input: $(reason NO_MATCH)" err
        nothing out
    done
}

t 'other files are not envelopes' strangers
t 'a wrong key' wrong_key

# --- every cut, every bit -------------------------------------------------

make_small() {
    for kind in tar xbstream; do
        "$envelope" -r ops.pem --carrier $kind <short >small.$kind
    done
    "$envelope" -r ops.pem --carrier xbstream --xbcloud <short >small.cloud
}

sweep() { # WHAT CARRIER [ARGUMENT]
    how=${3-}
    [ -z "${ENVELOPE_SLOW-}" ] || how=--every
    [ -z "${ENVELOPE_SANITIZED-}" ] || how='--sample 16'
    # shellcheck disable=SC2086 # $how is words
    carrier sweep --reasons "$srcdir/include/envelope/reasons.h" $how \
        "$1" "$2" short "$envelope" -d -i ops.key
}

t 'small carriers' make_small
t 'xbstream: every cut' sweep cut small.xbstream
t 'xbstream: cuts before the files of xbcloud' sweep cut small.cloud \
    '--sample 3'
t 'tar: cuts around every block' sweep cut small.tar
t 'xbstream: flipped bits' sweep flip small.xbstream '--sample 5'
t 'tar: flipped bits' sweep flip small.tar '--sample 5'

# --- memory ---------------------------------------------------------------

cat >peak.py <<'PYTHON'
# Runs "head -c LENGTH /dev/zero | A | B" and prints the peak memory of A and
# of B in KiB; B must print LENGTH zeros.  What the kernel reports at the end
# begins with this program's own memory, so it is asked all the time.
import subprocess
import sys

length, split = int(sys.argv[1]), sys.argv.index("--")
pipe = subprocess.PIPE
zeros = subprocess.Popen(["head", "-c", str(length), "/dev/zero"], stdout=pipe)
one = subprocess.Popen(sys.argv[2:split], stdin=zeros.stdout, stdout=pipe)
two = subprocess.Popen(sys.argv[split + 1:], stdin=one.stdout, stdout=pipe)
zeros.stdout.close()
one.stdout.close()
count, buffer, peaks = 0, bytearray(1 << 20), {one: 0, two: 0}
while n := two.stdout.readinto(buffer):
    assert not any(buffer[:n:997])
    count += n
    for process in peaks:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    peaks[process] = int(line.split()[1])
assert count == length, count
for process, peak in peaks.items():
    assert process.wait() == 0
    print(peak, end=" ")
PYTHON

peak() { # LENGTH KIND
    "$PYTHON" peak.py "$1" "$envelope" -r ops.pem --carrier "$2" \
        -- "$envelope" -d -i ops.key
}

flat() { # KIND LENGTH
    small=$(peak 67108864 "$1")
    large=$(peak "$2" "$1")
    echo "$small: $large"
    # shellcheck disable=SC2086 # two numbers each
    set -- $small $large
    [ "$3" -le $(($1 * 110 / 100)) ]
    [ "$4" -le $(($2 * 110 / 100)) ]
    [ "$3" -le 102400 ] && [ "$4" -le 102400 ]
}

length=1073741824
[ -z "${ENVELOPE_SLOW-}" ] || length=8589934592
for kind in raw tar xbstream; do
    if [ -z "${ENVELOPE_SANITIZED-}" ]; then
        t "$kind: memory stays flat" flat $kind $length
    else
        skip_allowed "$kind: memory stays flat" 'sanitizers take their own'
    fi
done

# 63 MiB that wait, and what a stream takes anyway.
waits_once() { # KIND ORDER
    waiting "$@"
    # shellcheck disable=SC2046 # two numbers
    set -- $("$PYTHON" peak.py 66000000 cat made -- "$envelope" -d -i ops.key)
    echo "$2 KiB"
    [ "$2" -le 98304 ]
    rm -f in in.raw made
}

what='what waits for the key is in memory once'
if [ -z "${ENVELOPE_SANITIZED-}" ]; then
    t "tar: $what" waits_once tar header,pieces,key,end
    t "xbstream: $what" waits_once xbstream \
        header,header.E,pieces,payload.E,key,key.E
else
    skip_allowed "tar: $what" 'sanitizers take their own'
    skip_allowed "xbstream: $what" 'sanitizers take their own'
fi

# --- descriptors ----------------------------------------------------------

cat >drip.py <<'PYTHON'
# Runs a command on descriptors that do not block: small pipes, fed from a file
# in odd portions and emptied into another with pauses.
import fcntl
import os
import subprocess
import sys
import threading
import time

source, target, command = sys.argv[1], sys.argv[2], sys.argv[3:]


def pipe():
    ends = os.pipe()
    for end in ends:
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
    return ends


in_read, in_write = pipe()
out_read, out_write = pipe()
for end in (in_read, out_write):
    os.set_blocking(end, False)
process = subprocess.Popen(command, stdin=in_read, stdout=out_write)
os.close(in_read)
os.close(out_write)


def feed():
    with open(source, "rb") as file:
        data, at, step = file.read(), 0, 1
        while at < len(data):
            at += os.write(in_write, data[at:at + step])
            step = step * 7 % 4093 + 1
            if step % 16 == 0:
                time.sleep(0.002)
    os.close(in_write)


threading.Thread(target=feed).start()
with open(target, "wb") as file:
    step = 1
    while data := os.read(out_read, step):
        file.write(data)
        step = step * 5 % 5003 + 1
        if step % 16 == 0:
            time.sleep(0.002)
sys.exit(process.wait())
PYTHON

dripping() { # KIND
    "$PYTHON" drip.py plain made timeout 20 "$envelope" -r ops.pem \
        --carrier "$1" --piece-size 65536
    opens made
    "$PYTHON" drip.py made out timeout 20 "$envelope" -d -i ops.key
    cmp plain out
}

# A limit on what a file may have makes writes short, and then fail.
too_large() {
    # shellcheck disable=SC2016 # for that shell
    exits 1 sh -c 'trap "" XFSZ; ulimit -f 100
        exec "$0" -r ops.pem --carrier "$1" <plain >made' "$envelope" "$1"
    grep -qF "envelope: standard output: $(reason WRITE)" err
    grep -qF 'File too large' err
}

full() {
    for kind in raw tar xbstream; do
        exits 1 "$envelope" -r ops.pem --carrier $kind <plain >/dev/full
        grep -qF "envelope: standard output: $(reason WRITE)" err
        grep -qF 'No space left' err
        exits 1 "$envelope" -r ops.pem --carrier $kind </dev/null >/dev/full
    done
    for file in a.tar a.xb raw small.tar small.xbstream; do
        exits 1 "$envelope" -d -i ops.key <$file >/dev/full
        grep -qF "envelope: standard output: $(reason WRITE)" err
        grep -qF 'No space left' err
    done
}

# run_closed STATUS-OF-PIPE-SIGNAL COMMAND... - its reader goes away
run_closed() {
    trap_pipe=$1
    shift
    { (
        [ "$trap_pipe" = default ] || trap '' PIPE
        status=0
        timeout 20 "$@" 2>err || status=$?
        echo $status >status
    ) } | true
    cat err status
}

closed_pipe() {
    head -c 20000000 /dev/zero >in
    "$envelope" -r ops.pem --carrier tar <in >in.tar
    run_closed ignored "$envelope" -r ops.pem <in
    [ "$(cat status)" -eq 1 ]
    grep -qF "envelope: standard output: $(reason WRITE)" err
    grep -qF 'Broken pipe' err
    run_closed ignored "$envelope" -d -i ops.key <in.tar
    [ "$(cat status)" -eq 1 ]
    grep -qF "envelope: standard output: $(reason WRITE)" err
    grep -qF 'Broken pipe' err
    # Where the signal is not ignored it ends the program, which says nothing.
    for job in '-r ops.pem <in' '-j 1 -r ops.pem <in' '-d -i ops.key <in.tar' \
        '-d -i ops.key --range 0: in.tar' '-d -i ops.key --salvage in.tar'; do
        run_closed default env --default-signal sh -c "exec \"\$0\" $job" \
            "$envelope"
        [ "$(cat status)" -eq 141 ]
        nothing err
    done
    rm in in.tar
}

unreadable() {
    exits 1 "$envelope" -r ops.pem <. >made
    grep -qF "envelope: standard input: $(reason READ)" err
    grep -qF 'Is a directory' err
    exits 1 "$envelope" -d -i ops.key <. >out
    grep -qF "envelope: standard input: $(reason READ)" err
    nothing out
    exits 1 "$envelope" -r ops.pem <&- >made
    grep -qF "envelope: standard input: $(reason READ)" err
    exits 1 "$envelope" -r ops.pem <plain >&-
    grep -qF "envelope: standard output: $(reason WRITE)" err
}

for kind in raw tar xbstream; do
    t "$kind: descriptors that do not block" dripping $kind
done
for kind in raw tar xbstream; do
    t "$kind: a limit on the size of files" too_large $kind
done
t 'a full disk' full
t 'a closed pipe' closed_pipe
t 'an input that cannot be read' unreadable

# --- arguments ------------------------------------------------------------

usage() {
    while read -r arguments; do
        status=0
        # shellcheck disable=SC2086 # words
        "$envelope" $arguments <plain >out 2>err || status=$?
        cat err
        [ $status -eq 2 ]
        grep -q 'envelope: ' err
        nothing out
    done <<LIST
--no-such-option
-r ops.pem --carrier zip
-r ops.pem --piece-size 0
-r ops.pem --piece-size 512
-r ops.pem --piece-size 65535
-r ops.pem --piece-size 65537
-r ops.pem --piece-size 67109376
-r ops.pem --piece-size 65536x
-r ops.pem --piece-size -65536
-r ops.pem --threads x
-r
LIST
}

no_trace() { # nothing is written before the recipients are good
    for recipient in nowhere.pem ops.key plain; do
        status=0
        "$envelope" -r $recipient --carrier tar <plain >out 2>err || status=$?
        cat err
        [ $status -ne 0 ] && [ $status -lt 128 ]
        grep -q '^envelope: ' err
        nothing out
    done
}

t 'arguments that are wrong' usage
t 'recipients that are none' no_trace

# --- as a compressor of tar -----------------------------------------------

same_tree() {
    diff -r tree x/tree
    [ "$(readlink x/tree/link)" = file1 ]
}

gnu_tar_filter() {
    env -i "$(command -v tar)" -I "$program -r $tests_dir/ops.pem" \
        -cf filtered.tar tree
    carrier join filtered.tar >joined
    fresh x
    env -i "$(command -v tar)" -I "$program -i $tests_dir/ops.key" \
        -xf filtered.tar -C x
    same_tree
    tar -tf filtered.tar | grep -qx envelope/key.p7m
    flip filtered.tar 300000
    fresh x
    status=0
    env -i "$(command -v tar)" -I "$program -i $tests_dir/ops.key" \
        -xf filtered.tar -C x || status=$?
    [ $status -ne 0 ]
}

bsdtar_filter() {
    bsdtar=$(command -v bsdtar)
    env -i "$bsdtar" --use-compress-program \
        "$program -r $tests_dir/ops.pem" -cf filtered.tar tree
    # To standard output it pads with zeros whatever the program prints.
    env -i "$bsdtar" --use-compress-program \
        "$program -r $tests_dir/ops.pem" -b 1000 -cf - tree >padded.tar
    for file in filtered.tar padded.tar; do
        carrier join $file >joined
        fresh x
        env -i "$bsdtar" --use-compress-program \
            "$program -d -i $tests_dir/ops.key" -xf $file -C x
        same_tree
    done
    flip filtered.tar 300000
    fresh x
    status=0
    env -i "$bsdtar" --use-compress-program \
        "$program -d -i $tests_dir/ops.key" -xf filtered.tar -C x || status=$?
    [ $status -ne 0 ]
}

with_tool tar 'GNU tar -I' gnu_tar_filter
with_tool bsdtar 'bsdtar --use-compress-program' bsdtar_filter
