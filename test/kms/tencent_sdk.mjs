// SPDX-License-Identifier: Apache-2.0
// Tencent's own code for the tests, from the packages in $TENCENT_SDK:
//   sign   Sign.sign3() of each line of JSON on stdin
//   call   CommonClient, for each line a request: {endpoint, protocol, proxy,
//          region, id, key, token, action, parameters}; a line for each reply,
//          {"code", "message"} if it was refused

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.env.TENCENT_SDK + "/");
const sdk = "tencentcloud-sdk-nodejs-common";
const { CommonClient } = require(sdk);
const Sign = require(sdk + "/tencentcloud/common/sign").default;

function sign(wanted) {
  wanted.payload = Buffer.from(wanted.payload, "base64");
  return Sign.sign3(wanted);
}

async function call(o) {
  const client = new CommonClient(o.endpoint, "2019-01-18", {
    credential: { secretId: o.id, secretKey: o.key, token: o.token },
    region: o.region,
    profile: { httpProfile: { protocol: o.protocol, proxy: o.proxy } },
  });
  try {
    return JSON.stringify(await client.request(o.action, o.parameters));
  } catch (error) {
    return JSON.stringify({ code: error.code, message: error.message });
  }
}

const what = { sign, call }[process.argv[2]];
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write((await what(JSON.parse(line))) + "\n");
