#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Services of a site's own, by kms.conf: the helper program among the examples, and
# a service over HTTP that is described setting by setting, which is a look-alike of
# Vault's transit engine here.
. "${srcdir:-.}/test/support/tap.sh"
. "$srcdir/test/support/program.sh"

plan 18
. "$srcdir/test/kms/kms_services.sh"
kms_module
provider

ENVELOPE_KMS_CONFIG=$tests_dir/kms.conf
export ENVELOPE_KMS_CONFIG
local=execkms://local/backup http=httpkms://transit/backup

# --- a helper program -----------------------------------------------------

make_all() {
    new_ec ops P-256
    steady_text 100000 >plain
    mkdir keys
    for name in backup next; do
        (umask 077 && head -c 32 /dev/urandom >"keys/$name")
    done
    # The interpreter of its first line may be another one than the tests'.
    cat >helper <<HELPER
#!/bin/sh
exec env -u OPENSSL_MODULES CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1 \\
    "$PYTHON" "$srcdir/examples/kms-helper.py" "\$@"
HELPER
    chmod +x helper
    cat >kms.conf <<CONF
[local]
exec = $tests_dir/helper
args = $tests_dir/keys
timeout = 20
CONF
    (umask 077 && printf %.32s 'a master key of 32 bytes for a test' >keys/kept)
    "$envelope" -r $local -r ops.pem --label db=orders --label day=1 \
        plain >sealed
}

reads_back() { # FILE URI
    "$envelope" -d -i "$2" <"$1" | cmp plain -
}

stock_openssl() {
    open_with $local sealed back
    cmp plain back
    seal_to $local plain enc.env
    reads_back enc.env $local
}

names_itself() {
    "$envelope" inspect sealed >out
    grep -qx '  *local/backup' out
}

# It has them as additional data.
other_labels() {
    cp sealed altered
    offset=$(grep -abo 'db=orders' altered | head -n 1 | cut -d : -f 1)
    set_byte altered $((offset + 3)) 79
    exits 3 "$envelope" -d -i $local altered >out
    nothing out
    grep -q 'key service refused: execkms' err
}

another_key() {
    exits 3 "$envelope" -d -i execkms://local/next sealed >out
    grep -q 'execkms local/backup' err
    exits 1 "$envelope" -r execkms://local/none -o new plain
    grep -q 'NotFound' err
    [ ! -e new ]
}

helper_rewraps() {
    cp sealed file
    "$envelope" rewrap --by-service -i $local -r execkms://local/next file
    reads_back file execkms://local/next
    exits 3 "$envelope" -d -i $local file >out
    reads_back file ops.key
}

# broken TEXT - the helper is a shell script of these lines
broken() {
    printf '#!/bin/sh\n%s\n' "$1" >broken
    chmod +x broken
    cat >broken.conf <<CONF
[local]
exec = $tests_dir/broken
timeout = ${2-20}
CONF
}

says_so() { # STATUS PATTERN
    ENVELOPE_KMS_CONFIG=$tests_dir/broken.conf \
        exits "$1" timeout 50 "$envelope" -d -i $local sealed >out
    nothing out
    grep -q -e "$2" err
}

bad_helpers() {
    broken 'exit 3'
    says_so 1 'status 3'
    broken 'kill -9 $$'
    says_so 1 'signal'
    broken 'echo nonsense'
    says_so 1 'JSON'
    broken 'cat >/dev/null; echo "{\"key\":\"backup\",\"plaintext\":\"AAAA\"}"'
    says_so 1 'local'
    broken 'echo "{\"key\":\"other\",\"plaintext\":\"'"$(head -c 32 /dev/zero |
        base64)"'\"}"'
    says_so 3 'key'
    broken 'echo "{\"error\":{\"code\":\"Closed\",\"message\":\"at night\"}}"'
    says_so 3 'Closed: at night'
    broken 'yes'
    says_so 1 'broken'
    broken 'sleep 60' 1
    says_so 1 'broken'
    rm broken
    says_so 1 'broken'
}

# The KEK of a helper that is not the one that it was: nothing is released.
wrong_kek() {
    broken 'echo "{\"key\":\"backup\",\"plaintext\":\"'"$(head -c 32 /dev/zero |
        base64)"'\"}"'
    says_so 5 'does not open it'
}

no_configuration() {
    ENVELOPE_KMS_CONFIG=/nowhere \
        exits 3 "$envelope" -d -i $local sealed >out
    grep -q '/nowhere' err
    echo '[local]' >broken.conf
    says_so 3 'exec'
    printf '[local]\nexec = %s\nurl = https://h/\n' "$tests_dir/helper" \
        >broken.conf
    says_so 3 'url'
}

t 'a helper program makes a key' make_all
t 'it gives the key back' reads_back sealed $local
t 'to openssl enc, too' stock_openssl
t 'inspect shows the name of the service and of the key' names_itself
t 'and of what release 0.9.0 wrote' opens_0_9_0 helper execkms://local/kept
t 'with other labels it refuses' other_labels
t 'other keys are named' another_key
t 'it encrypts a key anew' helper_rewraps
t 'helpers that do not do their work' bad_helpers
t 'a key that is another one' wrong_kek
t 'a configuration that lacks something' no_configuration

# --- a service over HTTP --------------------------------------------------

look_alike vault vault
here=http://127.0.0.1:$(port vault)

# The look-alike is strict: it gets nothing that Vault does not know.
make_http() {
    cat >kms.conf <<CONF
[transit]
url = $here/v1/transit
generate = /datakey/plaintext/{key}
decrypt = /decrypt/{key}
rewrap = /rewrap/{key}
signer = bearer
token-variable = TRANSIT_TOKEN
token-header = X-Vault-Token
request-key =
request-context =
reply-plaintext = data.plaintext
reply-blob = data.ciphertext
reply-key =
reply-error = errors.0
reply-message = errors.0
reply-id = request_id
CONF
    fresh vault
    "$envelope" -r $http plain >by-http
    [ "$(wc -l <vault/connections)" -eq 1 ]
}

http_rewraps() {
    cp by-http file
    fresh vault
    "$envelope" rewrap --by-service -i $http file
    ! cmp -s by-http file || false
    [ "$(grep -c . vault/log)" -eq 1 ]
    reads_back file $http
}

http_refuses() {
    TRANSIT_TOKEN=s.nobody \
        exits 3 "$envelope" -d -i $http by-http >out
    grep -q 'permission denied' err
    quiet
    exits 3 env -u TRANSIT_TOKEN "$envelope" -d -i $http by-http >out
    grep -q TRANSIT_TOKEN err
    exits 1 "$envelope" -r httpkms://transit/none -o new plain
    [ ! -e new ]
}

http_fails() {
    fault vault 1 $attempts '503*' -- \
        "$envelope" -d -i $http -o got by-http
    [ ! -e got ]
}

# The header has a name, and what that means is the reader's business.
renamed() {
    sed 's/transit\]/other]/' kms.conf >other.conf
    fresh vault
    ENVELOPE_KMS_CONFIG=$tests_dir/other.conf \
        exits 3 "$envelope" -d -i httpkms://other/backup by-http >out
    grep -q 'httpkms transit/backup' err
    silent vault
}

no_plain_http() {
    sed 's,^url = .*,url = http://kms.example.net/v1,' kms.conf >other.conf
    ENVELOPE_KMS_CONFIG=$tests_dir/other.conf \
        exits 3 "$envelope" -d -i $http by-http >out
    grep -q https err
}

TRANSIT_TOKEN=$(cat vault/token)
export TRANSIT_TOKEN
t 'a service over HTTP is described' make_http
t 'it gives the key back' reads_back by-http $http
t 'it encrypts a key anew' http_rewraps
t 'it refuses' http_refuses
t 'it fails' http_fails
t 'under another name it is another service' renamed
t 'plain HTTP does not leave the machine' no_plain_http
