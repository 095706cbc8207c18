# SPDX-License-Identifier: Apache-2.0
# Tencent Cloud's signature TC3-HMAC-SHA256, from its documentation, and the
# same by Tencent's own SDK, which runs beside it in Node.

import hmac
import json
import os
import subprocess
import threading
from hashlib import sha256
from time import gmtime, strftime

from lookalike import b64


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), sha256).digest()


def date_of(timestamp):
    return strftime("%Y-%m-%d", gmtime(timestamp))


def canonical_request(headers, body):
    """headers: a dict of those that are signed, by their names in order."""
    lines = "".join(f"{name}:{value.strip().lower()}\n"
                    for name, value in headers.items())
    return (f"POST\n/\n\n{lines}\n{';'.join(headers)}\n"
            f"{sha256(body).hexdigest()}")


def signature(secret, headers, body, timestamp, service):
    date = date_of(timestamp)
    hashed = sha256(canonical_request(headers, body).encode()).hexdigest()
    text = (f"TC3-HMAC-SHA256\n{timestamp}\n{date}/{service}/tc3_request\n"
            f"{hashed}")
    key = hmac_sha256(("TC3" + secret).encode(), date)
    key = hmac_sha256(hmac_sha256(key, service), "tc3_request")
    return hmac.new(key, text.encode(), sha256).hexdigest()


class Sdk:
    """Sign.sign3() of tencentcloud-sdk-nodejs-common."""

    def __init__(self, modules):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                              "tencent_sdk.mjs")
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ["node", script, "sign"], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "TENCENT_SDK": modules})
        self.lock = threading.Lock()

    def signature(self, secret, host, content_type, body, timestamp, service):
        """It signs content-type and host, and of the host no port."""
        wanted = {"method": "POST", "url": f"http://{host}/",
                  "payload": b64(body), "timestamp": timestamp,
                  "service": service, "secretId": "id", "secretKey": secret,
                  "headers": {"Content-Type": content_type}}
        with self.lock:
            self.process.stdin.write(json.dumps(wanted) + "\n")
            return self.process.stdout.readline().strip()[-64:]
