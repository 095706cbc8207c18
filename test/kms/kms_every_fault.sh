# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What every service has to bear: faults that last, replies that make no sense,
# headers that lead elsewhere.  Sourced after kms_services.sh; ./sealed is for $uri at
# $service, and other is a look-alike that nobody may ask.
#
#   makes_keys=no            where the service only encrypts them
#   decrypts=N               requests that it takes to decrypt, if not 1
#   every_fault FAULT...     EVERY_FAULT tests, and one for each of these, which last
#   every_header KEY...      EVERY_HEADER tests; keys that a header may name and that
#                            are not the user's; tried with each of $identities, or
#                            with $uri
#   every_slow               one test, last of all: after drip

# shellcheck disable=SC2034 # for plans
EVERY_FAULT=7 EVERY_HEADER=3 EVERY_SLOW=1

every_fault() {
    for kms_fault in "$@"; do
        t "a fault that stays: $kms_fault" persists "$kms_fault"
    done
    t 'senseless: cut, short, empty' senseless cut short empty
    t 'senseless: no JSON, no HTTP' senseless html garbage
    t 'senseless: a member twice' senseless duplicate
    t 'a short key' short_key
    t 'a reply without an end' huge
    t 'a redirect is not followed' redirects
    t 'nothing secret in longer messages' verbose denied 500 cut short-key
}

# Where the service makes the key, also a new one
short_key() {
    decrypting 1 "${decrypts-1}" short-key
    [ "${makes_keys-yes}" = no ] || encrypting 1 short-key
}

# Whatever it says, nobody hears of it: neither the user's own service nor the port
# that the header names.
ignored() { # ARGUMENT-OF-ALTER...
    header alter sealed a "$@"
    fresh "$service" other
    for kms_one in ${identities:-"$uri"}; do
        exits 3 timeout 20 "$envelope" decrypt -i "$kms_one" <a >out
        nothing out
        quiet
    done
    exits 0 "$envelope" inspect a >out
    exits 0 "$envelope" inspect --json a >out
    silent "$service" other
}

foreign_keys() {
    for kms_key in "$@" '' "$(head -c 5000 /dev/zero | tr '\0' a)"; do
        ignored --key "$kms_key"
    done
}

other_services() {
    kms_at=127.0.0.1:$(port other)
    for kms_word in alikms awskms azurekeyvault gcpkms huaweikms tencentkms vault \
        httpkms; do
        [ "$kms_word" = "$word" ] || ignored --service "$kms_word"
    done
    ignored --service httpkms --key "$there/"
    ignored --service vault --key "$kms_at/transit/keys/backup"
    ignored --service '../../evil'
    ignored --service ''
}

# 1,000 recipients cost no more than a few requests, and no long time.
many_recipients() {
    header alter sealed a --copies 1000
    fresh "$service"
    exits 3 timeout 20 "$envelope" decrypt -i "$uri" <a >out
    nothing out
    [ "$(wc -l <"$service/log")" -le 10 ]
}

every_header() {
    t 'a foreign key in the header' foreign_keys "$@"
    t 'another service in the header' other_services
    t '1,000 recipients' many_recipients
}

every_slow() {
    wait "$slow_pid"
    t 'a reply that drips' dripped
}
