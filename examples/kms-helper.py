#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A helper for the key service execkms, as envelope-kms-helper(7) describes
them: its master keys are files in a directory, 32 bytes each.  It needs the
package cryptography (python3-cryptography).

    umask 077
    mkdir -p /usr/local/etc/envelope/keys
    head -c 32 /dev/urandom >/usr/local/etc/envelope/keys/backup

and in kms.conf

    [local]
    exec = /usr/local/libexec/kms-helper.py
    args = /usr/local/etc/envelope/keys

for execkms://local/backup.  Only one who can read the file opens what was
encrypted with it: keep a copy of it, in another place than the backups.
"""
import base64
import json
import os
import re
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_LEN = 32
NONCE_LEN = 12  # random: for 2^32 data keys of a master key at most
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class Refused(Exception):
    """Made of a code and a message for the user."""


def master_key(directory, name):
    if not NAME.fullmatch(name):
        raise Refused("BadName", "a key's name has letters, digits, _ . -")
    try:
        with open(os.path.join(directory, name), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(KEY_LEN + 1)
    except FileNotFoundError:
        raise Refused("NotFound", f"there is no key {name}") from None
    except OSError as error:
        raise Refused("NotReadable", f"{name}: {error.strerror}") from None
    if mode & 0o077:
        raise Refused("NotPrivate", f"{name} is open to others: chmod 600")
    if len(key) != KEY_LEN:
        raise Refused("BadKey", f"{name} does not have {KEY_LEN} bytes")
    return AESGCM(key)


def bound_to(name, context):
    """What a ciphertext cannot be taken away from, always the same bytes."""
    return json.dumps([name, context], sort_keys=True).encode()


def seal(directory, name, context, plaintext):
    nonce = os.urandom(NONCE_LEN)
    key = master_key(directory, name)
    return nonce + key.encrypt(nonce, plaintext, bound_to(name, context))


def unseal(directory, name, context, ciphertext):
    nonce, sealed = ciphertext[:NONCE_LEN], ciphertext[NONCE_LEN:]
    try:
        key = master_key(directory, name)
        return key.decrypt(nonce, sealed, bound_to(name, context))
    except (InvalidTag, ValueError):
        raise Refused(
            "InvalidCiphertext",
            f"{name} did not make it, or for other labels",
        ) from None


def answer(directory, request):
    if request["version"] != 1:
        raise Refused("BadVersion", "this helper speaks version 1 only")
    operation, name = request["operation"], request["key"]
    context = request.get("context", {})
    given = base64.b64decode(request.get("ciphertext", ""), validate=True)
    if operation == "generate":
        plaintext = os.urandom(KEY_LEN)
        return {
            "key": name,
            "plaintext": plaintext,
            "ciphertext": seal(directory, name, context, plaintext),
        }
    if operation == "decrypt":
        return {
            "key": name,
            "plaintext": unseal(directory, name, context, given),
        }
    if operation == "rewrap":
        plaintext = unseal(directory, name, context, given)
        return {
            "key": request["to"],
            "ciphertext": seal(directory, request["to"], context, plaintext),
        }
    raise Refused("BadOperation", operation)


def main():
    try:
        reply = answer(sys.argv[1], json.load(sys.stdin.buffer))
    except Refused as refusal:
        code, message = refusal.args
        reply = {"error": {"code": code, "message": message, "retry": False}}
    json.dump(reply, sys.stdout, default=lambda b: base64.b64encode(b).decode())
    print()


if __name__ == "__main__":
    main()
