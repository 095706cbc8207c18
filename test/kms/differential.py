#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Signs requests that chance makes with kms/http/sign.c and with somebody else's
# code, and compares:
#
#     differential.py SIGN_LINE OTHER [COUNT [SEED]]
#
#   botocore  AWS4 by botocore.auth.SigV4Auth
#   aws4      AWS4 by the npm package aws4
#   tencent   TC3 by Tencent's own SDK, the npm package
#             tencentcloud-sdk-nodejs-common
#   words     TC3 by what Tencent's documentation says, written here
#   acs3      ACS3 by what Alibaba Cloud's documentation says, written here
#   sdk       SDK-HMAC-SHA256 by what Huawei Cloud's says, written here
#   hmac      the plain HMAC by what kms/http/sign.h says, written here
#
# The packages of npm are taken from the directory $ENVELOPE_NODE_MODULES.
# The first request that is signed differently is shown: status 1.

import hmac
import json
import os
import random
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from time import gmtime, strftime
from urllib.parse import quote, unquote_to_bytes

HERE = os.path.dirname(os.path.abspath(__file__))
LAST_TIME = 253402300799
UNRESERVED = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
              "0123456789-._~")
PRINTABLE = "".join(map(chr, range(0x21, 0x7f)))
TYPES = ("application/json", "application/x-amz-json-1.1",
         "application/json; charset=utf-8", "text/plain")
HOSTS = ("kms.eu-west-1.amazonaws.com", "kms.tencentcloudapi.com",
         "127.0.0.1", "localhost", "a.example")


# --- requests -------------------------------------------------------------

class Chance(random.Random):
    def word(self, letters, least, most):
        return "".join(self.choices(letters, k=self.randint(least, most)))

    def often(self):
        return self.random() < 0.6

    def time(self):
        midnight = 86400 * self.randint(1, 30000)
        return self.choice((self.randint(0, LAST_TIME), midnight - 1, midnight,
                            self.randint(1400000000, 2000000000)))

    def text(self):
        """Characters of which some need encoding."""
        return self.word(UNRESERVED + " %/+=&?;:@!$'()*,#\u00e9\u1234", 1, 12)

    def segment(self):
        return self.choice((
            "", ".", "..", "...", "a", "v1", "b:c", "d+e", "!$'()*,;=@&",
            "%2e%2E", "%2F", "%e9", "~_-.", self.word(UNRESERVED, 1, 9),
            quote(self.text(), safe="-_.~")))

    def path(self):
        if not self.often():
            return "/"
        return "/" + "/".join(self.segment()
                              for _ in range(self.randint(1, 8)))

    def query(self):
        """Encoded as it ought to be: botocore does not do that once more."""
        if self.often():
            return ""
        names = [self.text() for _ in range(self.randint(1, 6))]
        names += [names[0] + "-", names[0] + "1", names[0]]
        self.shuffle(names)
        pairs = []
        for name in names[:self.randint(1, 9)]:
            pair = quote(name, safe="-_.~")
            if self.often():
                pair += "=" + quote(self.choice(("", self.text())),
                                    safe="-_.~")
            pairs.append(pair)
        return "?" + "&".join(pairs)

    def value(self):
        words = [self.word(PRINTABLE, 1, 9)
                 for _ in range(self.randint(0, 4))]
        return self.word(" ", 0, 2) + self.word(" ", 1, 3).join(words)

    def any_case(self, name):
        return "".join(self.choice((c.upper(), c.lower())) for c in name)

    def headers(self):
        names = ["X-Amz-Target"] * self.often() + [
            self.choice(("X-Amz-", "X-Amz-", "x-acs-")) + self.word("abcxyz-019", 0, 6)
            for _ in range(self.randint(0, 5))]
        names += ["Accept", "X-Amzn-Trace-Id", "X-TC-Action"]
        headers = [(self.any_case(name), self.value()) for name in names]
        if self.often():
            headers.append((self.any_case("Content-Type"),
                            self.choice(TYPES)))
        self.shuffle(headers)
        return headers

    def request(self, signer):
        return {
            "signer": signer,
            "method": self.choice(("GET", "POST", "POST", "PUT")),
            "host": self.choice(HOSTS) + (
                "" if self.often() else f":{self.randint(1, 65535)}"),
            "target": self.path() + self.query(),
            "body": self.randbytes(self.choice((0, 1, 63, 64, 65, 900))),
            "id": self.word(PRINTABLE, 1, 40),
            "secret": self.word(PRINTABLE, 1, 100),
            "token": "" if self.often() else self.word(PRINTABLE, 1, 900),
            "region": self.word("abc-123", 1, 14),
            "service": self.choice(("kms", "service", "cvm")),
            "time": self.time(),
            "headers": self.headers(),
        }


def sign_here(program, requests):
    """What kms/http/sign.c makes of them."""
    lines = []
    for r in requests:
        fields = [r["signer"], r["method"], r["host"], r["target"],
                  b64encode(r["body"]).decode(), r["id"], r["secret"],
                  r["token"], r["region"], r["service"], str(r["time"])]
        for header in r["headers"]:
            fields += header
        lines.append("\t".join(fields) + "\n")
    done = subprocess.run([program], input="".join(lines), text=True,
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.splitlines()


def sign_in_node(requests):
    done = subprocess.run(
        ["node", os.path.join(HERE, "differential.mjs")], text=True,
        input="".join(json.dumps(dict(r, body=b64encode(r["body"]).decode()))
                      + "\n" for r in requests),
        stdout=subprocess.PIPE, check=True)
    return done.stdout.splitlines()


# --- AWS4 -----------------------------------------------------------------

def is_signed(name):
    return name.lower() == "content-type" or name.lower().startswith("x-amz-")


def signed_headers(request):
    """Those that were in the request, and those that the signer adds."""
    headers = [h for h in request["headers"] if is_signed(h[0])]
    headers.append(("X-Amz-Date",
                    strftime("%Y%m%dT%H%M%SZ", gmtime(request["time"]))))
    if request["token"]:
        headers.append(("X-Amz-Security-Token", request["token"]))
    return headers


def by_botocore(requests):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    for r in requests:
        aws = AWSRequest(method=r["method"], data=r["body"],
                         url=f"http://{r['host']}{r['target']}")
        for name, value in signed_headers(r):
            aws.headers[name] = value
        aws.context["timestamp"] = aws.headers["X-Amz-Date"]
        auth = SigV4Auth(Credentials(r["id"], r["secret"]), r["service"],
                         r["region"])
        to_sign = auth.string_to_sign(aws, auth.canonical_request(aws))
        names = auth.signed_headers(auth.headers_to_sign(aws))
        yield (f"AWS4-HMAC-SHA256 Credential={auth.scope(aws)}, "
               f"SignedHeaders={names}, "
               f"Signature={auth.signature(to_sign, aws)}")


def has_one_of_each(request):
    """aws4 keeps headers in an object, and takes numbers for an order."""
    names = [name.lower() for name, _ in request["headers"]]
    return len(set(names)) == len(names)


def by_aws4(requests):
    return sign_in_node([dict(r, headers=dict(signed_headers(r)))
                         for r in requests])


# --- TC3 ------------------------------------------------------------------

def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), sha256).digest()


def by_words(requests):
    for r in requests:
        path, _, query = r["target"].partition("?")
        headers = {name.lower(): " ".join(value.split()).lower()
                   for name, value in r["headers"]
                   if name.lower() == "content-type"}
        headers["host"] = r["host"]
        canonical = "\n".join(
            [r["method"], path, query]
            + [f"{name}:{value}" for name, value in headers.items()]
            + ["", ";".join(headers), sha256(r["body"]).hexdigest()])
        date = strftime("%Y-%m-%d", gmtime(r["time"]))
        scope = f"{date}/{r['service']}/tc3_request"
        to_sign = (f"TC3-HMAC-SHA256\n{r['time']}\n{scope}\n"
                   f"{sha256(canonical.encode()).hexdigest()}")
        key = ("TC3" + r["secret"]).encode()
        for part in (date, r["service"], "tc3_request", to_sign):
            key = hmac_sha256(key, part)
        yield (f"TC3-HMAC-SHA256 Credential={r['id']}/{scope}, "
               f"SignedHeaders={';'.join(headers)}, Signature={key.hex()}")


def is_for_tencent(request):
    """Their SDK knows two methods, no port, and paths that are none."""
    return (request["method"] != "PUT" and ":" not in request["host"]
            and request["target"].split("?")[0] == "/"
            and any(name.lower() == "content-type"
                    for name, _ in request["headers"]))


def by_tencent(requests):
    return sign_in_node([
        dict(r, headers={name.title(): value for name, value in r["headers"]})
        for r in requests])


# --- ACS3 and SDK ---------------------------------------------------------

def sorted_query(query):
    """What is decoded is encoded again, in the one way."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    return "&".join("=".join(pair) for pair in sorted(
        tuple(quote(unquote_to_bytes(text), safe="-_.~")
              for text in (name, value)) for name, _, value in pairs))


def canonical_hash(request, headers, path):
    """headers: those that are signed, as they are sent."""
    values = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(" ".join(value.split()))
    names = ";".join(sorted(values))
    canonical = "\n".join(
        [request["method"], path, sorted_query(
            request["target"].partition("?")[2])]
        + [f"{name}:{','.join(values[name])}" for name in sorted(values)]
        + ["", names, sha256(request["body"]).hexdigest()])
    return names, sha256(canonical.encode()).hexdigest()


def with_prefix(request, prefix, *added):
    """The headers that are signed; without a token there is none of it."""
    headers = [("Host", request["host"])]
    headers += [h for h in request["headers"]
                if h[0].lower() == "content-type"
                or h[0].lower().startswith(prefix)]
    return headers + [h for h in added if h[1]]


def by_acs3(requests):
    for r in requests:
        token = r["token"]
        names, hashed = canonical_hash(r, with_prefix(
            r, "x-acs-",
            ("x-acs-date", strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(r["time"]))),
            ("x-acs-signature-nonce", "n"),
            ("x-acs-security-token", token),
            ("x-acs-accesskey-id", token and r["id"]),
            ("x-acs-content-sha256", sha256(r["body"]).hexdigest()),
        ), r["target"].partition("?")[0])
        key = hmac_sha256(r["secret"].encode(), f"ACS3-HMAC-SHA256\n{hashed}")
        yield (f"ACS3-HMAC-SHA256 Credential={r['id']},SignedHeaders={names},"
               f"Signature={key.hex()}")


def by_sdk(requests):
    for r in requests:
        date = strftime("%Y%m%dT%H%M%SZ", gmtime(r["time"]))
        path = r["target"].partition("?")[0]
        names, hashed = canonical_hash(r, with_prefix(
            r, "x-", ("X-Sdk-Date", date), ("X-Security-Token", r["token"]),
        ), path if path.endswith("/") else path + "/")
        key = hmac_sha256(r["secret"].encode(),
                          f"SDK-HMAC-SHA256\n{date}\n{hashed}")
        yield (f"SDK-HMAC-SHA256 Access={r['id']}, SignedHeaders={names}, "
               f"Signature={key.hex()}")


# --- HMAC -----------------------------------------------------------------

def by_definition(requests):
    for r in requests:
        text = (f"{r['method']}\n{r['target']}\n{r['host']}\n{r['time']}\n"
                f"{sha256(r['body']).hexdigest()}")
        yield (f"HMAC-SHA256 Credential={r['id']}, Signature="
               f"{hmac_sha256(r['secret'].encode(), text).hex()}")


# name: signer, function, which requests it can sign
OTHERS = {
    "botocore": ("aws4", by_botocore, lambda request: True),
    "aws4": ("aws4", by_aws4, has_one_of_each),
    "tencent": ("tc3", by_tencent, is_for_tencent),
    "words": ("tc3", by_words, lambda request: True),
    "acs3": ("acs3", by_acs3, lambda request: True),
    "sdk": ("sdk", by_sdk, lambda request: True),
    "hmac": ("hmac", by_definition, lambda request: True),
}


def main(program, other, count="1000", seed="1"):
    signer, function, fits = OTHERS[other]
    chance = Chance(int(seed))
    requests = []
    while len(requests) < int(count):
        request = chance.request(signer)
        if fits(request):
            requests.append(request)
    ours = sign_here(program, requests)
    theirs = list(function(requests))
    assert len(ours) == len(theirs) == len(requests)
    for request, our, their in zip(requests, ours, theirs):
        if our != their:
            print(f"{request}\nours:   {our}\ntheirs: {their}")
            return 1
    print(f"{len(requests)} requests are signed alike")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
