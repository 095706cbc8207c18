// SPDX-License-Identifier: Apache-2.0
// Signs requests for differential.py, each a line of JSON, with packages of
// npm; prints the header Authorization of each.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.env.ENVELOPE_NODE_MODULES + "/");

function signAws4(r) {
  const request = {
    method: r.method, path: r.target, body: r.body, service: r.service,
    region: r.region, headers: { Host: r.host, ...r.headers },
    doNotModifyHeaders: true,
  };
  const credentials = { accessKeyId: r.id, secretAccessKey: r.secret };
  const signer = new (require("aws4").RequestSigner)(request, credentials);
  signer.datetime = r.headers["X-Amz-Date"];
  return signer.sign().headers.Authorization;
}

function signTc3(r) {
  const { default: Sign } =
    require("tencentcloud-sdk-nodejs-common/tencentcloud/common/sign");
  return Sign.sign3({
    method: r.method, url: `https://${r.host}${r.target}`, payload: r.body,
    timestamp: r.time, service: r.service, secretId: r.id,
    secretKey: r.secret, headers: r.headers,
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  request.body = Buffer.from(request.body, "base64");
  console.log(request.signer === "tc3" ? signTc3(request) : signAws4(request));
}
