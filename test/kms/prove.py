#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Proves a look-alike with the clients of the real service, before anything of
# ours is held against it: what they send is accepted, and what is wrong is
# refused.
#
#   prove.py WHAT DIRECTORY       WHAT is a function below, with - for _;
#                                 DIRECTORY is the running look-alike's

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from contextlib import contextmanager

HERE = os.path.dirname(os.path.abspath(__file__))


def read(directory, name):
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return file.read().strip()


def put(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)


def last(directory):
    return json.loads(read(directory, "log").splitlines()[-1])


def expect(want, got):
    if want != got:
        raise SystemExit(f"prove.py: wanted {want!r}, got {got!r}")


# --- AWS ------------------------------------------------------------------

def boto(directory, user=None, region="us-east-1"):
    import boto3
    import botocore.config
    from aws_lookalike import USERS
    user = user or USERS[0]
    return boto3.client(
        "kms", region_name=region, aws_access_key_id=user.id,
        aws_secret_access_key=user.secret,
        aws_session_token=user.token or None,
        endpoint_url=f"http://127.0.0.1:{read(directory, 'port')}",
        config=botocore.config.Config(retries={"total_max_attempts": 3}))


@contextmanager
def boto_refuses(code):
    from botocore.exceptions import ClientError
    try:
        yield
    except ClientError as error:
        expect(code, error.response["Error"]["Code"])
    else:
        raise SystemExit(f"prove.py: it was not refused: {code}")


def aws_boto3(directory):
    from aws_lookalike import KEYS, USERS
    by_profile = {user.profile: user for user in USERS}
    kms, labels = boto(directory), {"db": "orders", "Größe": "1 %/ü"}
    for name in (KEYS[0].id, KEYS[0].arn(), KEYS[0].alias,
                 KEYS[0].arn().replace("key/" + KEYS[0].id, KEYS[0].alias)):
        made = kms.generate_data_key(KeyId=name, KeySpec="AES_256",
                                     EncryptionContext=labels)
        expect((KEYS[0].arn(), 32), (made["KeyId"], len(made["Plaintext"])))
        got = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], KeyId=name,
                          EncryptionContext=labels)
        expect((made["Plaintext"], KEYS[0].arn()),
               (got["Plaintext"], got["KeyId"]))
    expect(labels, last(directory)["parameters"]["EncryptionContext"])
    blob, key = made["CiphertextBlob"], made["Plaintext"]

    # Other identities, other Regions, other keys
    for profile in ("session", "foreign"):
        other = boto(directory, by_profile[profile])
        shared = other.generate_data_key(KeyId=KEYS[7].arn(), NumberOfBytes=32)
        expect(shared["Plaintext"], kms.decrypt(
            CiphertextBlob=shared["CiphertextBlob"])["Plaintext"])
    europe = boto(directory, region="eu-central-1")
    made = kms.generate_data_key(KeyId=KEYS[3].arn(), KeySpec="AES_256")
    expect(KEYS[4].arn(), europe.decrypt(CiphertextBlob=made["CiphertextBlob"],
                                         KeyId=KEYS[4].arn())["KeyId"])
    again = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=labels,
                           DestinationKeyId=KEYS[1].id,
                           DestinationEncryptionContext={"a": "b"})
    expect(KEYS[1].arn(), again["KeyId"])
    expect(key, kms.decrypt(CiphertextBlob=again["CiphertextBlob"],
                            EncryptionContext={"a": "b"})["Plaintext"])

    # What is refused
    with boto_refuses("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"db": "Orders"})
    with boto_refuses("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]),
                    EncryptionContext=labels)
    with boto_refuses("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=labels,
                    KeyId=KEYS[1].id)
    with boto_refuses("NotFoundException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=KEYS[2].arn())
    with boto_refuses("AccessDeniedException"):
        europe.decrypt(CiphertextBlob=blob, EncryptionContext=labels)
    with boto_refuses("AccessDeniedException"):
        kms.generate_data_key(KeyId=KEYS[8].arn(), KeySpec="AES_256")
    with boto_refuses("AccessDeniedException"):
        boto(directory, by_profile["denied"]).generate_data_key(
            KeyId=KEYS[0].id, KeySpec="AES_256")
    with boto_refuses("DisabledException"):
        kms.generate_data_key(KeyId="alias/off", KeySpec="AES_256")
    with boto_refuses("ValidationException"):
        kms.generate_data_key(KeyId=KEYS[0].id)
    with boto_refuses("ValidationException"):
        kms.generate_data_key(KeyId=KEYS[0].id, KeySpec="AES_512")
    wrong = type(USERS[0])("x", USERS[0].id, USERS[0].secret[::-1])
    with boto_refuses("InvalidSignatureException"):
        boto(directory, wrong).decrypt(CiphertextBlob=blob)
    wrong = type(USERS[0])("x", USERS[1].id, USERS[1].secret, "another")
    with boto_refuses("UnrecognizedClientException"):
        boto(directory, wrong).decrypt(CiphertextBlob=blob)
    put(directory, "faults", "throttle throttle")
    kms.decrypt(CiphertextBlob=blob, EncryptionContext=labels)
    put(directory, "refused", USERS[0].id)
    with boto_refuses("ExpiredTokenException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=labels)
    put(directory, "refused", "")


def aws_cli(directory):
    from aws_lookalike import KEYS, USERS

    def aws(user, *arguments):
        environ = {**os.environ, "AWS_ACCESS_KEY_ID": user.id,
                   "AWS_SECRET_ACCESS_KEY": user.secret,
                   "AWS_SESSION_TOKEN": user.token, "AWS_PAGER": "",
                   "AWS_CONFIG_FILE": os.devnull, "AWS_MAX_ATTEMPTS": "1",
                   "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return subprocess.run(
            ["aws", "--region", "us-east-1", "--endpoint-url",
             f"http://127.0.0.1:{read(directory, 'port')}", "kms", *arguments],
            env=environ, capture_output=True, check=False, text=True)

    made = json.loads(aws(USERS[1], "generate-data-key", "--key-id",
                          "alias/backup", "--key-spec", "AES_256",
                          "--encryption-context", "backup=b1").stdout)
    with tempfile.NamedTemporaryFile() as blob:
        blob.write(b64decode(made["CiphertextBlob"]))
        blob.flush()
        decrypt = ["decrypt", "--ciphertext-blob", "fileb://" + blob.name,
                   "--key-id", KEYS[0].arn(), "--encryption-context"]
        got = json.loads(aws(USERS[0], *decrypt, "backup=b1").stdout)
        expect(made["Plaintext"], got["Plaintext"])
        refused = aws(USERS[0], *decrypt, "backup=b2")
    expect(True, "InvalidCiphertextException" in refused.stderr)


def aws_curl(directory):
    """curl's signer: another two sets of signed headers."""
    from aws_lookalike import KEYS, USERS
    for user, secret, extra, want in (
            (USERS[0], USERS[0].secret, [], 200),
            (USERS[1], USERS[1].secret,
             ["-H", "X-Amz-Security-Token: " + USERS[1].token], 200),
            (USERS[0], USERS[0].secret.lower(), [], 400)):
        done = subprocess.run(
            ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}",
             "--aws-sigv4", "aws:amz:us-east-1:kms", "-u",
             f"{user.id}:{secret}", "-H", "X-Amz-Target: "
             "TrentService.GenerateDataKey", "-H",
             "Content-Type: application/x-amz-json-1.1", *extra, "-d",
             json.dumps({"KeyId": KEYS[0].id, "KeySpec": "AES_256"}),
             f"http://127.0.0.1:{read(directory, 'port')}/"],
            capture_output=True, check=False, text=True)
        expect((0, str(want)), (done.returncode, done.stdout))


def aws_altered(directory):
    """Requests that botocore signed, and that were changed on their way."""
    from aws_lookalike import KEYS, USERS
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    host = f"127.0.0.1:{read(directory, 'port')}"
    kind = "application/x-amz-json-1.1"

    def send(change=None, members=None, scope=("kms", "us-east-1")):
        body = json.dumps({"KeyId": KEYS[0].id, "KeySpec": "AES_256",
                           **(members or {})})
        request = AWSRequest(
            "POST", f"http://{host}/", data=body, headers={
                "Host": host, "Content-Type": kind,
                "X-Amz-Target": "TrentService.GenerateDataKey"})
        SigV4Auth(Credentials(USERS[0].id, USERS[0].secret),
                  *scope).add_auth(request)
        headers, sent = dict(request.headers.items()), [body]
        if change:
            change(headers, sent)
        connection = http.client.HTTPConnection(host)
        connection.request("POST", "/", sent[0], headers)
        reply = connection.getresponse()
        document = json.loads(reply.read())
        return document.get("__type", reply.status)

    def body(_, sent):
        sent[0] = sent[0].replace("AES_256", "AES_128")

    def header(name, value):
        return lambda headers, _: headers.update({name: value})

    def unsigned(headers, _):
        names = "host;x-amz-date;x-amz-target"
        headers["Authorization"] = headers["Authorization"].replace(
            "content-type;" + names, names)

    def doubled(_, sent):
        sent[0] = sent[0].replace("{", '{"KeySpec": "AES_256", ')

    def no_authorization(headers, _):
        del headers["Authorization"]

    invalid = "InvalidSignatureException"
    expect(200, send())
    expect(invalid, send(body))
    expect(invalid, send(doubled))
    expect(invalid, send(unsigned))
    expect(invalid, send(header("Host", "kms.us-east-1.amazonaws.com")))
    expect(invalid, send(header("X-Amz-Target", "TrentService.Decrypt")))
    expect(invalid, send(header("X-Amz-Other", "not signed")))
    expect(invalid, send(scope=("sts", "us-east-1")))
    expect("NotFoundException", send(scope=("kms", "eu-central-1")))
    expect("ValidationException", send(members={"Unknown": 1}))
    expect("ValidationException", send(members={"KeySpec": 256}))
    expect("ValidationException", send(members={"NumberOfBytes": 32}))
    expect("MissingAuthenticationTokenException", send(no_authorization))
    put(directory, "clock", "901")
    expect(invalid, send())
    put(directory, "clock", "0")


def aws_sources(directory):
    """botocore finds credentials where a machine and a container have them."""
    from aws_lookalike import KEYS
    port = read(directory, "port")
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("AWS_")}
    clean.update(AWS_CONFIG_FILE=os.devnull, AWS_DEFAULT_REGION="us-east-1",
                 AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    base = f"http://127.0.0.1:{port}"
    for variables in (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": base},
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": base + "/container/role",
             "AWS_CONTAINER_AUTHORIZATION_TOKEN": read(directory,
                                                       "container-token")}):
        subprocess.run(
            [sys.executable, "-c", "import boto3, sys\n"
             "boto3.client('kms', endpoint_url=sys.argv[1])"
             ".generate_data_key(KeyId=sys.argv[2], KeySpec='AES_256')",
             base, KEYS[0].id], env={**clean, **variables}, check=True)
        expect("ASIAROTATED", last(directory)["access_key"][:11])
    for path, headers in (("/container/role", {"Authorization": "x"}),
                          ("/latest/meta-data/iam/security-credentials/", {})):
        connection = http.client.HTTPConnection(base[7:])
        connection.request("GET", path, headers=headers)
        expect(401, connection.getresponse().status)


# --- Tencent Cloud --------------------------------------------------------

def tencent_documentation(_):
    """The example of the documentation, and 50 requests against the SDK."""
    import random
    import tc3
    secret, stamp = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", 1551113065
    body = (b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], '
            b'"Name": "instance-name"}]}')
    headers = {"content-type": "application/json; charset=utf-8",
               "host": "cvm.tencentcloudapi.com"}
    expect("72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
           tc3.signature(secret, headers, body, stamp, "cvm"))
    sdk, some = tc3.Sdk(os.environ["TENCENT_SDK"]), random.Random(1)
    for _ in range(50):
        body = some.randbytes(some.randrange(1, 5000))
        stamp = some.randrange(1 << 30, 1 << 32)
        secret = b64encode(some.randbytes(24)).decode()
        headers["host"] = f"h{some.randrange(1000)}.example.com"
        expect(sdk.signature(secret, headers["host"], headers["content-type"],
                             body, stamp, "kms"),
               tc3.signature(secret, headers, body, stamp, "kms"))


def tencent_client(directory, transport):
    """CommonClient, the client of Tencent's SDK."""
    from tencent_lookalike import KEYS, USERS

    # pylint: disable=consider-using-with
    sdk = subprocess.Popen(
        ["node", os.path.join(HERE, "tencent_sdk.mjs"), "call"], text=True,
        bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(action, parameters, user=USERS[0], **more):
        sdk.stdin.write(json.dumps({
            **transport, "region": "ap-guangzhou", "id": user.id,
            "key": user.secret, "token": user.token or None, "action": action,
            "parameters": parameters, **more}) + "\n")
        return json.loads(sdk.stdout.readline())

    context = '{"db":"orders","day":"1"}'
    made = call("GenerateDataKey", {"KeyId": KEYS[0].id, "KeySpec": "AES_256",
                                    "EncryptionContext": context})
    expect((KEYS[0].id, 32), (made["KeyId"], len(b64decode(made["Plaintext"]))))
    expect(True, last(directory)["sdk"])
    blob = made["CiphertextBlob"]
    opened = {"CiphertextBlob": blob, "EncryptionContext": context}
    expect(made["Plaintext"], call("Decrypt", opened, USERS[1])["Plaintext"])
    moved = call("ReEncrypt", {
        "CiphertextBlob": blob, "SourceEncryptionContext": context,
        "DestinationKeyId": KEYS[1].id})["CiphertextBlob"]
    expect((made["Plaintext"], KEYS[1].id), tuple(
        call("Decrypt", {"CiphertextBlob": moved})[name]
        for name in ("Plaintext", "KeyId")))
    if "proxy" in transport:
        expect("kms/tc3_request", last(directory)["scope"][11:])
        return

    invalid = "InvalidParameterValue.InvalidCiphertext"
    wrong = type(USERS[0])("x", USERS[0].id, USERS[0].secret[::-1])
    for action, parameters, more, code in (
            ("Decrypt", {"CiphertextBlob": blob}, {}, invalid),
            ("Decrypt", {**opened, "EncryptionContext": '{"day":"1",'
                         '"db":"orders"}'}, {}, invalid),
            ("Decrypt", opened, {"user": wrong},
             "AuthFailure.SignatureFailure"),
            ("Decrypt", opened, {"region": "ap-singapore"},
             "ResourceUnavailable.CmkNotFound"),
            ("Decrypt", {**opened, "KeyId": KEYS[0].id}, {},
             "UnknownParameter"),
            ("Decrypt", opened, {"user": USERS[2]}, "UnauthorizedOperation"),
            ("GenerateDataKey", {"KeyId": KEYS[3].id, "KeySpec": "AES_256"},
             {}, "ResourceUnavailable.CmkDisabled"),
            ("GenerateDataKey", {"KeyId": KEYS[0].id}, {},
             "InvalidParameterValue"),
            ("Delete", {}, {}, "InvalidAction")):
        expect(code, call(action, parameters, **more).get("code"))
    put(directory, "faults", "throttle")
    expect("RequestLimitExceeded", call("Decrypt", opened).get("code"))


def tencent_sdk(directory):
    port = read(directory, "port")
    tencent_client(directory, {"endpoint": f"127.0.0.1:{port}",
                               "protocol": "http://"})


def tencent_proxy(directory):
    """The same with its own host, so that the scope is the real one."""
    port = read(directory, "port")
    tencent_client(directory, {"endpoint": "kms.tencentcloudapi.com",
                               "protocol": "http://",
                               "proxy": f"http://127.0.0.1:{port}"})


def tencent_altered(directory):
    """Requests of ours: right, and changed on their way."""
    import tc3
    from tencent_lookalike import KEYS, USERS
    host = f"127.0.0.1:{read(directory, 'port')}"
    wanted = json.dumps({"KeyId": KEYS[0].id, "KeySpec": "AES_256"}).encode()

    def send(signed_host=host, service="kms", body=wanted, skew=0, **more):
        stamp = int(time.time()) + skew
        signed = {"content-type": "application/json", "host": signed_host,
                  **more}
        headers = {
            "Content-Type": "application/json", "Host": host,
            "X-TC-Action": "GenerateDataKey", "X-TC-Version": "2019-01-18",
            "X-TC-Region": "ap-guangzhou", "X-TC-Timestamp": str(stamp),
            "Authorization": f"TC3-HMAC-SHA256 Credential={USERS[0].id}/"
            f"{tc3.date_of(stamp)}/{service}/tc3_request, SignedHeaders="
            f"{';'.join(signed)}, Signature="
            + tc3.signature(USERS[0].secret, signed, wanted, stamp, service)}
        connection = http.client.HTTPConnection(host)
        connection.request("POST", "/", body, headers)
        reply = json.loads(connection.getresponse().read())["Response"]
        return reply.get("Error", {}).get("Code")

    failure = "AuthFailure.SignatureFailure"
    expect(None, send())
    expect(None, send(**{"x-tc-action": "generatedatakey"}))
    expect(failure, send(**{"x-tc-action": "decrypt"}))
    expect(failure, send(body=wanted + b" "))
    expect(failure, send("127.0.0.1"))          # as the SDK signs
    expect(failure, send(service="127"))
    expect("AuthFailure.SignatureExpire", send(skew=-301))


# --- Vault ----------------------------------------------------------------

@contextmanager
def vault_refuses(name):
    import hvac
    try:
        yield
    except hvac.exceptions.VaultError as error:
        expect(name, type(error).__name__)
    else:
        raise SystemExit(f"prove.py: it was not refused: {name}")


def vault_hvac(directory):
    import hvac
    scheme, verify = os.environ.get("VAULT_SCHEME", "http"), True
    if scheme == "https":
        verify = os.environ["VAULT_CACERT"]
    url = f"{scheme}://127.0.0.1:{read(directory, 'port')}"

    def transit(token, namespace=None):
        return hvac.Client(url=url, token=token, namespace=namespace,
                           verify=verify).secrets.transit

    root = transit(read(directory, "token"))
    made = root.generate_data_key("backup", "plaintext", bits=256)["data"]
    expect((True, 32), (made["ciphertext"].startswith("vault:v1:"),
                        len(b64decode(made["plaintext"]))))
    blob, key = made["ciphertext"], made["plaintext"]
    expect(key, root.decrypt_data("backup", blob)["data"]["plaintext"])

    # Versions
    root.create_key("proof")
    old = root.encrypt_data("proof", key)["data"]["ciphertext"]
    root.rotate_key("proof")
    new = root.rewrap_data("proof", old)["data"]["ciphertext"]
    expect("vault:v2:", new[:9])
    for text in (old, new):
        expect(key, root.decrypt_data("proof", text)["data"]["plaintext"])
    root.update_key_configuration("proof", min_decryption_version=2)
    with vault_refuses("InvalidRequest"):
        root.decrypt_data("proof", old)

    # Derived keys
    context = b64encode(b"db=orders\n").decode()
    made = root.generate_data_key("derived", "plaintext", context=context)
    text = made["data"]["ciphertext"]
    expect(made["data"]["plaintext"], root.decrypt_data(
        "derived", text, context=context)["data"]["plaintext"])
    for other in (b64encode(b"db=other\n").decode(), None):
        with vault_refuses("InvalidRequest"):
            root.decrypt_data("derived", text, context=other)

    # Namespaces, mounts, tokens
    inner = transit(read(directory, "token"), "ns1")
    text = inner.generate_data_key("backup", "plaintext")["data"]["ciphertext"]
    inner.decrypt_data("backup", text)
    for call, error in (
            (lambda: root.decrypt_data("backup", text), "InvalidRequest"),
            (lambda: root.decrypt_data("second", blob), "InvalidRequest"),
            (lambda: root.decrypt_data("none", blob), "InvalidRequest"),
            (lambda: root.decrypt_data("backup", blob, mount_point="no"),
             "InvalidPath"),
            (lambda: transit("hvs.wrong").decrypt_data("backup", blob),
             "Forbidden"),
            (lambda: transit(read(directory, "limited-token")).decrypt_data(
                "backup", blob), "Forbidden")):
        with vault_refuses(error):
            call()
    for fault, error in (("503", "VaultDown"), ("500", "InternalServerError"),
                         ("throttle", "RateLimitExceeded")):
        put(directory, "faults", fault)
        with vault_refuses(error):
            root.decrypt_data("backup", blob)


def vault_faults(directory):
    """Each fault of lookalike.py is what it says, also to another client."""
    import socket
    from lookalike import FAULTS, strict_json
    port, token = read(directory, "port"), read(directory, "token")
    put(directory, "redirect", "http://127.0.0.1:1/")
    body = b'{"bits": 256}'
    wanted = (b"POST /v1/transit/datakey/plaintext/backup HTTP/1.1\r\n"
              b"Host: 127.0.0.1\r\nX-Vault-Token: %s\r\n"
              b"Connection: close\r\nContent-Length: %d\r\n\r\n%s"
              % (token.encode(), len(body), body))

    def ask(fault, limit=1 << 20):
        """Status line and headers, and body; or what went wrong."""
        put(directory, "faults", fault)
        got = b""
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            connection.settimeout(5)
            connection.sendall(wanted)
            try:
                while len(got) < limit and (more := connection.recv(65536)):
                    got += more
            except (ConnectionResetError, socket.timeout) as error:
                return type(error).__name__, got
        head, _, rest = got.partition(b"\r\n\r\n")
        return head.decode("latin-1"), rest

    def parses(data):
        try:
            return strict_json(data)["data"]
        except ValueError:
            return None

    for fault in FAULTS:
        head, rest = ask(fault, *[3] if fault == "drip" else [])
        length = head.partition("Content-Length: ")[2].partition("\r")[0]
        right = {
            "close": lambda: (head, rest) == ("", b""),
            "cut": lambda: int(length) == len(rest) and not parses(rest),
            "drip": lambda: head == "HTT",
            "duplicate": lambda: json.loads(rest) and not parses(rest),
            "empty": lambda: length == "0",
            "extra": lambda: json.loads(rest)["New"] and parses(rest),
            "garbage": lambda: not head.startswith("HTTP"),
            "huge": lambda: len(rest) > 1 << 19,
            "html": lambda: rest.startswith(b"<html>"),
            "other-key": lambda: True,          # Vault names none
            "redirect": lambda: " 307 " in head and "127.0.0.1:1/" in head,
            "reset": lambda: head == "ConnectionResetError",
            "short": lambda: 0 < len(rest) < int(length),
            "short-key": lambda: len(b64decode(parses(rest)["plaintext"]))
            == 16,
        }[fault]
        expect((fault, True), (fault, bool(right())))


def main():
    what, directory = sys.argv[1:]
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        os.environ.pop(name, None)
    os.environ["NO_PROXY"] = "*"
    globals()[what.replace("-", "_")](directory)


if __name__ == "__main__":
    main()
