# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Look-alike key services for command tests, on loopback and in the test's
# directory.  Sourced after tap.sh, program.sh and the plan, not run; it skips
# the rest where there can be none.
#
#   look_alike NAME SERVICE [ARGUMENT...]  start one, its files in ./NAME; not
#                        in a subshell.  test/kms/lookalike.py tells the files
#   port NAME            where it listens
#   prove WHAT NAME      test/kms/prove.py
#   kms_module           skip the rest where the module was not built
#   fresh NAME...        forget what was asked so far, and all faults
#   asked NAME COUNT OPERATION   so often since then
#   silent NAME...       nobody has connected since then
#   logged NAME TEXT     a request since then has this in its line of the log
#   quiet                nothing in ./err that is secret
#   told NAME            ./err has the request id of the last refusal
#   fault NAME STATUS REQUESTS WORD... -- COMMAND...
#                        with these faults it ends so, after so many requests
#   header ARGUMENT...   test/kms/header.py
#   kek_of NAME          the data key that NAME handed out last, in hex
#   drip IDENTITY        decrypt ./sealed with it, which is at the look-alike
#                        slow, in the background; its reply drips

kms=$srcdir/test/kms
attempts=4 # of a request that keeps failing
pids=

need timeout curl
"$PYTHON" -c 'import cryptography' 2>/dev/null \
    || skip_rest "$PYTHON has no cryptography package"

# The package loads the stock legacy provider, which is in the stock directory.
python() {
    env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \
        PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$@"
}

stop_all() {
    # shellcheck disable=SC2086 # words
    [ -z "$pids" ] || kill $pids 2>/dev/null
    for pid in $pids; do
        wait "$pid" 2>/dev/null # the shell's own words about it
    done
    pids=
}
# shellcheck disable=SC2034 # of tap.sh
cleanup=stop_all

# Nothing from around the test, and no machine's metadata.
for kms_name in $(env | sed 's/=.*//' \
    | grep -xE '(AWS|ALIBABA_CLOUD|ALICLOUD|TENCENTCLOUD|VAULT|BAO)_[A-Z0-9_]+'); do
    unset "$kms_name"
done
unset http_proxy https_proxy all_proxy no_proxy
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
AWS_EC2_METADATA_DISABLED=true
AWS_CONFIG_FILE=/dev/null
HOME=$tests_dir/home
: "${ENVELOPE_KMS_MODULES:=$top_builddir/.libs}"
export AWS_EC2_METADATA_DISABLED AWS_CONFIG_FILE HOME ENVELOPE_KMS_MODULES
mkdir home

look_alike() {
    look_name=$1 look_script=$kms/${2}_lookalike.py
    shift 2
    # Not through python(), whose pid would be that of a shell.
    env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \
        PYTHONDONTWRITEBYTECODE=1 \
        "$PYTHON" "$look_script" "$look_name" "$@" \
        </dev/null >"$look_name.said" 2>&1 &
    pids="$pids $!"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            [ ! -s "$look_name/port" ] || break 2
            sleep 0.1
        done
        kill -0 "${pids##* }" 2>/dev/null || break
    done
    if [ ! -s "$look_name/port" ]; then
        sed 's/^/# /' "$look_name.said"
        echo "Bail out! $look_script does not start"
        tests_planned=$tests_run
        exit 1
    fi
    : >"$look_name/log"
    : >"$look_name/connections"
}

port() {
    cat "$1/port"
}

prove() {
    python "$kms/prove.py" "$1" "$2"
}

kms_module() {
    [ -e "$ENVELOPE_KMS_MODULES/envelope-kms.so" ] \
        || skip_rest 'envelope-kms.so is not built'
}

# --- what was asked -------------------------------------------------------

fresh() {
    for kms_name in "$@"; do
        : >"$kms_name/log"
        : >"$kms_name/connections"
        : >"$kms_name/faults"
    done
}

asked() {
    cat "$1/log"
    [ "$(grep -c "\"operation\": \"$3\"" "$1/log")" -eq "$2" ]
}

silent() {
    for kms_name in "$@"; do
        cat "$kms_name/log"
        [ ! -s "$kms_name/connections" ]
    done
}

logged() {
    grep -qF -e "$2" "$1/log"
}

quiet() {
    for kms_name in */secrets; do
        [ -s "$kms_name" ]
        ! grep -aF -f "$kms_name" err || false
    done
    ! grep -aiE 'authorization:|HMAC-SHA256' err || false
}

told() {
    told_id=$(sed -n 's/.*"request_id": "\([^"]*\)".*/\1/p' "$1/log" \
        | tail -n 1)
    [ -n "$told_id" ]
    grep -qF "$told_id" err
}

fault() {
    fault_name=$1 fault_status=$2 fault_count=$3 fault_words=
    shift 3
    while [ "$1" != -- ]; do
        fault_words="$fault_words $1"
        shift
    done
    shift
    fresh "$fault_name"
    echo "$fault_words" >"$fault_name/faults"
    exits "$fault_status" timeout 60 "$@"
    : >"$fault_name/faults"
    cat "$fault_name/log"
    [ "$(grep -c '"operation": ' "$fault_name/log")" -eq "$fault_count" ]
    quiet
}

# --- the independent reader -----------------------------------------------

header() {
    python "$kms/header.py" "$@"
}

# Of one key there are three lines: base64, and hex in both cases.
kek_of() {
    tail -n 2 "$1/secrets" | head -n 1
}

# --- the same for all services --------------------------------------------
# Each script says what these mean:
#   service  the look-alike's directory     word  as it stands in the header
#   uri      a key, for which ./sealed is ./plain encrypted
#   there    the URL of a look-alike named other, which nobody shall call

# opens FILE URI
opens() {
    "$envelope" decrypt -i "$2" <"$1" | cmp plain -
}

# A file that release 0.9.0 wrote: test/vectors/0.9.0/make
opens_0_9_0() { # SERVICE URI
    seq 4000 >text
    "$envelope" decrypt -i "$2" "$srcdir/test/vectors/0.9.0/$1.env" \
        | cmp text -
}

# shut FILE URI - with status 3, and nothing comes out
shut() {
    exits 3 "$envelope" decrypt -i "$2" <"$1" >out
    nothing out
    quiet
}

# Not with sanitizers: test/filter/door/launchers.sh knows what that takes.
by_bsdtar() {
    [ -z "${ENVELOPE_SANITIZED-}" ] || return 0
    : "${ENVELOPE_PRELOAD:=$top_builddir/.libs/envelope-preload.so}"
    export ENVELOPE_PRELOAD
    mkdir -p dir
    cp plain dir/plain
    launcher=${ENVELOPE_LAUNCHER:-$top_builddir/bsdtar-envelope}
    "$launcher" --add-filter envelope --options "envelope:recipient=$uri" \
        -cf a.tar dir
    mkdir out.dir
    "$launcher" --options "envelope:identity=$uri" -xf a.tar -C out.dir
    cmp plain out.dir/dir/plain
    "$envelope" decrypt -i "$uri" a.tar | tar -xOf - dir/plain | cmp plain -
}

names_key() { # FILE KEY - so the header says, and no network was needed
    fresh "$service"
    "$envelope" inspect --json "$1" >json
    silent "$service"
    python - "$word" "$2" <<'PYTHON'
import json, sys
document = json.load(open("json"))
found = []
def walk(value):
    if isinstance(value, dict):
        if value.get("type") == "kms":
            found.append((value["service"], value["key"]))
        for item in value.values():
            walk(item)
    elif isinstance(value, list):
        for item in value:
            walk(item)
walk(document)
assert found == [(sys.argv[1], sys.argv[2])], found
PYTHON
}

# same_payload FILE OTHER
same_payload() {
    tail -c +$(($(header_length "$1") + 1)) "$1" >payload.1
    tail -c +$(($(header_length "$2") + 1)) "$2" | cmp payload.1 -
}

decrypting() { # STATUS REQUESTS FAULT...
    rm -f got
    status=$1 requests=$2
    shift 2
    fault "$service" "$status" "$requests" "$@" -- \
        "$envelope" decrypt -i "$uri" -o got sealed
    if [ "$status" -eq 0 ]; then
        cmp plain got
    else
        [ ! -e got ]
    fi
}

encrypting() { # REQUESTS FAULT...
    requests=$1
    shift
    fault "$service" 1 "$requests" "$@" -- \
        "$envelope" encrypt -r "$uri" -o new plain
    [ ! -e new ]
}

persists() { # FAULT
    decrypting 1 $attempts "$1*"
    [ "$1" != 500 ] || encrypting $attempts "$1*"
}

refuses() { # FAULT CODE
    decrypting 3 1 "$1*"
    grep -q "$2" err
    told "$service"
    encrypting 1 "$1*"
    grep -q "$2" err
}

# A reply that makes no sense is no answer, and not asked for without an end.
senseless() {
    for bad in "$@"; do
        rm -f got
        fresh "$service"
        echo "$bad*" >"$service/faults"
        exits 1 timeout 60 "$envelope" decrypt -i "$uri" -o got sealed
        [ ! -e got ]
        quiet
        [ "$(grep -c '"operation": ' "$service/log")" -le $attempts ]
        exits 1 timeout 60 "$envelope" encrypt -r "$uri" -o got plain
        [ ! -e got ]
        quiet
    done
    : >"$service/faults"
}

huge() {
    decrypting 1 1 huge
    encrypting 1 huge
    # It was not taken in.
    ! sed -n 's/.*"huge": \([0-9]*\).*/\1/p' "$service/log" \
        | grep '[0-9]\{8\}' || false
}

redirects() {
    fresh other
    echo "$there/" >"$service/redirect"
    decrypting 1 1 redirect
    encrypting 1 redirect
    silent other
}

verbose() { # FAULT...
    fresh "$service"
    for bad in "$@"; do
        echo "$bad*" >"$service/faults"
        status=0
        "$envelope" decrypt -v -i "$uri" -o got sealed 2>err || status=$?
        [ $status -ne 0 ]
        quiet
    done
    fresh "$service"
    "$envelope" decrypt -v -i "$uri" -o got sealed 2>err
    quiet
}

# --- a reply that drips ---------------------------------------------------

# It must not hold anybody for ever, and takes its time.
drip() {
    (
        status=0
        echo 'drip*' >slow/faults
        ENVELOPE_KMS_TIMEOUT=5 timeout 30 "$envelope" decrypt -i "$1" \
            -o slow/got sealed 2>slow/err || status=$?
        echo $status >slow/status
    ) &
    slow_pid=$!
}

# After wait "$slow_pid"
dripped() {
    [ "$(cat slow/status)" -eq 1 ]
    [ ! -e slow/got ]
    cp slow/err err
    quiet
}
