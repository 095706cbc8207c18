#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# AWS KMS as far as the tests need it: GenerateDataKey, Encrypt, Decrypt and
# ReEncrypt in JSON 1.1; STS (sts.py), IMDSv2 and a container's credentials on the
# same port.
# Who judges is not ours: botocore computes the signature again from what was
# received, and AWS's own description of the service, which is part of it, says
# what the parameters may be.  How to run it: lookalike.py.

import hmac
import json
import re
from calendar import timegm
from dataclasses import dataclass
from hashlib import sha256
from os import urandom
from time import gmtime, strftime, strptime

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.validate import ParamValidator

import lookalike
import sts
from lookalike import Refused, Reply, b64, seal, strict_b64, strict_json, unseal

MAX_SKEW = 15 * 60
ACCOUNT, FOREIGN = "111122223333", "444455556666"


@dataclass
class Key:
    region: str
    account: str
    id: str
    alias: str = ""
    state: str = "Enabled"
    users: tuple = (ACCOUNT,)

    def arn(self):
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.id}"

    def material(self):
        """The same in all Regions, and whenever this runs."""
        return sha256(f"{self.account} {self.id}".encode()).digest()


KEYS = [
    Key("us-east-1", ACCOUNT, "1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/backup"),
    Key("us-east-1", ACCOUNT, "2222abcd-12ab-34cd-56ef-1234567890ab",
        "alias/second"),
    Key("eu-central-1", ACCOUNT, "3333abcd-12ab-34cd-56ef-1234567890ab",
        "alias/backup"),
    Key("us-east-1", ACCOUNT, "mrk-1234abcd12ab34cd56ef1234567890ab",
        "alias/everywhere"),
    Key("eu-central-1", ACCOUNT, "mrk-1234abcd12ab34cd56ef1234567890ab",
        "alias/everywhere"),
    Key("us-east-1", ACCOUNT, "4444abcd-12ab-34cd-56ef-1234567890ab",
        "alias/off", "Disabled"),
    Key("us-east-1", ACCOUNT, "5555abcd-12ab-34cd-56ef-1234567890ab",
        "alias/gone", "PendingDeletion"),
    Key("us-east-1", FOREIGN, "6666abcd-12ab-34cd-56ef-1234567890ab",
        "alias/shared", users=(ACCOUNT, FOREIGN)),
    Key("us-east-1", FOREIGN, "7777abcd-12ab-34cd-56ef-1234567890ab",
        "alias/private", users=(FOREIGN,)),
]


@dataclass
class User:
    profile: str
    id: str
    secret: str
    token: str = ""
    account: str = ACCOUNT
    allowed: bool = True


USERS = [
    User("default", "AKIAIOSFODNN7EXAMPLE",
         "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    User("session", "ASIAIOSFODNN7EXAMPLE",
         "AaalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
         "IQoJb3JpZ2luX2VjEXAMPLE/TOKEN+of//the==session"),
    User("denied", "AKIAI44QH8DHBEXAMPLE",
         "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", allowed=False),
    User("foreign", "AKIAFOREIGN7EXAMPLE2",
         "fo7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", account=FOREIGN),
]

STATUS = {"KMSInternalException": 500, "KeyUnavailableException": 500,
          "DependencyTimeoutException": 503, "ServiceUnavailable": 503}
OPERATIONS = ("GenerateDataKey", "Encrypt", "Decrypt", "ReEncrypt")


def refused(code, text=""):
    return Refused(code, text, STATUS.get(code, 400))


# --- the signature --------------------------------------------------------

def parse_authorization(value):
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([A-Z0-9]{16,128})/(\d{8})/([a-z0-9-]+)"
        r"/([a-z0-9-]+)/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?"
        r"Signature=([0-9a-f]{64})", value)
    if not match:
        raise refused("IncompleteSignatureException",
                      "Authorization header is malformed")
    return match.groups()


def signed_headers(request, listed):
    """The signed headers as botocore wants them, or a refusal."""
    names = listed.split(";")
    must = {"host", "content-type"} | {
        name.lower() for name, _ in request.headers
        if name.lower().startswith("x-amz-")}
    if names != sorted(set(names)):
        raise refused("InvalidSignatureException",
                      "SignedHeaders is not sorted, or names one twice")
    if must - set(names):
        raise refused("InvalidSignatureException", "not signed: "
                      + ", ".join(sorted(must - set(names))))
    headers = {name: request.header(name) for name in names}
    if None in headers.values():
        raise refused("InvalidSignatureException", "a signed header is absent")
    return headers


def signature(request, user, headers, date, region, service):
    """What botocore makes of it."""
    again = AWSRequest(method=request.method, data=request.body,
                       url=f"http://{headers['host']}{request.path}",
                       headers=headers)
    again.context["timestamp"] = date
    signer = SigV4Auth(Credentials(user.id, user.secret, user.token or None),
                       service, region)
    text = signer.string_to_sign(again, signer.canonical_request(again))
    return signer.signature(text, again)


# --- the parameters -------------------------------------------------------

def check(shape, value, path="input"):
    """What ParamValidator lets pass: unknown members, enums, maxima."""
    kind = shape.type_name
    if kind == "structure":
        if set(value) - set(shape.members):
            raise refused("ValidationException", f"unknown members in {path}")
        for name, item in value.items():
            check(shape.members[name], item, f"{path}.{name}")
    elif kind == "map":
        for name, item in value.items():
            check(shape.value, item, f"{path}.{name}")
    elif kind == "list":
        for item in value:
            check(shape.member, item, path)
    elif kind == "string" and shape.enum and value not in shape.enum:
        raise refused("ValidationException", f"{path} is not in the enum")
    size = value if kind == "integer" else len(value)
    if size > shape.metadata.get("max", size):
        raise refused("ValidationException", f"{path} is above its maximum")


def blobs(shape, value):
    """JSON's base64 as the bytes that it stands for."""
    return {name: strict_b64(item)
            if getattr(shape.members.get(name), "type_name", "") == "blob"
            else item for name, item in value.items()}


def context_bytes(context):
    return json.dumps(context, sort_keys=True).encode()


# --- the service ----------------------------------------------------------

class Aws(lookalike.Service):
    content_type = "application/x-amz-json-1.1"
    faults = {
        "throttle": refused("ThrottlingException", "Rate exceeded"),
        "throttle-namespace": refused(
            "com.amazonaws.kms#ThrottlingException:http://internal/",
            "Rate exceeded"),
        "throttle-header": refused("header:ThrottlingException",
                                   "Rate exceeded"),
        "500": refused("KMSInternalException", "internal"),
        "503": refused("ServiceUnavailable"),
        "timeout": refused("DependencyTimeoutException", "try again"),
        "denied": refused("AccessDeniedException", "not authorized"),
        "invalid": refused("InvalidCiphertextException"),
        "expired": refused("ExpiredTokenException",
                           "The security token included in the request is "
                           "expired"),
        "skew": refused("RequestTimeTooSkewed", "too far from the current"),
    }

    @staticmethod
    def arguments(parser):
        parser.add_argument("--role", default="backup-role")

    def __init__(self, directory, options):
        super().__init__(directory)
        self.role = options.role
        self.model = botocore.session.get_session().get_service_model("kms")
        self.users = list(USERS)
        self.rotated = 0
        self.container_token = "container/" + sha256(b"container").hexdigest()
        self.metadata_token = "metadata" + sha256(b"imds").hexdigest() + "=="
        self.write("container-token", self.container_token)
        self.sts = sts.Sts("eyJhbGciOi.eyJzdWIiOi." + sha256(b"web").hexdigest())
        self.write("web-token", self.sts.token)
        self.secret(self.container_token, self.metadata_token, self.sts.token)
        for user in USERS:
            self.secret(user.secret, *[user.token] if user.token else [])
        self.write("credentials", "".join(
            f"[{u.profile}]\naws_access_key_id = {u.id}\n"
            f"aws_secret_access_key = {u.secret}\n"
            + (f"aws_session_token = {u.token}\n" if u.token else "") + "\n"
            for u in USERS))

    def reply_headers(self, request_id):
        return {"x-amzn-RequestId": request_id}

    def error(self, refusal, request_id):
        code, text = refusal.code, refusal.text
        headers = {"Content-Type": self.content_type,
                   **self.reply_headers(request_id)}
        if code == "ServiceUnavailable":
            return Reply(503, b"<html>Service Unavailable</html>",
                         {"Content-Type": "text/html"})
        if code.startswith("header:"):
            headers["x-amzn-ErrorType"] = code[7:] + ":http://internal/"
            return Reply(refusal.status, json.dumps(
                {"message": text}).encode(), headers)
        document = {"__type": code}
        if text:        # AWS spells it in both ways
            name = "Message" if code == "AccessDeniedException" else "message"
            document[name] = text
        return Reply(refusal.status, json.dumps(document).encode(), headers)

    def alter(self, fault, document):
        if fault == "short-key":
            return {**document, "Plaintext": b64(bytes(16))}
        return {**document, "KeyId": KEYS[1].arn()
                if document["KeyId"] != KEYS[1].arn() else KEYS[0].arn()}

    # --- who asks, and for what

    def authenticate(self, request, wanted="kms"):
        """The user and the region."""
        value = request.header("Authorization")
        if value is None:
            raise refused("MissingAuthenticationTokenException",
                          "Missing Authentication Token")
        key_id, day, region, service, listed, given = parse_authorization(value)
        request.log.update(access_key=key_id, region=region,
                           scope=f"{day}/{region}/{service}/aws4_request",
                           signed=listed, host=request.header("Host"))
        if service != wanted:
            raise refused("InvalidSignatureException", "Credential should be "
                          f"scoped to correct service: '{wanted}'.")
        headers = signed_headers(request, listed)
        date = request.header("X-Amz-Date") or ""
        if not re.fullmatch(r"\d{8}T\d{6}Z", date) or date[:8] != day:
            raise refused("IncompleteSignatureException", "X-Amz-Date")
        user = next((u for u in self.users if u.id == key_id), None)
        token = request.header("X-Amz-Security-Token") or ""
        if user is None or token != user.token:
            raise refused("UnrecognizedClientException", "The security token "
                          "included in the request is invalid.")
        when = timegm(strptime(date, "%Y%m%dT%H%M%SZ"))
        if abs(when - self.now()) >= MAX_SKEW:
            now = strftime("%Y%m%dT%H%M%SZ", gmtime(self.now()))
            raise refused(self.read("skew-code") or "InvalidSignatureException",
                          f"Signature expired: {date} is not near {now}")
        content = request.header("X-Amz-Content-Sha256")
        if content and content != sha256(request.body).hexdigest():
            raise refused("InvalidSignatureException", "another body")
        again = signature(request, user, headers, date, region, service)
        if not hmac.compare_digest(again, given):
            raise refused("InvalidSignatureException", "The request signature "
                          "we calculated does not match the signature you "
                          "provided.")
        if self.is_expired(key_id):
            raise self.faults["expired"]
        return user, region

    def parameters(self, request, name):
        shape = self.model.operation_model(name).input_shape
        try:
            raw = strict_json(request.body)
            request.log["parameters"] = {
                name: sha256(str(value).encode()).hexdigest()[:16]
                if name in ("CiphertextBlob", "Plaintext") else value
                for name, value in raw.items()}
            value = blobs(shape, raw)
        except (ValueError, TypeError) as error:
            raise refused("SerializationException", str(error)) from None
        report = ParamValidator().validate(value, shape)
        if report.has_errors():
            raise refused("ValidationException", report.generate_report())
        check(shape, value)
        return value

    def operation(self, request):
        target = request.header("X-Amz-Target") or ""
        prefix, _, name = target.partition(".")
        request.log["operation"] = name
        if request.method != "POST" or request.path != "/":
            raise refused("UnknownOperationException", "POST / please")
        if prefix != "TrentService" or name not in OPERATIONS:
            raise refused("UnknownOperationException", target)
        if request.header("Content-Type") != self.content_type:
            raise refused("UnknownOperationException", "Content-Type")
        user, region = self.authenticate(request)
        wanted = self.parameters(request, name)
        if not user.allowed:
            raise refused("AccessDeniedException", f"User: arn:aws:iam::"
                          f"{user.account}:user/{user.profile} is not "
                          f"authorized to perform: kms:{name}")
        return getattr(self, name)(wanted, user, region)

    # --- keys

    def find(self, key_id, user, region):
        arn = re.fullmatch(r"arn:aws:kms:([^:]*):(\d{12}):(key/|alias/)(.*)",
                           key_id)
        if key_id.startswith("arn:"):
            if not arn or arn[1] != region:
                raise refused("NotFoundException", "Invalid arn "
                              + (arn[1] if arn else key_id))
            account = arn[2]
            name = arn[4] if arn[3] == "key/" else arn[3] + arn[4]
        else:
            account, name = user.account, key_id
        for key in KEYS:
            if ((key.region, key.account) == (region, account)
                    and name in (key.id, key.alias)):
                return self.usable(key, user)
        raise refused("NotFoundException", f"Key '{key_id}' does not exist")

    @staticmethod
    def usable(key, user):
        if user.account not in key.users:
            raise refused("AccessDeniedException", "User is not authorized to "
                          f"perform this on resource: {key.arn()}")
        if key.state == "Disabled":
            raise refused("DisabledException", f"{key.arn()} is disabled.")
        if key.state != "Enabled":
            raise refused("KMSInvalidStateException",
                          f"{key.arn()} is pending deletion.")
        return key

    @staticmethod
    def encrypt(key, text, context):
        name = f"{key.account} {key.id}".encode()
        return (bytes([1, 2, 2, 0, len(name)]) + name
                + seal(key.material(), text, name + context_bytes(context)))

    def decrypt(self, blob, key_id, context, user, region):
        """The key that a blob was made with, and its text."""
        if blob[:4] != bytes([1, 2, 2, 0]):
            raise refused("InvalidCiphertextException")
        name, sealed = blob[5:5 + blob[4]], blob[5 + blob[4]:]
        made_with = next((k for k in KEYS if k.region == region
                          and f"{k.account} {k.id}".encode() == name), None)
        if key_id and self.find(key_id, user, region) != made_with:
            raise refused("IncorrectKeyException", "The key ID in the request "
                          "does not identify a CMK that can perform this "
                          "operation.")
        if made_with is None:
            raise refused("AccessDeniedException", "The ciphertext refers to a "
                          "customer master key that does not exist, does not "
                          "exist in this region, or you are not allowed to "
                          "access.")
        key = self.usable(made_with, user)
        text = unseal(key.material(), sealed, name + context_bytes(context))
        if text is None:
            raise refused("InvalidCiphertextException")
        return key, text

    # --- operations

    def GenerateDataKey(self, wanted, user, region):
        size = {"AES_256": 32, "AES_128": 16}.get(wanted.get("KeySpec"))
        if (size is None) == (wanted.get("NumberOfBytes") is None):
            raise refused("ValidationException", "Please specify either number "
                          "of bytes or key spec.")
        key = self.find(wanted["KeyId"], user, region)
        text = urandom(size or wanted["NumberOfBytes"])
        self.handed_out(text)
        blob = self.encrypt(key, text, wanted.get("EncryptionContext", {}))
        return {"CiphertextBlob": b64(blob), "Plaintext": b64(text),
                "KeyId": key.arn(),
                "KeyMaterialId": sha256(key.material()).hexdigest()}

    def Encrypt(self, wanted, user, region):
        key = self.find(wanted["KeyId"], user, region)
        blob = self.encrypt(key, wanted["Plaintext"],
                            wanted.get("EncryptionContext", {}))
        return {"CiphertextBlob": b64(blob), "KeyId": key.arn(),
                "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    def Decrypt(self, wanted, user, region):
        self.symmetric(wanted, "EncryptionAlgorithm")
        key, text = self.decrypt(
            wanted["CiphertextBlob"], wanted.get("KeyId"),
            wanted.get("EncryptionContext", {}), user, region)
        return {"KeyId": key.arn(), "Plaintext": b64(text),
                "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                "KeyMaterialId": sha256(key.material()).hexdigest()}

    def ReEncrypt(self, wanted, user, region):
        self.symmetric(wanted, "SourceEncryptionAlgorithm")
        self.symmetric(wanted, "DestinationEncryptionAlgorithm")
        source, text = self.decrypt(
            wanted["CiphertextBlob"], wanted.get("SourceKeyId"),
            wanted.get("SourceEncryptionContext", {}), user, region)
        key = self.find(wanted["DestinationKeyId"], user, region)
        blob = self.encrypt(key, text,
                            wanted.get("DestinationEncryptionContext", {}))
        return {"CiphertextBlob": b64(blob), "SourceKeyId": source.arn(),
                "KeyId": key.arn(),
                "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    @staticmethod
    def symmetric(wanted, name):
        if wanted.get(name, "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
            raise refused("InvalidKeyUsageException", name)

    # --- where a machine or a container gets its credentials

    def beside(self, request):
        path = request.path
        if self.sts.is_for(request):
            return self.sts.answer(self, request)
        if path.startswith("/latest/"):
            request.log["operation"] = f"{request.method} {path}"
            return self.metadata(request)
        if path.startswith("/container/"):
            request.log["operation"] = f"{request.method} {path}"
            if request.header("Authorization") != self.container_token:
                raise Refused("Unauthorized", status=401)
            return self.role_document()
        return None

    def metadata(self, request):
        """IMDSv2 alone: a session, then the role, then its credentials."""
        base = "/latest/meta-data/iam/security-credentials/"
        if request.every("X-Forwarded-For"):
            raise Refused("Forbidden", status=403)
        if (request.method, request.path) == ("PUT", "/latest/api/token"):
            ttl = request.header("X-aws-ec2-metadata-token-ttl-seconds") or ""
            if not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
                raise Refused("BadRequest", status=400)
            return Reply(200, self.metadata_token.encode(),
                         {"Content-Type": "text/plain",
                          "X-aws-ec2-metadata-token-ttl-seconds": ttl})
        if request.header("X-aws-ec2-metadata-token") != self.metadata_token:
            raise Refused("Unauthorized", status=401)
        if request.method == "GET" and request.path == base:
            return Reply(200, self.role.encode(),
                         {"Content-Type": "text/plain"})
        if request.method == "GET" and request.path == base + self.role:
            return self.role_document()
        raise Refused("NotFound", status=404)

    def add_user(self):
        """Another one each time."""
        with self.lock:
            self.rotated += 1
            number = self.rotated
        seed = sha256(f"rotated {number}".encode()).hexdigest()
        user = User("rotated", f"ASIAROTATED{number:09d}",
                    b64(bytes.fromhex(seed))[:40], f"rotated/{seed}+{number}==")
        self.users.append(user)
        self.secret(user.secret, user.token)
        return user

    def role_document(self):
        user = self.add_user()
        ends = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(self.now() + 3600))
        return Reply(200, json.dumps({
            "Code": "Success", "Type": "AWS-HMAC",
            "LastUpdated": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(self.now())),
            "AccessKeyId": user.id, "SecretAccessKey": user.secret,
            "Token": user.token, "Expiration": ends,
        }).encode(), {"Content-Type": "application/json"})


if __name__ == "__main__":
    lookalike.run(Aws)
