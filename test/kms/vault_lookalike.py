#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The transit engine of HashiCorp Vault and OpenBao as far as the tests need it:
# keys and their versions, data keys, encrypt, decrypt, rewrap, derived keys,
# namespaces, tokens.  No such server is packaged; this one is written from
# OpenBao's documentation and proven by hvac.  How to run it: lookalike.py.

import hmac
import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from os import urandom

import lookalike
from lookalike import Refused, Reply, b64, seal, strict_b64, strict_json, unseal

ROOT = "hvs.CAESIrootTOKENofTheLookAlike0123456789EXAMPLE"
LIMITED = "hvs.CAESIlimitedTOKENofTheLookAlike01234EXAMPLE"
OLD = "s.oldTOKENofTheLookAlike"
MOUNTS = ("transit", "team/transit")
NAMESPACES = ("", "ns1/", "ns1/ns2/")
MEMBERS = {     # a star: must be there
    "datakey": {"bits": int, "context": str, "nonce": str},
    "encrypt": {"plaintext*": str, "context": str, "key_version": int,
                "type": str, "nonce": str},
    "decrypt": {"ciphertext*": str, "context": str, "nonce": str},
    "rewrap": {"ciphertext*": str, "context": str, "key_version": int,
               "nonce": str},
}


def refused(text, status=400):
    return Refused(text, text, status)


@dataclass
class Key:
    name: str
    derived: bool = False
    versions: list = field(default_factory=lambda: [urandom(32)])
    min_decryption: int = 1

    def key(self, version, context):
        """Where the key is not derived, Vault does not look at a context."""
        if not self.derived:
            return self.versions[version - 1]
        if not context:
            raise refused("missing 'context' for key derivation; the key was "
                          "created using a derived key, which means additional,"
                          " per-request information must be included in order "
                          "to perform operations with the key")
        return hmac.new(self.versions[version - 1], context, sha256).digest()


class Vault(lookalike.Service):
    key_member = "plaintext"
    faults = {
        "throttle": refused("rate limit quota exceeded", 429),
        "412": refused("required index state not present", 412),
        "500": refused("internal error", 500),
        "502": refused("bad gateway", 502),
        "503": refused("Vault is sealed", 503),
        "denied": refused("permission denied", 403),
        "notfound": refused("no handler for route", 404),
        "invalid": refused("invalid ciphertext: no prefix"),
    }

    @staticmethod
    def arguments(parser):
        parser.set_defaults()

    def __init__(self, directory, _):
        super().__init__(directory)
        self.keys = {}
        for namespace in NAMESPACES:
            for mount in MOUNTS:
                for name, derived in (("backup", False), ("second", False),
                                      ("derived", True)):
                    self.keys[namespace, mount, name] = Key(name, derived)
        self.secret(ROOT, LIMITED, OLD)
        self.write("token", ROOT)
        self.write("limited-token", LIMITED)

    def error(self, refusal, request_id):
        body = {"errors": [refusal.text] if refusal.text else []}
        return Reply(refusal.status, json.dumps(body).encode(),
                     {"Content-Type": self.content_type})

    def document(self, fault, document, request_id):
        if document is None:
            return Reply(204, b"")
        whole = {"request_id": request_id, "lease_id": "", "renewable": False,
                 "lease_duration": 0, "data": document, "wrap_info": None,
                 "warnings": None, "auth": None}
        return super().document(fault, whole, request_id)

    def alter(self, fault, document):
        if fault == "short-key":
            return {**document, "plaintext": b64(bytes(16))}
        return document         # it names no key

    # --- who asks, and for what

    def authenticate(self, request, action):
        token = request.header("X-Vault-Token")
        if token not in (ROOT, LIMITED) or self.is_expired(token):
            raise refused("permission denied", 403)
        if token == LIMITED and action not in ("datakey", "encrypt"):
            raise refused("permission denied", 403)
        namespace = (request.header("X-Vault-Namespace") or "").strip("/")
        namespace += "/" if namespace else ""
        request.log["namespace"] = namespace
        if namespace not in NAMESPACES:
            raise refused("no handler for route", 404)
        return namespace

    def members(self, request, action):
        kinds = MEMBERS[action]
        try:
            wanted = strict_json(request.body)
        except ValueError:
            raise refused("error parsing JSON") from None
        request.log["parameters"] = {
            name: sha256(str(value).encode()).hexdigest()[:16]
            if name == "plaintext" else value for name, value in wanted.items()}
        allowed = {name.rstrip("*"): kind for name, kind in kinds.items()}
        for name, value in wanted.items():
            if name not in allowed or not isinstance(value, allowed[name]):
                raise refused(f"unknown, or of another type: {name}")
        for name in kinds:
            if name.endswith("*") and not wanted.get(name[:-1]):
                raise refused(f"missing {name[:-1]}")
        try:
            wanted["context"] = strict_b64(wanted.get("context", ""))
        except ValueError:
            raise refused("failed to base64-decode context") from None
        return wanted

    def operation(self, request):
        # The engine takes PUT for POST, and so do old clients.
        path = request.path
        request.log["operation"] = f"{request.method} {path}"
        match = re.fullmatch(
            r"/v1/((?:[\w-]+/)+)(datakey/plaintext|datakey/wrapped|encrypt|"
            r"decrypt|rewrap|keys)/([\w.-]+)(/rotate|/config)?", path)
        if path in ("/v1/auth/token/lookup-self", "/v1/sys/health"):
            self.authenticate(request, "datakey")
            return {"policies": ["root"]}
        if not match or match[4] and match[2] != "keys":
            raise refused("no handler for route", 404)
        mount, action, name = match[1][:-1], match[2], match[3]
        request.log["operation"] = action + (match[4] or "")
        request.log.update(mount=mount, key=name)
        namespace = self.authenticate(request, action.partition("/")[0])
        if mount not in MOUNTS:
            raise refused(f'no handler for route "{path[4:]}". route entry not '
                          "found.", 404)
        if action == "keys":
            return self.administer(request, (namespace, mount, name), match[4])
        if request.method not in ("POST", "PUT"):
            raise refused("unsupported operation", 405)
        wanted = self.members(request, action.partition("/")[0])
        key = self.keys.get((namespace, mount, name))
        if key is None:
            raise refused("encryption key not found")
        return getattr(self, action.replace("/", "_"))(key, wanted)

    def administer(self, request, where, action):
        if request.method == "GET":
            if where not in self.keys:
                raise refused("", 404)
            key = self.keys[where]
            return {"name": key.name, "derived": key.derived,
                    "latest_version": len(key.versions), "type": "aes256-gcm96",
                    "min_decryption_version": key.min_decryption}
        wanted = strict_json(request.body or b"{}")
        if action == "/rotate":
            self.keys[where].versions.append(urandom(32))
        elif action == "/config":
            self.keys[where].min_decryption = wanted["min_decryption_version"]
        else:
            self.keys.setdefault(where, Key(where[2],
                                            bool(wanted.get("derived"))))
        return None

    # --- operations

    @staticmethod
    def sealed(key, text, context, version=0):
        version = version or len(key.versions)
        secret = key.key(version, context)
        return f"vault:v{version}:" + b64(seal(secret, text, b""))

    @staticmethod
    def opened(key, text, context):
        match = re.fullmatch(r"vault:v([1-9]\d*):(.+)", text)
        if not match:
            raise refused("invalid ciphertext: no prefix")
        version = int(match[1])
        if version > len(key.versions):
            raise refused("invalid ciphertext: version is too new")
        if version < key.min_decryption:
            raise refused("ciphertext or signature version is disallowed by "
                          "policy (too old)")
        try:
            data = strict_b64(match[2])
        except ValueError:
            raise refused("invalid ciphertext: could not decode base64"
                          ) from None
        plain = unseal(key.key(version, context), data, b"")
        if plain is None:
            raise refused("cipher: message authentication failed")
        return plain

    def datakey_plaintext(self, key, wanted):
        text = self.new_key(wanted)
        self.handed_out(text)
        return {"plaintext": b64(text), "key_version": len(key.versions),
                "ciphertext": self.sealed(key, text, wanted["context"])}

    def datakey_wrapped(self, key, wanted):
        text = self.new_key(wanted)
        return {"ciphertext": self.sealed(key, text, wanted["context"]),
                "key_version": len(key.versions)}

    @staticmethod
    def new_key(wanted):
        bits = wanted.get("bits", 256)
        if bits not in (128, 256, 512):
            raise refused("invalid bit length")
        return urandom(bits // 8)

    def encrypt(self, key, wanted):
        try:
            text = strict_b64(wanted["plaintext"])
        except ValueError:
            raise refused("failed to base64-decode plaintext") from None
        return {"ciphertext": self.sealed(key, text, wanted["context"],
                                          wanted.get("key_version", 0)),
                "key_version": len(key.versions)}

    def decrypt(self, key, wanted):
        return {"plaintext": b64(self.opened(key, wanted["ciphertext"],
                                             wanted["context"]))}

    def rewrap(self, key, wanted):
        text = self.opened(key, wanted["ciphertext"], wanted["context"])
        return {"ciphertext": self.sealed(key, text, wanted["context"],
                                          wanted.get("key_version", 0)),
                "key_version": len(key.versions)}


if __name__ == "__main__":
    lookalike.run(Vault)
