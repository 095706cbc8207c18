// SPDX-License-Identifier: Apache-2.0
// Alibaba's own core client at the look-alike in the directory $1: the reply to the
// action $2 with the parameters of the JSON $3.  $ALI_SDK is the directory of its
// packages.  judge.mjs uses it, too.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(process.env.ALI_SDK + "/");
const { default: OpenApi } = require("@alicloud/openapi-core");
const { Config, OpenApiRequest, Params } =
  require("@alicloud/openapi-core/dist/utils");
const { RuntimeOptions } = require("@darabonba/typescript");

export const read = (directory, name) =>
  readFileSync(`${directory}/${name}`, "utf8");

export const profile = (directory, name) =>
  JSON.parse(read(directory, "config.json")).profiles
    .find((one) => one.name === name);

export async function call(directory, action, query, how = {}) {
  const keys = how.keys ?? profile(directory, "default");
  const client = new OpenApi(new Config({
    accessKeyId: keys.access_key_id, accessKeySecret: keys.access_key_secret,
    securityToken: keys.sts_token || undefined,
    type: keys.sts_token ? "sts" : "access_key",
    endpoint: `127.0.0.1:${read(directory, "port").trim()}`, protocol: "http",
  }));
  const params = new Params({
    action, version: how.version ?? "2016-01-20", protocol: "HTTP",
    pathname: "/", method: "POST", authType: "AK", style: "RPC",
    reqBodyType: "formData", bodyType: "json",
  });
  const reply = await client.callApi(params, new OpenApiRequest({ query }),
    new RuntimeOptions({ autoretry: false }));
  return reply.body;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory, action, query] = process.argv.slice(2);
  console.log(JSON.stringify(
    await call(directory, action, JSON.parse(query))));
}
