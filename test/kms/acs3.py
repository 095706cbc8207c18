# SPDX-License-Identifier: Apache-2.0
# Alibaba Cloud's signature ACS3-HMAC-SHA256, from its documentation ("V3 request body
# and signature mechanism").

import hmac
import re
from hashlib import sha256
from urllib.parse import quote, unquote

FORM = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([A-Za-z0-9.]+),"
    r"SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})")


def parameters(query):
    """The pairs of a query; a plus sign is a plus sign."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def canonical_request(method, path, query, headers, payload_hash):
    """headers: a dict of those that are signed, by their names in order."""
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~"))
                   for name, value in parameters(query))
    lines = "".join(f"{name}:{value.strip()}\n"
                    for name, value in headers.items())
    return "\n".join([method, path, "&".join("=".join(pair) for pair in pairs),
                      lines, ";".join(headers), payload_hash])


def signature(secret, canonical):
    text = f"ACS3-HMAC-SHA256\n{sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()
