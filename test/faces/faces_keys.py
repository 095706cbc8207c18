# SPDX-License-Identifier: Apache-2.0
"""Keys for faces.py: good ones by openssl, bad ones byte by byte.

Libraries refuse to make most of the bad ones, so their DER is put together
here.  A text is always bytes.
"""
import base64
import hashlib
import os
import struct
import subprocess

# --- DER ---------------------------------------------------------------------


def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*parts):
    return der(0x30, *parts)


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def bits(body):
    return der(3, b"\0", body)


def oid(text):
    return der(6, bytes.fromhex(text))


RSA = sequence(oid("2a864886f70d010101"), b"\x05\0")
P256 = sequence(oid("2a8648ce3d0201"), oid("2a8648ce3d030107"))
SHA256_RSA = sequence(oid("2a864886f70d01010b"), b"\x05\0")


def rsa_spki(modulus, exponent):
    return sequence(RSA, bits(sequence(integer(modulus), integer(exponent))))


def p256_spki(point):
    return sequence(P256, bits(point))


# The bits of a keyUsage (RFC 5280, 4.2.1.3).
SIGNS, ENCIPHERS_KEYS, ENCIPHERS_DATA, AGREES, SIGNS_CERTS = 0, 2, 3, 4, 5


def key_usage(*numbers):
    octet = sum(0x80 >> number for number in numbers)
    return sequence(oid("551d0f"), b"\1\1\xff",
                    der(4, der(3, bytes([0, octet]))))


def basic_constraints(*parts):
    return sequence(oid("551d13"), b"\1\1\xff", der(4, sequence(*parts)))


CA = basic_constraints(b"\1\1\xff")
NO_CA = basic_constraints()


def certificate(spki, begin, end, *extensions):
    """Around a public key; nobody asks who signed it."""
    name = sequence(der(0x31, sequence(oid("550403"), der(0x0c, b"test"))))
    fields = sequence(
        der(0xa0, integer(2)), integer(1), SHA256_RSA, name,
        sequence(der(0x17, begin), der(0x17, end)), name, spki,
        *([der(0xa3, sequence(*extensions))] if extensions else []))
    return sequence(fields, SHA256_RSA, bits(bytes(256)))


def integers(body):
    """Those of a SEQUENCE of nothing else, such as RSAPrivateKey."""
    found, at = [], 4  # all these sequences have two bytes of length
    while at < len(body):
        length, at = body[at + 1], at + 2
        if length & 0x80:
            n = length & 0x7f
            length, at = int.from_bytes(body[at:at + n], "big"), at + n
        found.append(int.from_bytes(body[at:at + length], "big"))
        at += length
    return found


# --- texts -------------------------------------------------------------------


def pem(label, body):
    text = base64.encodebytes(body).replace(b"\n", b"")
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (
        label, b"\n".join(lines), label)


def unpem(text):
    return base64.b64decode(b"".join(text.split(b"\n")[1:-2]))


def public_pem(spki):
    return pem(b"PUBLIC KEY", spki)


def certificate_pem(*arguments):
    return pem(b"CERTIFICATE", certificate(*arguments))


# --- stored encrypted ---------------------------------------------------------

# What is within does not matter: no algorithm gets to see it.
PBE_MD5_DES = oid("2a864886f70d010503"), sequence(der(4, bytes(8)), integer(1))
PBE_SHA1_RC2_40 = (oid("2a864886f70d010c0106"),
                   sequence(der(4, bytes(8)), integer(1)))
UNKNOWN_PBE = oid("2a0304"), b"\5\0"


def pbes2(kdf, cipher):
    return oid("2a864886f70d01050d"), sequence(sequence(*kdf),
                                               sequence(*cipher))


def pbkdf2(*prf):
    return oid("2a864886f70d01050c"), sequence(
        der(4, bytes(8)), integer(1), *[sequence(*part) for part in prf])


def scrypt(n, r, p):
    return oid("2b06010401da47040b"), sequence(
        der(4, bytes(8)), integer(n), integer(r), integer(p))


AES256 = oid("60864801650304012a"), der(4, bytes(16))
DES = oid("2b0e030207"), der(4, bytes(8))
UNKNOWN_PRF = oid("2a0304"), b"\5\0"


def pkcs8(algorithm):
    """EncryptedPrivateKeyInfo (RFC 5958, 3)."""
    return sequence(sequence(*algorithm), der(4, bytes(48)))


def pkcs12(algorithm):
    """A PFX (RFC 7292, 4) with a key that is stored like this, and no MAC."""
    data = oid("2a864886f70d010701")
    bag = sequence(oid("2a864886f70d010c0a0102"), der(0xa0, pkcs8(algorithm)))
    safe = sequence(data, der(0xa0, der(4, sequence(bag))))
    return sequence(integer(3), sequence(
        data, der(0xa0, der(4, sequence(safe)))))


def traditional_pem(cipher):
    return (b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
            b"DEK-Info: %s,0011223344556677\n\n%s\n"
            b"-----END RSA PRIVATE KEY-----\n"
            % (cipher, base64.b64encode(bytes(48))))


# --- OpenSSH -----------------------------------------------------------------


def string(body):
    return struct.pack(">I", len(body)) + body


def mpint(number):
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big")
                  if number else b"")


def ssh_rsa_blob(modulus, exponent):
    return string(b"ssh-rsa") + mpint(exponent) + mpint(modulus)


def ssh_rsa_line(modulus, exponent, comment=b" ops@host"):
    return b"ssh-rsa " + base64.b64encode(
        ssh_rsa_blob(modulus, exponent)) + comment + b"\n"


# RFC 8032, 7.1, test 1
ED25519_SEED = bytes.fromhex(
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
ED25519_PUBLIC = bytes.fromhex(
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def ssh_ed25519_line():
    blob = string(b"ssh-ed25519") + string(ED25519_PUBLIC)
    return b"ssh-ed25519 " + base64.b64encode(blob) + b"\n"


def ssh_private(public, secret):
    """A block of OpenSSH's, without a passphrase."""
    secret = struct.pack(">II", 7, 7) + secret + string(b"")
    secret += bytes(range(1, -len(secret) % 8 + 1))
    return pem(b"OPENSSH PRIVATE KEY", b"openssh-key-v1\0" + string(b"none")
               + string(b"none") + string(b"") + struct.pack(">I", 1)
               + string(public) + string(secret))


def ssh_rsa_private(numbers):
    """Around the numbers of an RSAPrivateKey."""
    _, n, e, d, p, q, _, _, inverse = numbers
    return ssh_private(ssh_rsa_blob(n, e), string(b"ssh-rsa") + b"".join(
        map(mpint, (n, e, d, inverse, p, q))))


def ssh_ed25519_private():
    public = string(b"ssh-ed25519") + string(ED25519_PUBLIC)
    return ssh_private(public, public + string(ED25519_SEED + ED25519_PUBLIC))


# --- good keys ---------------------------------------------------------------


class Key:
    """A key pair: private and public are PEM, path is the private one's."""

    def __init__(self, openssl, name, *arguments):
        self.path = os.path.abspath(name + ".key")
        subprocess.run([*openssl, "genpkey", "-quiet", *arguments, "-out",
                        self.path], check=True)
        with open(self.path, "rb") as file:
            self.private = file.read()
        self.public = subprocess.run(
            [*openssl, "pkey", "-in", self.path, "-pubout"], check=True,
            stdout=subprocess.PIPE).stdout
        self.spki = unpem(self.public)
        self.private_der = unpem(self.private)

    def encrypted(self, openssl, passphrase):
        return subprocess.run(
            [*openssl, "pkey", "-in", self.path, "-aes256", "-passout",
             "file:" + passphrase], check=True,
            stdout=subprocess.PIPE).stdout


def chain(openssl, leaf):
    """Certificates in PEM: of a key's, of its issuer, of the issuer's issuer."""
    def make(name, key, issuer, *extensions):
        with open("extensions", "w") as file:
            file.write("\n".join(extensions))
        request = subprocess.run(
            [*openssl, "req", "-new", "-key", key.path, "-subj", "/CN=" + name],
            check=True, stdout=subprocess.PIPE).stdout
        by = ["-signkey", key.path] if issuer is None else [
            "-CA", issuer[0], "-CAkey", issuer[1].path, "-CAcreateserial"]
        subprocess.run(
            [*openssl, "x509", "-req", *by, "-days", "300", "-extfile",
             "extensions", "-out", name + ".crt"], input=request, check=True,
            stderr=subprocess.DEVNULL)
        with open(name + ".crt", "rb") as file:
            return file.read(), (name + ".crt", key)

    is_ca = "basicConstraints=critical,CA:TRUE"
    signer = EcKey(openssl, "root", "P-256"), EcKey(openssl, "middle", "P-256")
    root, by_root = make("root", signer[0], None, is_ca)
    middle, by_middle = make("middle", signer[1], by_root, is_ca)
    return make("leaf", leaf, by_middle, "keyUsage=keyEncipherment")[0], \
        middle, root


class RsaKey(Key):
    """The same, with the numbers of RSAPrivateKey (RFC 8017, A.1.2)."""

    def __init__(self, openssl, name, size, exponent=65537):
        super().__init__(openssl, name, "-algorithm", "RSA", "-pkeyopt",
                         "rsa_keygen_bits:%d" % size, "-pkeyopt",
                         "rsa_keygen_pubexp:%d" % exponent)
        # In an OCTET STRING with two bytes of length.
        at = self.private_der.index(RSA) + len(RSA) + 4
        self.numbers = integers(self.private_der[at:])
        self.modulus, self.exponent = self.numbers[1:3]

    def flipped(self):
        """The modulus with one bit turned over that makes 3 divide it."""
        return next(n for n in (self.modulus ^ 1 << bit
                                for bit in range(100, 200)) if n % 3 == 0)


class EcKey(Key):
    def __init__(self, openssl, name, curve):
        super().__init__(openssl, name, "-algorithm", "EC", "-pkeyopt",
                         "group:" + curve)

    def encoded(self, openssl, *forms):
        """Its public and its private half, in another form."""
        words = [word for form in forms for word in (
            "-param_enc" if form == "explicit" else "-conv_form", form)]
        return [subprocess.run(
            [*openssl, "ec", "-in", self.path, *words, *half], check=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            for half in (["-pubout"], [])]

    def off_curve(self):
        """Its point with another y."""
        return self.spki[:-1] + bytes([self.spki[-1] ^ 1])


def steady(length):
    """Bytes that are never the same block twice."""
    out = b""
    while len(out) < length:
        out += hashlib.sha256(b"%d" % len(out)).digest()
    return out[:length]
