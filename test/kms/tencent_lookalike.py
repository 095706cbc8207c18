#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Tencent Cloud KMS as far as the tests need it: GenerateDataKey, Encrypt,
# Decrypt and ReEncrypt, version 2019-01-18, and a machine's credentials.
# The signature is computed twice, from the documentation and by the signer of
# Tencent's SDK.  How to run it: lookalike.py; --sdk DIR is a node_modules.

import hmac
import json
import re
from dataclasses import dataclass
from hashlib import sha256
from os import urandom

import lookalike
import tc3
from lookalike import Refused, Reply, b64, seal, strict_b64, strict_json, unseal

MAX_SKEW = 5 * 60
MAX_CONTEXT = 1024


@dataclass
class Key:
    region: str
    id: str
    state: str = "Enabled"

    def material(self):
        return sha256(f"tencent {self.region} {self.id}".encode()).digest()


KEYS = [Key("ap-guangzhou", "1b3b7c2e-58b2-11ee-9d4f-525400d31bd1"),
        Key("ap-guangzhou", "2b3b7c2e-58b2-11ee-9d4f-525400d31bd1"),
        Key("ap-singapore", "3b3b7c2e-58b2-11ee-9d4f-525400d31bd1"),
        Key("ap-guangzhou", "4b3b7c2e-58b2-11ee-9d4f-525400d31bd1", "Disabled")]


@dataclass
class User:
    profile: str
    id: str
    secret: str
    token: str = ""
    allowed: bool = True


USERS = [
    User("default", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
         "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"),
    User("session", "AKIDsessionYKBZQpn74WFkmLPx3EXAMPLE",
         "Hu5t9xGARNpq86cd98joQYCN3EXAMPLE",
         "tencentTOKENofTheSession0123456789abcdefEXAMPLE"),
    User("denied", "AKIDdeniedYKBZQpn74WFkmLPx3EXAMPLE",
         "Iu5t9xGARNpq86cd98joQYCN3EXAMPLE", allowed=False),
]

# Parameters, and their types; those with a star must be there.
ACTIONS = {
    "GenerateDataKey": {"KeyId*": str, "KeySpec": str, "NumberOfBytes": int,
                        "EncryptionContext": str},
    "Encrypt": {"KeyId*": str, "Plaintext*": str, "EncryptionContext": str},
    "Decrypt": {"CiphertextBlob*": str, "EncryptionContext": str},
    "ReEncrypt": {"CiphertextBlob*": str, "DestinationKeyId": str,
                  "SourceEncryptionContext": str,
                  "DestinationEncryptionContext": str},
}
PREFIX = "tcblob:"      # so that nobody takes a blob for base64


class Tencent(lookalike.Service):
    is_proxy = True
    faults = {
        "throttle": Refused("RequestLimitExceeded", "too many requests"),
        "throttle-uin": Refused("RequestLimitExceeded.UinLimitExceeded", "uin"),
        "500": Refused("HTTP", "", 500),
        "503": Refused("HTTP", "", 503),
        "internal": Refused("InternalError", "internal error"),
        "denied": Refused("UnauthorizedOperation", "not authorized"),
        "invalid": Refused("InvalidParameterValue.InvalidCiphertext", "no"),
        "expired": Refused("AuthFailure.TokenFailure", "token expired"),
        "skew": Refused("AuthFailure.SignatureExpire", "expired"),
    }

    @staticmethod
    def arguments(parser):
        parser.add_argument("--sdk", required=True)

    def __init__(self, directory, options):
        super().__init__(directory)
        self.sdk = tc3.Sdk(options.sdk)
        for user in USERS:
            self.secret(user.secret, *[user.token] if user.token else [])
        self.write("credentials", "".join(
            f"[{u.profile}]\nsecret_id = {u.id}\nsecret_key = {u.secret}\n"
            + (f"token = {u.token}\n" if u.token else "") + "\n"
            for u in USERS))

    def error(self, refused, request_id):
        if refused.status >= 500:
            return Reply(refused.status, b"<html>Bad Gateway</html>",
                         {"Content-Type": "text/html"})
        document = {"Response": {
            "Error": {"Code": refused.code, "Message": refused.text},
            "RequestId": request_id}}
        return Reply(200, json.dumps(document).encode(),
                     {"Content-Type": self.content_type})

    def document(self, fault, document, request_id):
        whole = {"Response": {**document, "RequestId": request_id}}
        return super().document(fault, whole, request_id)

    def alter(self, fault, document):
        if fault == "short-key":
            return {**document, "Plaintext": b64(bytes(16))}
        other = KEYS[1] if document["KeyId"] == KEYS[0].id else KEYS[0]
        return {**document, "KeyId": other.id}

    # --- the signature

    def authenticate(self, request):
        match = re.fullmatch(
            r"TC3-HMAC-SHA256 Credential=([A-Za-z0-9]+)/(\d{4}-\d\d-\d\d)"
            r"/([a-z0-9]+)/tc3_request, ?SignedHeaders=([a-z0-9;-]+), ?"
            r"Signature=([0-9a-f]{64})", request.header("Authorization") or "")
        if not match:
            raise Refused("AuthFailure.InvalidAuthorization", "Authorization")
        key_id, date, service, listed, given = match.groups()
        request.log.update(access_key=key_id, signed=listed,
                           scope=f"{date}/{service}/tc3_request",
                           host=request.header("Host"))
        stamp = request.header("X-TC-Timestamp") or ""
        if (not re.fullmatch(r"\d{10}", stamp)
                or tc3.date_of(int(stamp)) != date):
            raise Refused("AuthFailure.SignatureFailure", "date and timestamp")
        user = next((u for u in USERS if u.id == key_id), None)
        if user is None:
            raise Refused("AuthFailure.SecretIdNotFound",
                          "The SecretId is not found")
        if (request.header("X-TC-Token") or "") != user.token:
            raise Refused("AuthFailure.TokenFailure", "the token is wrong")
        if abs(int(stamp) - self.now()) > MAX_SKEW:
            raise Refused("AuthFailure.SignatureExpire", "The provided "
                          "credentials or timestamp have expired")
        if not hmac.compare_digest(given, self.again(
                request, user, int(stamp), service, listed.split(";"))):
            raise Refused("AuthFailure.SignatureFailure", "The provided "
                          "credentials could not be validated. Please check "
                          "your signature is correct.")
        if self.is_expired(key_id):
            raise self.faults["expired"]
        return user

    def again(self, request, user, stamp, service, names):
        """The signature that it must have."""
        if names != sorted(set(names)) or not {"content-type",
                                               "host"} <= set(names):
            raise Refused("AuthFailure.SignatureFailure", "SignedHeaders")
        headers = {name: request.header(name) for name in names}
        if None in headers.values():
            raise Refused("AuthFailure.SignatureFailure", "a header is absent")
        host, kind = headers["host"], headers["content-type"]
        bare = host.partition(":")[0]
        # Tencent's own client leaves the port out, and takes the service from
        # the first label of the host.  Nobody else may.
        is_sdk = (request.header("X-TC-RequestClient") or "").startswith("SDK_")
        if is_sdk and service == bare.partition(".")[0]:
            headers["host"] = bare
        elif service != "kms":
            raise Refused("AuthFailure.SignatureFailure", "service " + service)
        request.log["sdk"] = is_sdk

        # What the SDK's code makes of the two headers that it knows is what
        # ours makes of them.
        two = {"content-type": kind, "host": bare}
        if tc3.signature(user.secret, two, request.body, stamp,
                         service) != self.sdk.signature(
                user.secret, bare, kind, request.body, stamp, service):
            raise Refused("AuthFailure.SignatureFailure", "the SDK differs")
        return tc3.signature(user.secret, headers, request.body, stamp, service)

    # --- the parameters

    def parameters(self, request, action):
        kinds = {name.rstrip("*"): kind
                 for name, kind in ACTIONS[action].items()}
        try:
            wanted = strict_json(request.body)
        except ValueError as error:
            raise Refused("InvalidParameter", str(error)) from None
        request.log["parameters"] = {
            name: sha256(str(value).encode()).hexdigest()[:16]
            if name in ("CiphertextBlob", "Plaintext") else value
            for name, value in wanted.items()}
        for name, value in wanted.items():
            if name not in kinds:
                raise Refused("UnknownParameter", f"The parameter `{name}` is "
                              "not recognized.")
            if type(value) is not kinds[name]:
                raise Refused("InvalidParameter", f"type of {name}")
            if name.endswith("EncryptionContext"):
                self.context(value)
        for name in ACTIONS[action]:
            if name.endswith("*") and not wanted.get(name[:-1]):
                raise Refused("MissingParameter", name[:-1])
        return wanted

    @staticmethod
    def context(text):
        """A JSON object of texts; its bytes count, not what they mean."""
        try:
            document = strict_json(text.encode()) if text else {}
            if not all(isinstance(v, str) for v in document.values()):
                raise ValueError("a value that is no text")
        except ValueError as error:
            raise Refused("InvalidParameterValue", f"EncryptionContext: {error}"
                          ) from None
        if len(text) > MAX_CONTEXT:
            raise Refused("InvalidParameterValue", "EncryptionContext")

    def operation(self, request):
        action = request.header("X-TC-Action") or ""
        region = request.header("X-TC-Region") or ""
        request.log.update(operation=action, region=region)
        if request.method != "POST" or request.path != "/":
            raise Refused("UnsupportedProtocol", "POST / please")
        if request.header("X-TC-Version") != "2019-01-18":
            raise Refused("NoSuchVersion", "X-TC-Version")
        if action not in ACTIONS:
            raise Refused("InvalidAction", action)
        if not re.fullmatch("application/json(; ?charset=utf-8)?",
                            request.header("Content-Type") or ""):
            raise Refused("UnsupportedProtocol", "Content-Type")
        if region not in {key.region for key in KEYS}:
            raise Refused("UnsupportedRegion", region)
        user = self.authenticate(request)
        wanted = self.parameters(request, action)
        if not user.allowed:
            raise Refused("UnauthorizedOperation", f"not allowed: {action}")
        return getattr(self, action)(wanted, region)

    # --- keys and operations

    @staticmethod
    def find(key_id, region):
        for key in KEYS:
            if (key.id, key.region) == (key_id, region):
                if key.state != "Enabled":
                    raise Refused("ResourceUnavailable.CmkDisabled", key_id)
                return key
        raise Refused("ResourceUnavailable.CmkNotFound", key_id)

    @staticmethod
    def encrypt(key, text, context):
        bound = f"{key.id} {context}".encode()
        return PREFIX + b64(key.id.encode() + seal(key.material(), text, bound))

    def decrypt(self, blob, context, region):
        bad = Refused("InvalidParameterValue.InvalidCiphertext",
                      "the ciphertext is not valid")
        try:
            data = strict_b64(blob[len(PREFIX):])
        except ValueError:
            raise bad from None
        if not blob.startswith(PREFIX) or len(data) < 36:
            raise bad
        key = self.find(data[:36].decode("ascii", "replace"), region)
        text = unseal(key.material(), data[36:], f"{key.id} {context}".encode())
        if text is None:
            raise bad
        return key, text

    def GenerateDataKey(self, wanted, region):
        key = self.find(wanted["KeyId"], region)
        size = wanted.get("NumberOfBytes")      # it wins over KeySpec
        if size is None:
            size = {"AES_256": 32, "AES_128": 16}.get(wanted.get("KeySpec"))
        if size is None or not 1 <= size <= 1024:
            raise Refused("InvalidParameterValue", "KeySpec, NumberOfBytes")
        text = urandom(size)
        self.handed_out(text)
        return {"KeyId": key.id, "Plaintext": b64(text),
                "CiphertextBlob": self.encrypt(
                    key, text, wanted.get("EncryptionContext", ""))}

    def Encrypt(self, wanted, region):
        key = self.find(wanted["KeyId"], region)
        try:
            text = strict_b64(wanted["Plaintext"])
        except ValueError:
            raise Refused("InvalidParameterValue.InvalidPlaintext", "base64"
                          ) from None
        return {"KeyId": key.id, "CiphertextBlob": self.encrypt(
            key, text, wanted.get("EncryptionContext", ""))}

    def Decrypt(self, wanted, region):
        key, text = self.decrypt(wanted["CiphertextBlob"],
                                 wanted.get("EncryptionContext", ""), region)
        return {"KeyId": key.id, "Plaintext": b64(text)}

    def ReEncrypt(self, wanted, region):
        source, text = self.decrypt(
            wanted["CiphertextBlob"],
            wanted.get("SourceEncryptionContext", ""), region)
        key = self.find(wanted.get("DestinationKeyId") or source.id, region)
        blob = self.encrypt(key, text,
                            wanted.get("DestinationEncryptionContext", ""))
        return {"CiphertextBlob": blob, "KeyId": key.id,
                "SourceKeyId": source.id, "ReEncrypted": True}


if __name__ == "__main__":
    lookalike.run(Tencent)
