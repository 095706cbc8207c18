#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Google Cloud KMS as far as the tests need it: encrypt and decrypt, version 1, and
# all that hands out tokens: OAuth's token endpoint, STS, IAM credentials, a
# metadata server, and somebody else whose tokens are exchanged (/subject).
# How to run it: lookalike.py; proven by test/kms/google/judge.mjs.
#
#   service.json, denied.json   accounts with a key     user.json   a user
#   federated.json, impersonating.json   with this server's own addresses, which
#                                        only the official client follows
#   broken   read: of oauth, sts, iam, metadata, those that answer 503, and flavor
#            for a metadata server that does not say that it is Google's
#   refused  read: accounts and tokens that have expired

import base64
import hmac
import json
import os
import re
from hashlib import sha256
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import lookalike
from lookalike import Refused, Reply, b64, seal, strict_b64, strict_json, unseal

MAX_SKEW = 5 * 60
MAX_LIFETIME = 3600
MAX_TEXT = 65536
PREFIX = "https://www.googleapis.com/auth/"
RING = "projects/p/locations/global/keyRings/r/cryptoKeys/"
EMAIL = "%s@p.iam.gserviceaccount.com"
AUDIENCE = ("//iam.googleapis.com/projects/1/locations/global/"
            "workloadIdentityPools/pool/providers/ci")

# Names, and how many versions they have; the last one is the primary.
KEYS = {RING + "backup": 2, RING + "second": 1, RING + "off": 0}

# Who they are, and what they may do.
ROLES = {EMAIL % "service": ("encrypt", "decrypt"), EMAIL % "denied": (),
         EMAIL % "machine": ("encrypt", "decrypt"),
         "user": ("encrypt", "decrypt"), "federated": ("encrypt", "decrypt"),
         EMAIL % "writer": ("encrypt",)}

# Members of a request; those with a star must be there.
MEMBERS = {
    "encrypt": ("plaintext*", "additionalAuthenticatedData", "plaintextCrc32c",
                "additionalAuthenticatedDataCrc32c"),
    "decrypt": ("ciphertext*", "additionalAuthenticatedData",
                "ciphertextCrc32c", "additionalAuthenticatedDataCrc32c"),
}
CHECKED = {"plaintextCrc32c": ("plaintext", "verifiedPlaintextCrc32c"),
           "ciphertextCrc32c": ("ciphertext", None),
           "additionalAuthenticatedDataCrc32c": (
               "additionalAuthenticatedData",
               "verifiedAdditionalAuthenticatedDataCrc32c")}


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82f63b78 * (crc & 1)
    return crc ^ 0xffffffff


def b64url(text):
    if not re.fullmatch("[A-Za-z0-9_-]+", text):
        raise ValueError("no base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def invalid(text):
    return Refused("INVALID_ARGUMENT", text, 400)


def unauthenticated(text):
    return Refused("UNAUTHENTICATED", text, 401)


class Google(lookalike.Service):
    key_member = "plaintext ciphertext"
    faults = {
        "throttle": Refused("RESOURCE_EXHAUSTED", "quota exceeded", 429),
        "500": Refused("INTERNAL", "internal error", 500),
        "503": Refused("UNAVAILABLE", "try again", 503),
        "504": Refused("DEADLINE_EXCEEDED", "too late", 504),
        "denied": Refused("PERMISSION_DENIED", "denied on resource (or it may "
                          "not exist)", 403),
        "notfound": Refused("NOT_FOUND", "not found", 404),
        "invalid": invalid("Decryption failed"),
        "destroyed": Refused("FAILED_PRECONDITION", "is not enabled, current "
                             "state is: DESTROYED.", 400),
        "expired": unauthenticated("invalid authentication credentials"),
    }

    @staticmethod
    def arguments(parser):
        parser.set_defaults()

    def __init__(self, directory, _):
        super().__init__(directory)
        self.key = rsa.generate_private_key(65537, 2048)
        self.tokens = {}        # to who has them
        self.refresh = "1//refresh" + os.urandom(12).hex()
        self.client = "GOCSPX-" + os.urandom(12).hex()
        self.subject = "subject." + os.urandom(12).hex()
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode()
        self.secret(self.refresh, self.client, self.subject,
                    *pem.splitlines()[1:-1])
        for name in ("service", "denied", "writer"):
            self.put(name, {
                "type": "service_account", "project_id": "p",
                "private_key_id": name + "-key", "private_key": pem,
                "client_email": EMAIL % name, "client_id": "1",
                "token_uri": "http://127.0.0.1:1/never"})
        self.put("user", {
            "type": "authorized_user", "client_id": "client",
            "client_secret": self.client, "refresh_token": self.refresh,
            "quota_project_id": "billed"})

    def put(self, name, document):
        self.write(name + ".json", json.dumps(document))
        os.chmod(self.path(name + ".json"), 0o600)

    def write(self, name, text):
        """The port is known at last: files that have it."""
        if name == "port":
            here = f"http://127.0.0.1:{text.strip()}"
            document = {
                "type": "external_account", "audience": AUDIENCE,
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": here + "/v1/token",
                "credential_source": {
                    "url": here + "/subject?a=b",
                    "headers": {"Metadata": "True"}, "format": {
                        "type": "json", "subject_token_field_name": "value"}}}
            self.put("federated", document)
            self.put("impersonating", {
                **document, "service_account_impersonation_url": here
                + "/v1/projects/-/serviceAccounts/" + EMAIL % "writer"
                + ":generateAccessToken"})
        super().write(name, text)

    # --- how it answers

    def error(self, refused, request_id):
        if refused.code.islower():      # a token service's
            document = {"error": refused.code,
                        "error_description": refused.text}
        else:
            document = {"error": {"code": refused.status,
                                  "message": refused.text,
                                  "status": refused.code}}
        return Reply(refused.status, json.dumps(document).encode(),
                     {"Content-Type": self.content_type})

    def alter(self, fault, document):
        if fault == "short-key" and "plaintext" in document:
            text = bytes(16)
            return {**document, "plaintext": b64(text),
                    "plaintextCrc32c": str(crc32c(text))}
        if "name" in document:
            return {**document, "name": document["name"].replace(
                "/backup/", "/second/")}
        return document

    def document(self, fault, document, request_id):
        sums = [name for name in document if name.endswith("Crc32c")
                and not name.startswith("verified")]
        flags = [name for name in document if name.startswith("verified")]
        if fault == "wrong-crc":
            document.update({n: str(int(document[n]) ^ 1) for n in sums})
        elif fault == "no-crc":
            document = {n: v for n, v in document.items() if n not in sums}
        elif fault == "number-crc":             # the reply is good
            document.update({n: int(document[n]) for n in sums})
        elif fault == "unverified":
            document["verifiedPlaintextCrc32c"] = False
        elif fault == "unverified-aad":
            document["verifiedAdditionalAuthenticatedDataCrc32c"] = False
        elif fault == "no-flags":
            document = {n: v for n, v in document.items() if n not in flags}
        elif fault == "no-version" and "name" in document:
            document["name"] = document["name"].partition("/cryptoKeyV")[0]
        return super().document(fault, document, request_id)

    # --- tokens

    def new_token(self, who):
        token = "ya29." + os.urandom(24).hex()
        self.tokens[token] = who
        self.secret(token)
        return token

    @staticmethod
    def form(request):
        if request.header("Content-Type").partition(";")[0] != \
                "application/x-www-form-urlencoded":
            raise Refused("invalid_request", "Content-Type")
        pairs = parse_qsl(request.body.decode(), True, True)
        if len(dict(pairs)) != len(pairs):
            raise Refused("invalid_request", "a parameter twice")
        return dict(pairs)

    @staticmethod
    def is_scope(scopes):
        return sorted(scopes) in ([PREFIX + "cloud-platform"],
                                  [PREFIX + "cloud-platform",
                                   PREFIX + "cloudkms"])

    def oauth(self, request):
        form = self.form(request)
        if form.get("grant_type") != "refresh_token":
            raise Refused("unsupported_grant_type")
        if (form.get("client_id"), form.get("client_secret")) != (
                "client", self.client):
            raise Refused("invalid_client", "The OAuth client was not found.",
                          401)
        if form.get("refresh_token") != self.refresh or self.is_expired("user"):
            raise Refused("invalid_grant",
                          "Token has been expired or revoked.")
        return {"access_token": self.new_token("user"), "expires_in": 3599,
                "token_type": "Bearer", "scope": PREFIX + "cloud-platform"}

    def sts(self, request):
        form = self.form(request)
        kinds = "urn:ietf:params:oauth:token-type:"
        wanted = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": AUDIENCE, "subject_token_type": kinds + "jwt",
            "requested_token_type": kinds + "access_token"}
        for name, value in wanted.items():
            if form.get(name) != value:
                raise Refused("invalid_request", f"Invalid value for {name}")
        if not self.is_scope(form.get("scope", "").split(" ")):
            raise Refused("invalid_scope", "scope")
        if form.get("subject_token") != self.subject:
            raise Refused("invalid_grant", "The given token is not valid")
        return {"access_token": self.new_token("federated"),
                "expires_in": 3600, "token_type": "Bearer",
                "issued_token_type": kinds + "access_token"}

    def iam(self, request):
        if self.bearer(request) != "federated":
            raise Refused("PERMISSION_DENIED", "Permission "
                          "'iam.serviceAccounts.getAccessToken' denied", 403)
        wanted = strict_json(request.body)
        if (set(wanted) != {"scope", "lifetime"}
                or not self.is_scope(wanted["scope"])
                or not re.fullmatch(r"\d+s", wanted["lifetime"])):
            raise invalid("scope, lifetime")
        email = request.path.partition("/serviceAccounts/")[2].partition(":")[0]
        return {"accessToken": self.new_token(email),
                "expireTime": "2100-01-01T00:00:00Z"}

    def metadata(self, request):
        if request.header("Metadata-Flavor") != "Google":
            raise Refused("PERMISSION_DENIED", "Metadata-Flavor", 403)
        if request.path.partition("?")[0].endswith("/token"):
            return {"access_token": self.new_token(EMAIL % "machine"),
                    "expires_in": 3599, "token_type": "Bearer"}
        return {}               # the official client asks whether it is there

    def somebody(self, request):
        if request.header("Metadata") != "True" or request.path != \
                "/subject?a=b":
            raise Refused("invalid_request", "Metadata")
        return {"value": self.subject}

    def beside(self, request):
        for name, method, pattern in (
                ("oauth", "POST", "/token"), ("sts", "POST", "/v1/token"),
                ("iam", "POST", r"/v1/projects/-/serviceAccounts/[^/:]+:"
                                "generateAccessToken"),
                ("metadata", "GET", "/computeMetadata/v1/.*"),
                ("somebody", "GET", "/subject.*")):
            if request.method == method and re.fullmatch(pattern, request.path):
                break
        else:
            return None
        request.log["token"] = name
        broken = self.read("broken").split()
        if name in broken:
            raise Refused("UNAVAILABLE", "try again", 503)
        headers = {"Content-Type": self.content_type}
        if name == "metadata" and "flavor" not in broken:
            headers["Metadata-Flavor"] = "Google"
        return Reply(200, json.dumps(getattr(self, name)(request)).encode(),
                     headers)

    # --- who asks

    def bearer(self, request):
        """Who it is, by a JWT that his key has signed, or a token of ours."""
        header = request.header("Authorization") or ""
        if not header.startswith("Bearer "):
            raise unauthenticated("Request is missing required authentication "
                                  "credential.")
        token = header[7:]
        who = (self.account(request, token) if token.count(".") == 2
               else self.tokens.get(token))
        request.log["who"] = who
        if who is None or self.is_expired(who) or self.is_expired(token):
            raise unauthenticated("Request had invalid authentication "
                                  "credentials.")
        return who

    def account(self, request, token):
        signed, _, signature = token.rpartition(".")
        try:
            head, claims = (strict_json(b64url(part))
                            for part in signed.split("."))
            self.key.public_key().verify(b64url(signature), signed.encode(),
                                         padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature):
            raise unauthenticated("JWT") from None
        now, email = self.now(), claims.get("iss")
        request.log["jwt"] = {"head": dict(sorted(head.items())), "claims": dict(
            sorted({**claims, "exp": claims["exp"] - claims["iat"],
                    "iat": 0}.items()))}
        name = str(email).partition("@")[0]
        if (head != {"alg": "RS256", "typ": "JWT", "kid": name + "-key"}
                or set(claims) != {"iss", "sub", "scope", "iat", "exp"}
                or claims["sub"] != email
                or not self.is_scope(claims["scope"].split(" "))
                or not 0 < claims["exp"] - claims["iat"] <= MAX_LIFETIME
                or claims["iat"] > now + MAX_SKEW or claims["exp"] < now):
            raise unauthenticated("JWT claims")
        return email

    # --- operations

    def operation(self, request):
        path = request.path.partition("?")[0]
        match = re.fullmatch(
            r"/v1/(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/"
            r"[\w-]{1,63})(/cryptoKeyVersions/\d+)?:(encrypt|decrypt)", path)
        request.log["operation"] = f"{request.method} {path}"
        if request.method != "POST" or not match:
            raise Refused("NOT_FOUND", "not found", 404)
        name, version, action = match.groups()
        request.log.update(
            operation=action, key=name,
            project=request.header("x-goog-user-project"))
        who = self.bearer(request)
        wanted, flags = self.members(request, action)
        if action not in ROLES.get(who, ()) or name not in KEYS:
            raise Refused("PERMISSION_DENIED", "Permission 'cloudkms."
                          f"cryptoKeyVersions.useTo{action.title()}' denied on "
                          f"resource '{name}' (or it may not exist).", 403)
        if KEYS[name] == 0:
            raise Refused("FAILED_PRECONDITION", f"{name}/cryptoKeyVersions/1 "
                          "is not enabled, current state is: DISABLED.", 400)
        if action == "encrypt":
            number = int(version.rpartition("/")[2]) if version else KEYS[name]
            return {**self.encrypt(name, number, wanted), **flags}
        if version:
            raise invalid("decrypt takes a CryptoKey, not one of its versions")
        return self.decrypt(name, wanted)

    @staticmethod
    def members(request, action):
        """Its octets by their names, and the flags of those that were summed."""
        if not re.fullmatch("application/json(; ?charset=utf-8)?",
                            request.header("Content-Type") or "", re.I):
            raise invalid("Content-Type")
        allowed = {name.rstrip("*") for name in MEMBERS[action]}
        octets, flags = {}, {}
        try:
            wanted = strict_json(request.body)
            if not set(wanted) <= allowed:
                raise ValueError(f"Unknown name: {set(wanted) - allowed}")
            for name in wanted.keys() - CHECKED.keys():
                octets[name] = strict_b64(wanted[name])
        except ValueError as error:
            raise invalid(f"Invalid JSON payload received. {error}") from None
        for name in MEMBERS[action]:
            if name.endswith("*") and not octets.get(name[:-1]):
                raise invalid(f"{name[:-1]} must be set")
        request.log["parameters"] = {
            name: b64(octets[name])
            if name == "additionalAuthenticatedData" else
            sha256(octets[name]).hexdigest()[:16] if name in octets else value
            for name, value in wanted.items()}
        for name in wanted.keys() & CHECKED.keys():
            of, flag = CHECKED[name]
            if not re.fullmatch("0|[1-9][0-9]{0,9}", str(wanted[name])):
                raise invalid(f"Invalid value at '{name}' (Int64Value)")
            if int(wanted[name]) != crc32c(octets.get(of, b"")):
                raise invalid(f"The checksum in field {name} did not match")
            if flag:
                flags[flag] = True
        if sum(len(v) for v in octets.values()) > 2 * MAX_TEXT:
            raise invalid("too long")
        return octets, flags

    @staticmethod
    def material(name, number):
        return hmac.new(b"google", f"{name} {number}".encode(),
                        sha256).digest()

    def encrypt(self, name, number, wanted):
        if not 1 <= number <= KEYS[name]:
            raise Refused("NOT_FOUND", f"version {number} not found", 404)
        text = wanted["plaintext"]
        self.handed_out(text)
        blob = bytes([number]) + seal(
            self.material(name, number), text,
            wanted.get("additionalAuthenticatedData", b""))
        return {"name": f"{name}/cryptoKeyVersions/{number}",
                "ciphertext": b64(blob), "ciphertextCrc32c": str(crc32c(blob)),
                "protectionLevel": "SOFTWARE"}

    def decrypt(self, name, wanted):
        blob = wanted["ciphertext"]
        text = unseal(self.material(name, blob[0]), blob[1:],
                      wanted.get("additionalAuthenticatedData", b""))
        if text is None:
            raise invalid("Decryption failed: verify that 'name' refers to the "
                          "correct CryptoKey.")
        self.handed_out(text)
        return {"plaintext": b64(text), "plaintextCrc32c": str(crc32c(text)),
                "usedPrimary": blob[0] == KEYS[name],
                "protectionLevel": "SOFTWARE"}


if __name__ == "__main__":
    lookalike.run(Google)
