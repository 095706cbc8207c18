#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every carrier that is spoilt or cut ends with its own reason, also a file that
# is none, and one that is only odd opens.

. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 168
. "$srcdir/test/filter/carrier/carriers.sh"

set_up make_all

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

t 'xbstream: tiny chunks' small_chunks

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
