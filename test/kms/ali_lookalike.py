#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Alibaba Cloud KMS as far as the tests need it: GenerateDataKey, Encrypt, Decrypt and
# ReEncrypt, version 2016-01-20, and who hands out credentials: STS, and what
# ALIBABA_CLOUD_CREDENTIALS_URI may name (/credentials).
# How to run it: lookalike.py; proven by test/kms/ali/judge.mjs.
#
#   config.json   profiles as the aliyun command has them   credentials   as INI
#   token         what AssumeRoleWithOIDC takes

import hmac
import json
import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from os import urandom

import acs3
import lookalike
from lookalike import Refused, Reply, b64, seal, strict_b64, strict_json, unseal

MAX_SKEW = 15 * 60
MAX_CONTEXT = 8192
LIFETIME = 3600
ACCOUNT = "154035569884"
ROLE = f"acs:ram::{ACCOUNT}:role/backup"
PROVIDER = f"acs:ram::{ACCOUNT}:oidc-provider/ack"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhY2sifQ.EXAMPLEsignature"
REGION = "cn-hangzhou"      # an endpoint is of one region


@dataclass
class Key:
    id: str
    state: str = "Enabled"

    def material(self):
        return sha256(f"alibaba {self.id}".encode()).digest()


KEYS = [Key("key-hzz62f1cb66fa42qo1234"),
        Key("1234abcd-12ab-34cd-56ef-1234567890ab"),
        Key("key-hzz62f1cb66fa42off000", "Disabled")]
ALIASES = {"alias/backup": KEYS[0].id, "alias/second": KEYS[1].id}


@dataclass
class User:
    name: str
    id: str
    secret: str
    token: str = ""
    allowed: bool = True


USERS = [
    User("default", "LTAI5tMainEXAMPLE", "mainSecretOfTheUser0123EXAMPLE"),
    User("session", "STS.NUsessionEXAMPLE", "sessionSecretOfSts01234EXAMPLE",
         "CAISsessionTOKENofTheSession0123456789+/=EXAMPLE"),
    User("role", "STS.NUroleEXAMPLE", "roleSecretOfSts0123456789EXAMPLE",
         "CAISroleTOKENofTheRole0123456789abcdef+/=EXAMPLE"),
    User("denied", "LTAI5tDeniedEXAMPLE", "deniedSecretOfTheUser012EXAMPLE",
         allowed=False),
]

# Parameters; those with a star must be there.
ACTIONS = {
    "GenerateDataKey": ("KeyId*", "KeySpec", "NumberOfBytes",
                        "EncryptionContext"),
    "Encrypt": ("KeyId*", "Plaintext*", "EncryptionContext"),
    "Decrypt": ("CiphertextBlob*", "EncryptionContext"),
    "ReEncrypt": ("CiphertextBlob*", "DestinationKeyId*",
                  "SourceEncryptionContext", "DestinationEncryptionContext"),
}
PREFIX = "alblob:"      # so that nobody takes a blob for base64


class Ali(lookalike.Service):
    faults = {
        "throttle": Refused("Rejected.Throttling", "QPS limit exceeded", 429),
        "throttle-user": Refused("Throttling.User", "denied by throttling"),
        "500": Refused("HTTP", "", 500),
        "503": Refused("HTTP", "", 503),
        "internal": Refused("InternalFailure", "Internal Failure.", 500),
        "nonce": Refused("SignatureNonceUsed", "used already"),
        "denied": Refused("Forbidden.NoPermission", "forbidden", 403),
        "invalid": Refused("InvalidCiphertextBlob", "not valid"),
        "expired": Refused("InvalidSecurityToken.Expired", "has expired"),
        "skew": Refused("InvalidTimeStamp.Expired", "expired"),
    }

    @staticmethod
    def arguments(parser):
        pass

    def __init__(self, directory, _):
        super().__init__(directory)
        self.nonces = set()
        profiles = []
        for user in USERS:
            self.secret(user.secret, *[user.token] if user.token else [])
            profiles.append({
                "name": user.name, "mode": "StsToken" if user.token else "AK",
                "access_key_id": user.id, "access_key_secret": user.secret,
                "sts_token": user.token, "region_id": REGION})
        main = profiles[0]
        profiles.append({**main, "name": "assumed", "mode": "RamRoleArn",
                         "ram_role_arn": ROLE, "ram_session_name": "night",
                         "expired_seconds": 900})
        self.secret(TOKEN)
        self.write("token", TOKEN + "\n")
        self.write("config.json", json.dumps(
            {"current": "default", "profiles": profiles}))
        self.write("credentials", "".join(
            f"[ini-{u.name}]\ntype = {'sts' if u.token else 'access_key'}\n"
            f"access_key_id = {u.id}\naccess_key_secret = {u.secret}\n"
            + (f"security_token = {u.token}\n" if u.token else "")
            for u in USERS))

    # --- replies

    def error(self, refused, request_id):
        if refused.code == "HTTP":
            return Reply(refused.status, b"<html>Bad Gateway</html>",
                         {"Content-Type": "text/html"})
        document = {"HttpStatus": refused.status, "Code": refused.code,
                    "Message": refused.text, "RequestId": request_id}
        return Reply(refused.status, json.dumps(document).encode(),
                     {"Content-Type": self.content_type})

    def document(self, fault, document, request_id):
        return super().document(fault, {**document, "RequestId": request_id},
                                request_id)

    def alter(self, fault, document):
        if fault == "short-key":
            return {**document, "Plaintext": b64(bytes(16))}
        other = KEYS[1] if document["KeyId"] == KEYS[0].id else KEYS[0]
        return {**document, "KeyId": other.id}

    # --- the signature

    def when(self, request):
        try:
            date = datetime.strptime(request.header("x-acs-date") or "",
                                     "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            raise Refused("InvalidTimeStamp.Format", "x-acs-date") from None
        return date.replace(tzinfo=timezone.utc).timestamp()

    def authenticate(self, request):
        match = acs3.FORM.fullmatch(request.header("Authorization") or "")
        if not match:
            raise Refused("IncompleteSignature", "Authorization")
        key_id, listed, given = match.groups()
        names = listed.split(";")
        nonce = request.header("x-acs-signature-nonce") or ""
        request.log.update(access_key=key_id, signed=listed,
                           host=request.header("Host"))
        user = next((u for u in USERS if u.id == key_id), None)
        if user is None:
            raise Refused("InvalidAccessKeyId.NotFound", "not found", 404)
        if (request.header("x-acs-security-token") or "") != user.token:
            raise Refused("InvalidSecurityToken.MismatchWithAccessKey", "token")
        if user.token and request.header("x-acs-accesskey-id") != key_id:
            raise Refused("MissingParameter", "x-acs-accesskey-id")
        if abs(self.when(request) - self.now()) > MAX_SKEW:
            raise self.faults["skew"]
        if not hmac.compare_digest(given, self.again(request, user, names)):
            raise Refused("SignatureDoesNotMatch", "The signature does not "
                          "match.")
        with self.lock:
            if len(nonce) < 16 or nonce in self.nonces:
                raise self.faults["nonce"]
            self.nonces.add(nonce)
        if self.is_expired(key_id):
            raise self.faults["expired"]
        return user

    @staticmethod
    def again(request, user, names):
        """The signature that it must have."""
        present = {n.lower() for n, _ in request.headers}
        needed = {"host"} | {n for n in present if n.startswith("x-acs-")}
        payload = sha256(request.body).hexdigest()
        if (names != sorted(set(names)) or not needed <= set(names)
                or request.header("x-acs-content-sha256") != payload):
            raise Refused("SignatureDoesNotMatch", "SignedHeaders")
        headers = {name: request.header(name) for name in names}
        if None in headers.values():
            raise Refused("SignatureDoesNotMatch", "a header is absent")
        path, _, query = request.path.partition("?")
        return acs3.signature(user.secret, acs3.canonical_request(
            request.method, path, query, headers, payload))

    # --- the parameters

    @staticmethod
    def take(request, action, names):
        """A dict of a query's parameters."""
        pairs = acs3.parameters(request.path.partition("?")[2])
        wanted = dict(pairs)
        if len(wanted) != len(pairs) or request.body:
            raise Refused("InvalidParameter", "twice, or in the body")
        known = {name.rstrip("*") for name in names}
        for name in wanted:
            if name not in known:
                raise Refused("InvalidParameter", f"{action}: {name}")
        for name in names:
            if name.endswith("*") and not wanted.get(name[:-1]):
                raise Refused("MissingParameter", name[:-1])
        return wanted

    @staticmethod
    def context(text):
        """What it means counts, not how it is written."""
        try:
            document = strict_json(text.encode()) if text else {}
            if not all(isinstance(v, str) for v in document.values()):
                raise ValueError("a value that is no text")
        except ValueError as error:
            raise Refused("InvalidParameter", f"EncryptionContext: {error}"
                          ) from None
        if len(text) > MAX_CONTEXT:
            raise Refused("InvalidParameter", "EncryptionContext")
        return json.dumps(document, sort_keys=True)

    def operation(self, request):
        action = request.header("x-acs-action") or ""
        request.log["operation"] = action
        if request.method != "POST" or request.path.partition("?")[0] != "/":
            raise Refused("UnsupportedHTTPMethod", "POST / please", 403)
        if action not in ACTIONS:
            raise Refused("InvalidAction.NotFound", action, 404)
        if request.header("x-acs-version") != "2016-01-20":
            raise Refused("InvalidVersion", "x-acs-version")
        if request.header("Accept") != "application/json":
            raise Refused("InvalidParameter", "it would be XML")
        user = self.authenticate(request)
        wanted = self.take(request, action, ACTIONS[action])
        request.log["parameters"] = {
            name: sha256(value.encode()).hexdigest()[:16]
            if name in ("CiphertextBlob", "Plaintext") else value
            for name, value in wanted.items()}
        if not user.allowed:
            raise self.faults["denied"]
        return getattr(self, action)(wanted)

    # --- keys and operations

    @staticmethod
    def find(name):
        arn = f"acs:kms:{REGION}:{ACCOUNT}:key/"
        name = ALIASES.get(name, name[len(arn):] if name.startswith(arn)
                           else name)
        for key in KEYS:
            if key.id == name:
                if key.state != "Enabled":
                    raise Refused("Rejected.Disabled", "it is Disabled", 409)
                return key
        what = "Alias" if name.startswith("alias/") else "Key"
        raise Refused(f"Forbidden.{what}NotFound", "not found", 404)

    def encrypt(self, key, text, context):
        bound = f"{key.id} {self.context(context)}".encode()
        return PREFIX + b64(bytes([len(key.id)]) + key.id.encode()
                            + seal(key.material(), text, bound))

    def decrypt(self, blob, context):
        bad = self.faults["invalid"]
        try:
            data = strict_b64(blob[len(PREFIX):])
        except ValueError:
            raise bad from None
        if not blob.startswith(PREFIX) or not data:
            raise bad
        end = 1 + data[0]
        key = self.find(data[1:end].decode("ascii", "replace"))
        text = unseal(key.material(), data[end:],
                      f"{key.id} {self.context(context)}".encode())
        if text is None:
            raise bad
        return key, text

    def GenerateDataKey(self, wanted):
        key = self.find(wanted["KeyId"])
        size = int(wanted.get("NumberOfBytes", 0))      # it wins over KeySpec
        if not size:
            spec = wanted.get("KeySpec", "AES_256")
            if spec not in ("AES_256", "AES_128"):
                raise Refused("InvalidParameter", "KeySpec")
            size = int(spec[4:]) // 8
        text = urandom(size)
        self.handed_out(text)
        return {"KeyId": key.id, "KeyVersionId": "v-1", "Plaintext": b64(text),
                "CiphertextBlob": self.encrypt(
                    key, text, wanted.get("EncryptionContext", ""))}

    def Encrypt(self, wanted):
        key = self.find(wanted["KeyId"])
        try:
            text = strict_b64(wanted["Plaintext"])
        except ValueError:
            raise Refused("InvalidParameter", "Plaintext") from None
        return {"KeyId": key.id, "KeyVersionId": "v-1",
                "CiphertextBlob": self.encrypt(
                    key, text, wanted.get("EncryptionContext", ""))}

    def Decrypt(self, wanted):
        key, text = self.decrypt(wanted["CiphertextBlob"],
                                 wanted.get("EncryptionContext", ""))
        return {"KeyId": key.id, "KeyVersionId": "v-1", "Plaintext": b64(text)}

    def ReEncrypt(self, wanted):
        source, text = self.decrypt(wanted["CiphertextBlob"],
                                    wanted.get("SourceEncryptionContext", ""))
        blob = self.encrypt(self.find(wanted["DestinationKeyId"]), text,
                            wanted.get("DestinationEncryptionContext", ""))
        # The model of the service: the key that has decrypted.
        return {"CiphertextBlob": blob, "KeyId": source.id,
                "KeyVersionId": "v-1"}

    # --- who hands out credentials

    def beside(self, request):
        query = dict(acs3.parameters(request.path.partition("?")[2]))
        if request.method == "GET" and request.path.startswith("/credentials"):
            made = self.uri
        elif request.header("x-acs-action") == "AssumeRole":
            made = self.assume
        elif query.get("Action") == "AssumeRoleWithOIDC":
            made = self.assume_with_token
        else:
            return None
        request.log["token"] = made.__name__
        return Reply(200, json.dumps(made(request)).encode(),
                     {"Content-Type": self.content_type})

    def role(self):
        user = USERS[2]
        return {"AccessKeyId": user.id, "AccessKeySecret": user.secret,
                "SecurityToken": user.token,
                "Expiration": time.strftime(
                    "%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now() + LIFETIME))}

    def uri(self, _):
        return {"Code": "Success", **self.role()}

    def check_role(self, wanted):
        if wanted.get("RoleArn") != ROLE:
            raise Refused("EntityNotExist.Role", "The role does not exist", 404)
        if not re.fullmatch(r"[\w.@-]{2,64}", wanted.get("RoleSessionName", "")):
            raise Refused("InvalidParameter.RoleSessionName", "no")
        if not 900 <= int(wanted.get("DurationSeconds", LIFETIME)) <= LIFETIME:
            raise Refused("InvalidParameter.DurationSeconds", "no")
        return {"Credentials": self.role(), "RequestId": "1",
                "AssumedRoleUser": {"Arn": ROLE, "AssumedRoleId": "3"}}

    def assume(self, request):
        if request.header("x-acs-version") != "2015-04-01":
            raise Refused("InvalidVersion", "x-acs-version")
        user = self.authenticate(request)
        wanted = self.take(request, "AssumeRole", (
            "RoleArn*", "RoleSessionName*", "DurationSeconds", "ExternalId"))
        if user is not USERS[0]:
            raise Refused("NoPermission", "not authorized", 403)
        return self.check_role(wanted)

    def assume_with_token(self, request):
        query = dict(acs3.parameters(request.path.partition("?")[2]))
        form = dict(acs3.parameters(request.body.decode()))
        kind = request.header("Content-Type") or ""
        if (request.method != "POST" or query.get("Version") != "2015-04-01"
                or query.get("Format") != "JSON"
                or not kind.startswith("application/x-www-form-urlencoded")
                or request.header("Authorization")):
            raise Refused("InvalidParameter", "form")
        stamp = datetime.strptime(query.get("Timestamp", ""),
                                  "%Y-%m-%dT%H:%M:%SZ")
        if abs(stamp.replace(tzinfo=timezone.utc).timestamp()
               - self.now()) > MAX_SKEW:
            raise self.faults["skew"]
        if (form.get("OIDCProviderArn") != PROVIDER
                or form.get("OIDCToken") != TOKEN):
            raise Refused("AuthenticationFail.OIDCToken.Invalid", "no")
        return self.check_role(form)


if __name__ == "__main__":
    lookalike.run(Ali)
