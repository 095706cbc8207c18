#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Huawei Cloud KMS as far as the tests need it: encrypt-data, decrypt-data and
# re-encrypt, version 1.0; beside it IAM, which names projects, and a pod's identity.
# Signatures are computed from the documentation, and by Huawei's SDK in
# test/kms/huawei/judge.mjs.  How to run it: lookalike.py
#
#   credentials   a section for each user
#   pod           the token of a pod, which asks at /pod
#   broken        read: iam, pod: those that answer 503

import hmac
import json
import re
from calendar import timegm
from dataclasses import dataclass
from hashlib import sha256
from time import gmtime, strftime, strptime
from urllib.parse import parse_qsl, quote, unquote

import lookalike
from lookalike import Refused, Reply, b64, seal, strict_b64, strict_json, unseal

MAX_SKEW = 15 * 60
MAX_AAD = 128
MAX_TEXT = 4096
REGION = "cn-north-4"
PROJECT = "0d0466b0e7274d9cb35df84bb474a37f"
OTHER_PROJECT = "1d0466b0e7274d9cb35df84bb474a37f"
ID = re.compile(r"[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}")
BLOB = "hwblob:"                # so that nobody takes it for base64


@dataclass
class Key:
    id: str
    project: str = PROJECT
    state: str = "enabled"

    def material(self):
        return sha256(f"huawei {self.id}".encode()).digest()


KEYS = [Key("0d0466b0-e727-4d9c-b35d-f84bb474a37f"),
        Key("1d0466b0-e727-4d9c-b35d-f84bb474a37f"),
        Key("2d0466b0-e727-4d9c-b35d-f84bb474a37f", state="disabled"),
        Key("3d0466b0-e727-4d9c-b35d-f84bb474a37f", state="deleted"),
        Key("4d0466b0-e727-4d9c-b35d-f84bb474a37f", OTHER_PROJECT)]


@dataclass
class User:
    profile: str
    id: str
    secret: str
    token: str = ""
    project: str = PROJECT
    allowed: bool = True


USERS = [
    User("basic", "BASIC0EXAMPLE0KEY000", "BasicSecret0EXAMPLE0KEY0000000000000000"),
    User("session", "SESSION0EXAMPLE0KEY0", "SessionSecret0EXAMPLE0KEY000000000000",
         "huaweiTOKENofTheSession0123456789abcdefEXAMPLE"),
    User("denied", "DENIED0EXAMPLE0KEY00", "DeniedSecret0EXAMPLE0KEY00000000000000",
         allowed=False),
    User("bare", "BARE00EXAMPLE0KEY000", "BareSecret0EXAMPLE0KEY00000000000000000",
         project=""),
    User("pod", "POD000EXAMPLE0KEY000", "PodSecret0EXAMPLE0KEY000000000000000000",
         "huaweiTOKENofThePod0123456789abcdefEXAMPLE", ""),
]

# Members of a request, all of them texts; those with a star must be there.
OPERATIONS = {
    "encrypt-data": ("key_id*", "plain_text*", "encryption_algorithm",
                     "additional_authenticated_data"),
    "decrypt-data": ("cipher_text*", "key_id", "encryption_algorithm",
                     "additional_authenticated_data"),
    "re-encrypt": ("cipher_text*", "source_key_id", "destination_key_id*",
                   "source_encryption_algorithm",
                   "destination_encryption_algorithm",
                   "source_additional_authenticated_data",
                   "destination_additional_authenticated_data"),
}


def gateway(text):
    return Refused("APIGW.0301", "Incorrect IAM authentication information: "
                   + text, 401)


def invalid(code, text):
    return Refused("KMS." + code, text)


def signature(secret, method, target, headers, body, date):
    """headers: a dict of those that are signed, by their names in order."""
    path, _, query = target.partition("?")
    path = "/".join(quote(unquote(part), safe="-_.~")
                    for part in path.split("/"))
    path += "" if path.endswith("/") else "/"
    pairs = sorted(parse_qsl(query, True))
    query = "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}"
                     for n, v in pairs)
    lines = "".join(f"{n}:{v.strip()}\n" for n, v in headers.items())
    request = (f"{method}\n{path}\n{query}\n{lines}\n{';'.join(headers)}\n"
               f"{sha256(body).hexdigest()}")
    text = (f"SDK-HMAC-SHA256\n{date}\n"
            f"{sha256(request.encode()).hexdigest()}")
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


class Huawei(lookalike.Service):
    key_member = "plain_text cipher_text"
    faults = {
        "throttle": Refused("APIGW.0308", "The throttling threshold has been "
                            "reached", 429),
        "500": Refused("KMS.0101", "internal error", 500),
        "503": Refused("HTTP", "", 503),
        "denied": Refused("KMS.0301", "no permission", 403),
        "invalid": invalid("0308", "the ciphertext is not valid"),
        "expired": gateway("decrypt token fail"),
        "skew": gateway("verify aksk signature fail: signature expired"),
    }

    @staticmethod
    def arguments(parser):
        parser.set_defaults()

    def __init__(self, directory, _):
        super().__init__(directory)
        self.pod_token = "Bearer huaweiTOKENofKubernetes0123456789EXAMPLE"
        self.secret(self.pod_token.split()[1])
        for user in USERS:
            self.secret(user.secret, *[user.token] if user.token else [])
        self.write("pod", self.pod_token + "\n")
        self.write("credentials", "".join(
            f"[{u.profile}]\nak = {u.id}\nsk = {u.secret}\n"
            + (f"security_token = {u.token}\n" if u.token else "")
            + (f"project_id = {u.project}\n" if u.project else "") + "\n"
            for u in USERS))

    def reply_headers(self, request_id):
        return {"X-Request-Id": request_id}

    def error(self, refused, request_id):
        if refused.code == "HTTP":
            return Reply(refused.status, b"<html>Bad Gateway</html>",
                         {"Content-Type": "text/html"})
        document = {"error_code": refused.code, "error_msg": refused.text}
        if refused.code.startswith("APIGW"):
            document["request_id"] = request_id
        else:
            document = {"error": document}
        return Reply(refused.status, json.dumps(document).encode(),
                     {"Content-Type": self.content_type,
                      **self.reply_headers(request_id)})

    def alter(self, fault, document):
        if fault == "short-key":
            return {**document, "plain_text": b64(bytes(16))}
        other = KEYS[1] if document["key_id"] == KEYS[0].id else KEYS[0]
        return {**document, "key_id": other.id}

    # --- who asks

    def authenticate(self, request):
        match = re.fullmatch(
            r"SDK-HMAC-SHA256 Access=([A-Z0-9]+), "
            r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
            request.header("Authorization") or "")
        if not match:
            raise gateway("Authorization")
        key_id, listed, given = match.groups()
        request.log.update(access_key=key_id, signed=listed,
                           host=request.header("Host"))
        names = listed.split(";")
        needed = {name.lower() for name, _ in request.headers
                  if re.fullmatch("host|content-type|x-.*", name, re.I)}
        if names != sorted(set(names)) or not needed <= set(names):
            raise gateway("SignedHeaders")
        date = request.header("X-Sdk-Date") or ""
        try:
            stamp = timegm(strptime(date, "%Y%m%dT%H%M%SZ"))
        except ValueError:
            raise gateway("X-Sdk-Date") from None
        user = next((u for u in USERS if u.id == key_id), None)
        if user is None:
            raise gateway("Get secretKey failed, ak not exist")
        if (request.header("X-Security-Token") or "") != user.token:
            raise gateway("decrypt token fail")
        if abs(stamp - self.now()) > MAX_SKEW:
            raise self.faults["skew"]
        headers = {name: request.header(name) or "" for name in names}
        if not hmac.compare_digest(given, signature(
                user.secret, request.method, request.path, headers,
                request.body, date)):
            raise gateway("verify aksk signature fail")
        if self.is_expired(key_id):
            raise self.faults["expired"]
        return user

    # --- beside the service

    def iam(self, request):
        user = self.authenticate(request)
        region = dict(parse_qsl(request.path.partition("?")[2])).get("name")
        found = [PROJECT] if region == REGION and user.allowed else []
        return {"links": {}, "projects": [
            {"id": project, "name": region, "enabled": True}
            for project in found]}

    def pod(self, request):
        if (request.header("Authorization") != self.pod_token
                or strict_json(request.body) != {}):
            raise gateway("pod")
        user = next(u for u in USERS if u.profile == "pod")
        ends = strftime("%Y-%m-%dT%H:%M:%S.000000Z", gmtime(self.now() + 3600))
        return {"credentials": {
            "accessKeyId": user.id, "secretAccessKey": user.secret,
            "securityToken": user.token, "expiration": ends}}

    def beside(self, request):
        for name, method, pattern in (("iam", "GET", r"/v3/projects\?.*"),
                                      ("pod", "POST", "/pod")):
            if request.method == method and re.fullmatch(pattern, request.path):
                break
        else:
            return None
        request.log["token"] = name
        if name in self.read("broken").split():
            raise Refused("HTTP", "", 503)
        return Reply(200, json.dumps(getattr(self, name)(request)).encode(),
                     {"Content-Type": self.content_type})

    # --- operations

    def operation(self, request):
        match = re.fullmatch(r"/v1\.0/([0-9a-z]{32})/kms/([a-z-]+)",
                             request.path)
        request.log["operation"] = f"{request.method} {request.path}"
        if request.method != "POST" or not match or \
                match.group(2) not in OPERATIONS:
            raise Refused("APIGW.0101", "The API does not exist", 404)
        project, action = match.groups()
        request.log.update(operation=action, project=project)
        user = self.authenticate(request)
        if not re.fullmatch("application/json(; ?charset=utf-8)?",
                            request.header("Content-Type") or "", re.I):
            raise invalid("0202", "Content-Type")
        if request.header("X-Project-Id") not in (None, project):
            raise invalid("0301", "X-Project-Id")
        wanted = self.members(request, action)
        if not user.allowed or (user.project or PROJECT) != project:
            raise self.faults["denied"]
        return getattr(self, action.replace("-", "_"))(wanted, project)

    @staticmethod
    def members(request, action):
        try:
            wanted = strict_json(request.body)
        except ValueError as error:
            raise invalid("0202", str(error)) from None
        allowed = {name.rstrip("*") for name in OPERATIONS[action]}
        request.log["parameters"] = {
            name: sha256(str(value).encode()).hexdigest()[:16]
            if name in ("cipher_text", "plain_text") else value
            for name, value in wanted.items()}
        for name, value in wanted.items():
            if name not in allowed or not isinstance(value, str):
                raise invalid("0308", f"parameter {name}")
            if name.endswith("key_id") and not ID.fullmatch(value):
                raise invalid("0205", "Invalid key ID.")
            if name.endswith("algorithm") and value != "SYMMETRIC_DEFAULT":
                raise invalid("0308", name)
            if name.endswith("_data") and not \
                    1 <= len(value.encode()) <= MAX_AAD:
                raise invalid("0208", "Invalid value of " + name)
        for name in OPERATIONS[action]:
            if name.endswith("*") and not wanted.get(name[:-1]):
                raise invalid("0204", f"no {name[:-1]}")
        return wanted

    @staticmethod
    def find(key_id, project):
        for key in KEYS:
            if (key.id, key.project) == (key_id, project):
                if key.state == "disabled":
                    raise invalid("0209", "The key has been disabled.")
                if key.state == "deleted":
                    raise invalid("0210", "The key is in Scheduled deletion "
                                  "state and cannot be used.")
                return key
        raise invalid("0205", "Invalid key ID.")

    def handed(self, text):
        self.secret(text)
        try:
            self.handed_out(strict_b64(text))
        except ValueError:
            pass

    @staticmethod
    def encrypt(key, text, aad):
        # One that was not given is another one than one that is empty.
        bound = f"{key.id} {aad!r}".encode()
        return BLOB + b64(key.id.encode()
                          + seal(key.material(), text.encode(), bound))

    def decrypt(self, blob, key_id, aad, project):
        try:
            data = strict_b64(blob[len(BLOB):])
        except ValueError:
            raise self.faults["invalid"] from None
        made_by = data[:36].decode("ascii", "replace")
        if not blob.startswith(BLOB) or key_id not in (None, made_by):
            raise self.faults["invalid"]
        key = self.find(made_by, project)
        text = unseal(key.material(), data[36:], f"{key.id} {aad!r}".encode())
        if text is None:
            raise self.faults["invalid"]
        return key, text.decode()

    def encrypt_data(self, wanted, project):
        key, text = self.find(wanted["key_id"], project), wanted["plain_text"]
        if len(text.encode()) > MAX_TEXT:
            raise invalid("0203", "too long")
        self.handed(text)
        return {"key_id": key.id, "cipher_text": self.encrypt(
            key, text, wanted.get("additional_authenticated_data"))}

    def decrypt_data(self, wanted, project):
        key, text = self.decrypt(
            wanted["cipher_text"], wanted.get("key_id"),
            wanted.get("additional_authenticated_data"), project)
        self.handed(text)
        return {"key_id": key.id, "plain_text": text,
                "plain_text_base64": b64(text.encode())}

    def re_encrypt(self, wanted, project):
        source, text = self.decrypt(
            wanted["cipher_text"], wanted.get("source_key_id"),
            wanted.get("source_additional_authenticated_data"), project)
        key = self.find(wanted["destination_key_id"], project)
        return {"key_id": key.id, "source_key_id": source.id,
                "source_encryption_algorithm": "SYMMETRIC_DEFAULT",
                "destination_encryption_algorithm": "SYMMETRIC_DEFAULT",
                "cipher_text": self.encrypt(key, text, wanted.get(
                    "destination_additional_authenticated_data"))}


if __name__ == "__main__":
    lookalike.run(Huawei)
