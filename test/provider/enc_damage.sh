#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is damaged, cut, appended to or no envelope ends openssl enc with its own
# reason, and nothing wrong has come out.

. "${srcdir:-.}/test/support/tap.sh"

plan 31
. "$srcdir/test/provider/enc_key.sh"

make_these() {
    new_ec p256 P-256
    seal plain key.env
    seal plain base64.env -base64
}
set_up make_these

# Only what the chunks before number $1 hold has left for sure; of chunk $1,
# at most its text (openssl enc hands chunks out as they come).
left_at_most() { # CHUNK
    sure=$(($1 * chunk))
    got=$(size_of out)
    [ "$got" -ge $((sure - 8192)) ] # what enc had not written yet
    [ "$got" -le $((sure + chunk)) ]
    [ $sure -eq 0 ] || cmp -n "$((got < sure ? got : sure))" plain out
}

flipped_header() { # REASON OFFSET [BITS]
    cp key.env damaged
    flip damaged "$2" "${3-1}"
    fails "$1" open damaged out
    nothing out
}

# Sizes of the key's envelope (FORMAT 1 and 2)
h=$(header_length key.env)
e=$(be32 key.env 16)

flipped_chunk() { # REASON CHUNK OFFSET-IN-CHUNK
    cp key.env damaged
    flip damaged $((h + 56 + $2 * (chunk + 16) + $3))
    fails "$1" open damaged out
    left_at_most "$2"
}

cut_header() { # REASON LENGTH
    head -c "$2" key.env >damaged
    fails "$1" open damaged out
    nothing out
}

cut_chunk() { # REASON CHUNK LENGTH-IN-CHUNK
    head -c $((h + 56 + $2 * (chunk + 16) + $3)) key.env >damaged
    fails "$1" open damaged out
    left_at_most "$2"
}

appended() { # BYTES
    { cat key.env; head -c "$1" /dev/zero; } >damaged
    fails TRAILING_DATA open damaged out
    grep -qF 'the stream of 100000 bytes of text is whole' err
    [ "$(size_of out)" -le $((100000 + chunk)) ]
    cmp -n 100000 plain out
}

swapped() {
    first=$((h + 56)) second=$((h + 56 + chunk + 16))
    {
        head -c $first key.env
        tail -c +$((second + 1)) key.env | head -c $((chunk + 16))
        tail -c +$((first + 1)) key.env | head -c $((chunk + 16))
        tail -c +$((second + chunk + 17)) key.env
    } >damaged
    [ "$(size_of damaged)" -eq "$(size_of key.env)" ]
    fails CHUNK open damaged out
    left_at_most 0
}

not_envelope() { # FILE
    fails NOT_ENVELOPE open "$1" out
    nothing out
    fails NOT_ENVELOPE open_with p256.key "$1" out
    nothing out
}

salted() {
    "$OPENSSL" enc -aes-256-cbc -pbkdf2 -pass file:pw -in plain -out salted
    not_envelope salted
    # With -pass, enc takes the salt away before the cipher sees the rest.
    # shellcheck disable=SC2086
    fails NOT_ENVELOPE $enc -d -pass file:pw -pbkdf2 -in salted -out out
    nothing out
}

t 'a flipped bit: magic' flipped_header NOT_ENVELOPE 3
t 'a flipped bit: version' flipped_header VERSION 8 2
t 'a flipped bit: scheme' flipped_header SCHEME 9 2
t 'a flipped bit: reserved byte' flipped_header HEADER_FIELD 31
t 'a flipped bit: labels length' flipped_header HEADER_TOO_LARGE 12 128
t 'a flipped bit: frame of the key envelope' flipped_header KEY_ENVELOPE 32
t 'a flipped bit: tag of the key envelope' \
    flipped_header KEY_ENVELOPE $((32 + e - 1))
t 'a flipped bit: salt' flipped_header COMMITMENT "$h"
t 'a flipped bit: commitment' flipped_header COMMITMENT $((h + 55))
t 'a flipped bit: first chunk' flipped_chunk CHUNK 0 100
t 'a flipped bit: tag of the first chunk' flipped_chunk CHUNK 0 16390
t 'a flipped bit: a chunk within' flipped_chunk CHUNK 3 16000
t 'a flipped bit: last chunk' flipped_chunk LAST_CHUNK 6 0
t 'two chunks swapped' swapped
t 'cut: nothing is left' cut_header HEADER_TRUNCATED 0
t 'cut: in the magic' cut_header HEADER_TRUNCATED 5
t 'cut: in the prelude' cut_header HEADER_TRUNCATED 31
t 'cut: in the key envelope' cut_header HEADER_TRUNCATED $((h - 1))
t 'cut: before the payload' cut_header TRUNCATED "$h"
t 'cut: in the commitment' cut_header TRUNCATED $((h + 50))
t 'cut: before the first chunk' cut_chunk TRUNCATED 0 0
t 'cut: after a whole chunk' cut_chunk TRUNCATED 2 0
t 'cut: within a tag' cut_chunk TRUNCATED 2 15
t 'cut: within a chunk' cut_chunk LAST_CHUNK 2 5000
t 'cut: one byte' cut_chunk LAST_CHUNK 6 $((100000 - 6 * chunk + 15))
t 'a byte appended' appended 1
t 'more than a chunk appended' appended 20000
echo 'This is no envelope, it is text for people to read.' >text
t 'text is not an envelope' not_envelope text
echo hi >hi
t 'little text is not an envelope' not_envelope hi
t 'a file of openssl enc with another cipher is not an envelope' salted
t 'an envelope in base64 is not an envelope' not_envelope base64.env
