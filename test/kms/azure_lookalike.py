#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Azure Key Vault as far as the tests need it, version 7.4: get, versions, wrapkey and
# unwrapkey with RSA-OAEP-256, and all that hands out tokens: Entra ID, a machine's
# identity service (IMDS), App Service.
# How to run it: lookalike.py; proven by test/kms/azure/judge.mjs.
#
#   secret, token, header   what clients, workloads and App Service show
#   NAME.NUMBER.pem         the private key of a version; read where it is there
#   versions   read: "NAME COUNT" of keys that have another number of versions
#   disabled   read: "NAME/NUMBER" of versions
#   fault-at   read: the operation that faults are for; empty: all
#   broken     read: of entra, imds, app, those that answer 503
#   elsewhere  read: a URL that the link to the next page begins with
#   refused    read: who has a token that has expired

import base64
import json
import os
import re
import threading
import time
from hashlib import sha256
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import lookalike
from lookalike import Refused, Reply, strict_json

TENANT = "11111111-2222-3333-4444-555555555555"
PAGE = 10
VAULT, HSM = "unit.vault.azure.net", "unit.managedhsm.azure.net"
OPS = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)

# Names, and how many versions they have; the last one is the current one.
KEYS = {"backup": 1, "second": 1, "many": 12, "hsm": 1, "small": 1, "curve": 1,
        "symmetric": 1, "signs": 1, "over": 1, "early": 1}

# Who may do what; clients have the secret or the token.
ALL = ("get", "versions", "wrapkey", "unwrapkey")
ROLES = {"restore": ALL, "backup": ("get",), "unlisted": ("get", "unwrapkey"),
         "nobody": (), "workload": ALL, "machine": ALL, "other-machine": ALL,
         "app": ALL}


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def strict_b64url(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text:
        raise ValueError("no base64url")
    return data


def inner(code, text):
    """Forbidden, and why in an error of its own."""
    return Refused("Forbidden/" + code, text, 403)


def octets(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def version_of(name, number):
    return sha256(f"{name} {number}".encode()).hexdigest()[:32]


class Azure(lookalike.Service):
    key_member = "value n"
    content_type = "application/json; charset=utf-8"
    faults = {
        "throttle": Refused("Throttled", "too many requests", 429),
        "500": Refused("InternalServerError", "internal error", 500),
        "503": Refused("ServiceUnavailable", "try again", 503),
        "504": Refused("GatewayTimeout", "too late", 504),
        "denied": inner("ForbiddenByRbac", "Caller is not authorized"),
        "firewall": inner("ForbiddenByFirewall", "Client address is not "
                          "authorized"),
        "notfound": Refused("KeyNotFound", "was not found in this key vault",
                            404),
        "expired": Refused("Unauthorized", "AKV10022: Invalid audience", 401),
    }

    @staticmethod
    def arguments(parser):
        parser.set_defaults()

    def __init__(self, directory, options):
        super().__init__(directory)
        self.scheme = "https" if options.tls else "http"
        self.keys, self.tokens = {}, {}     # tokens: to who has them, for what
        self.at = threading.local()         # what is asked
        self.shown = {name: f"{name}~" + os.urandom(12).hex()
                      for name in ("secret", "token", "header")}
        for name, text in self.shown.items():
            self.write(name, text + "\n")
            os.chmod(self.path(name), 0o600)
        self.secret(*self.shown.values())
        for name in ("backup", "second"):
            self.key(name, 1)

    # --- keys

    def key(self, name, number):
        """Versions of one key have different ones; of many only two do."""
        if name == "many":
            number = min(number, 2)
        path = self.path(f"{name}.{number}.pem")
        with self.lock:
            if (name, number) in self.keys:
                return self.keys[name, number]
            if os.path.exists(path):
                with open(path, "rb") as file:
                    key = serialization.load_pem_private_key(file.read(), None)
            else:
                key = rsa.generate_private_key(
                    65537, 1024 if name == "small" else 2048)
                with open(path, "wb") as file:
                    file.write(key.private_bytes(
                        serialization.Encoding.PEM,
                        serialization.PrivateFormat.PKCS8,
                        serialization.NoEncryption()))
            self.keys[name, number] = key
            return key

    def count(self, name):
        counts = dict(line.split() for line
                      in self.read("versions").splitlines())
        return int(counts.get(name, KEYS[name]))

    def find(self, name, version):
        """The number of a version; 0 for none."""
        if name not in KEYS:
            return 0
        if not version:
            return self.count(name)
        for number in range(1, self.count(name) + 1):
            if version_of(name, number) == version:
                return number
        return 0

    def is_disabled(self, name, number):
        return f"{name}/{number}" in self.read("disabled").split()

    def item(self, name, number):
        attributes = {"enabled": not self.is_disabled(name, number),
                      "created": 1493942451 + number, "updated": 1493942451,
                      "recoveryLevel": "Recoverable"}
        if name == "over":
            attributes["exp"] = int(time.time()) - 10
        if name == "early":
            attributes["nbf"] = int(time.time()) + 1000
        host = HSM if name == "hsm" else VAULT
        return {"kid": f"https://{host}/keys/{name}/{version_of(name, number)}",
                "attributes": attributes, "tags": {}}

    def get(self, name, number):
        item = self.item(name, number)
        key = {"kid": item.pop("kid"), "key_ops": OPS}
        if name == "curve":
            key.update(kty="EC", crv="P-256", x=b64url(bytes(32)),
                       y=b64url(bytes(32)))
        elif name == "symmetric":
            key.update(kty="oct-HSM", key_ops=["wrapKey", "unwrapKey"])
        else:
            public = self.key(name, number).public_key().public_numbers()
            key.update(kty="RSA-HSM" if name == "hsm" else "RSA",
                       n=b64url(octets(public.n)), e=b64url(octets(public.e)))
        if name == "signs":
            key["key_ops"] = ["sign", "verify"]
        return {"key": key, **item}

    def versions(self, name, query):
        """In the order of their names, a page at a time."""
        try:
            skip = int(query.get("$skiptoken", "0"))
            size = int(query.get("maxresults", "25"))
        except ValueError:
            size = 0
        if not 1 <= size <= 25:
            raise Refused("BadParameter", "maxresults")
        size = min(size, PAGE)
        numbers = sorted(range(1, self.count(name) + 1),
                         key=lambda number: version_of(name, number))
        there = (self.read("elsewhere")
                 or f"https://{VAULT}:443/keys/{name.upper()}/versions")
        return {"value": [self.item(name, n)
                          for n in numbers[skip:skip + size]],
                "nextLink": f"{there}?api-version=7.4&$skiptoken={skip + size}"
                            f"&maxresults={size}"
                if skip + size < len(numbers) else None}

    def convert(self, request, name, number, action):
        if not re.match("application/json(;|$)",
                        request.header("Content-Type") or ""):
            raise Refused("BadParameter", "Content-Type", 415)
        try:
            wanted = strict_json(request.body)
            if set(wanted) != {"alg", "value"} or \
                    wanted["alg"] != "RSA-OAEP-256":
                raise ValueError(f"{sorted(wanted)}")
            value = strict_b64url(wanted["value"])
            key = self.key(name, number)
            made = (key.decrypt(value, OAEP) if action == "unwrapkey"
                    else key.public_key().encrypt(value, OAEP))
        except ValueError as error:
            raise Refused("BadParameter", f"The parameter is incorrect. {error}"
                          ) from None
        if action == "unwrapkey":
            self.handed_out(made)
            self.secret(b64url(made))
        return {"kid": self.item(name, number)["kid"], "value": b64url(made)}

    # --- how it answers

    def error(self, refused, request_id):
        if refused.code.islower():      # Entra ID's
            document = {"error": refused.code,
                        "error_description": refused.text}
        else:
            code, _, why = refused.code.partition("/")
            document = {"error": {"code": code, "message": refused.text,
                                  **({"innererror": {"code": why}}
                                     if why else {})}}
        headers = {"Content-Type": self.content_type,
                   "x-ms-request-id": request_id}
        if refused.code == "Unauthorized":
            headers["WWW-Authenticate"] = (
                'Bearer authorization="https://login.microsoftonline.com/'
                f'{TENANT}", resource="https://vault.azure.net"')
        return Reply(refused.status, json.dumps(document).encode(), headers)

    def reply_headers(self, request_id):
        return {"x-ms-request-id": request_id}

    def alter(self, fault, document):
        if fault == "short-key" and "kid" in document:
            return {**document, "value": b64url(bytes(16))}
        text = json.dumps(document)
        return json.loads(text.replace("/keys/backup/", "/keys/second/"))

    def next_fault(self):
        at = self.read("fault-at")
        if at and at != self.at.action:
            return None
        # What fits to a reply that has a key; the others let it wait.
        return (None if self.at.action != "unwrapkey"
                and self.read("faults").startswith("short-key")
                else super().next_fault())

    # --- tokens

    def new_token(self, who, resource):
        token = "eyJ0." + os.urandom(24).hex()
        self.tokens[token] = (who, resource)
        self.secret(token)
        return {"access_token": token, "token_type": "Bearer"}

    def entra(self, request, tenant):
        pairs = parse_qsl(request.body.decode(), True, True)
        form = dict(pairs)
        if (request.header("Content-Type") or "").partition(";")[0] != \
                "application/x-www-form-urlencoded" or len(form) != len(pairs):
            raise Refused("invalid_request", "AADSTS900144: form", 400)
        if tenant != TENANT:
            raise Refused("invalid_request", "AADSTS90002: Tenant not found")
        if form.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type", "AADSTS70003")
        resource, _, rest = form.get("scope", "").partition("/.default")
        if rest.strip(" ") not in ("", "openid profile offline_access") or \
                resource not in ("https://vault.azure.net",
                                 "https://managedhsm.azure.net"):
            raise Refused("invalid_scope", "AADSTS1002012: scope")
        who = form.get("client_id")
        if "client_assertion" in form:
            good = (form["client_assertion"], form["client_assertion_type"]) \
                == (self.shown["token"], "urn:ietf:params:oauth:"
                    "client-assertion-type:jwt-bearer") and who == "workload"
        else:
            good = form.get("client_secret") == self.shown["secret"]
        if not good or who not in ROLES:
            raise Refused("invalid_client", "AADSTS7000215: Invalid client "
                          "secret provided.", 401)
        return {**self.new_token(who, resource), "expires_in": 3599,
                "ext_expires_in": 3599}

    def imds(self, request, query):
        if request.header("Metadata") != "true":
            request.log["token"] = "probe"
            raise Refused("invalid_request", "Required metadata header not "
                          "specified")
        if query.get("api-version") != "2018-02-01":
            raise Refused("invalid_request", "api-version")
        who = {None: "machine", "other": "other-machine"}.get(
            query.get("client_id"))
        if who is None:
            raise Refused("invalid_request", "Identity not found")
        return {**self.new_token(who, query["resource"]),
                "expires_in": "86399", "resource": query["resource"],
                "expires_on": str(int(time.time()) + 86399)}

    def app(self, request, query):
        if request.header("X-IDENTITY-HEADER") != self.shown["header"] or \
                query.get("api-version") != "2019-08-01":
            raise Refused("invalid_request", "X-IDENTITY-HEADER", 401)
        return {**self.new_token("app", query["resource"]),
                "expires_on": str(int(time.time()) + 3600),
                "resource": query["resource"]}

    def beside(self, request):
        path, _, query = request.path.partition("?")
        query = dict(parse_qsl(query))
        entra = re.fullmatch(r"/([\w.-]+)/oauth2/v2\.0/token", path)
        known = re.fullmatch(r"/([\w.-]+)/v2\.0/\.well-known/"
                             "openid-configuration", path)
        what = {"/metadata/identity/oauth2/token": "imds",
                "/msi/token": "app"}.get(path.rstrip("/"))
        if entra and request.method == "POST":
            what = "entra"
        elif known:
            what = "known"
        if what is None:
            return None
        request.log["token"] = what
        if what in self.read("broken").split():
            raise Refused("temporarily_unavailable", "try again", 503)
        if known:               # the official client asks before the token
            base = f"{self.scheme}://{request.header('Host')}/{known[1]}"
            document = {"token_endpoint": base + "/oauth2/v2.0/token",
                        "authorization_endpoint": base + "/authorize",
                        "end_session_endpoint": base + "/logout",
                        "jwks_uri": base + "/keys", "issuer": base + "/v2.0"}
        elif entra:
            document = self.entra(request, entra[1])
        else:
            document = getattr(self, what)(request, query)
        return Reply(200, json.dumps(document).encode(),
                     {"Content-Type": self.content_type})

    # --- operations

    def bearer(self, request, name):
        header = request.header("Authorization") or ""
        who, resource = self.tokens.get(header.removeprefix("Bearer "),
                                        (None, None))
        request.log["who"] = who
        if who is None or self.is_expired(who) or resource != (
                "https://managedhsm.azure.net" if name == "hsm"
                else "https://vault.azure.net"):
            raise Refused("Unauthorized", "AKV10000: Request is missing a "
                          "Bearer or PoP token.", 401)
        return who

    def serve(self, request):
        path = request.path.partition("?")[0]
        match = re.fullmatch(
            r"/keys/([A-Za-z0-9-]+)(?:/([A-Za-z0-9-]*))?(?:/(\w+))?", path)
        self.at.match = match.groups() if match else None
        self.at.action = None
        if match:
            _, version, action = match.groups()
            self.at.action = ("versions" if version == "versions" else action
                              or "get")
        return super().serve(request)

    def operation(self, request):
        action = self.at.action
        request.log["operation"] = action or request.path
        if self.at.match is None:
            raise Refused("NotFound", "no such resource", 404)
        name, version, _ = self.at.match
        request.log.update(key=name, version=version)
        query = dict(parse_qsl(request.path.partition("?")[2]))
        if not re.fullmatch(r"7\.\d|20\d\d-\d\d-\d\d",
                            query.get("api-version", "")):
            raise Refused("BadParameter", "api-version")
        who = self.bearer(request, name)
        if action not in ROLES[who] or request.method != (
                "GET" if action in ("get", "versions") else "POST"):
            raise inner("ForbiddenByRbac", f"Caller is not authorized to "
                        f"perform action on resource. {action}")
        if action == "versions":
            if name not in KEYS:
                raise self.faults["notfound"]
            return self.versions(name, query)
        number = self.find(name, version)
        if not number:
            raise self.faults["notfound"]
        if self.is_disabled(name, number):
            raise inner("KeyDisabled", f"Operation {action} is not allowed "
                        "on a disabled key.")
        if action == "get":
            return self.get(name, number)
        return self.convert(request, name, number, action)


if __name__ == "__main__":
    lookalike.run(Azure)
