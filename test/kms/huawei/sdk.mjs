// SPDX-License-Identifier: Apache-2.0
// Huawei's own signer and client.  There is no package for its KMS: paths and members
// are ours, everything else is the client's.  $HUAWEI_SDK is the directory of its
// packages.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.HUAWEI_SDK + "/");
const core = "@huaweicloud/huaweicloud-sdk-core";
const { ClientBuilder } = require(core + "/ClientBuilder");
const { BasicCredentials } = require(core + "/auth/BasicCredentials");

// A section of the look-alike's file.
function section(directory, name) {
  const text = readFileSync(`${directory}/credentials`, "utf8");
  const lines = text.split("\n\n").find((part) => part.startsWith(`[${name}]`));
  return Object.fromEntries(lines.split("\n").slice(1)
    .map((line) => line.split(" = ")));
}

// What sends requests as a user of the look-alike, with more in place of his.
export function user(directory, name, more = {}) {
  const of = { ...section(directory, name), ...more };
  let by = new BasicCredentials().withAk(of.ak).withSk(of.sk)
    .withProjectId(of.project_id);
  if (of.security_token) by = by.withSecurityToken(of.security_token);
  const port = readFileSync(`${directory}/port`, "utf8").trim();
  const client = new ClientBuilder((h) => h).withCredential(by)
    .withEndpoint(`http://127.0.0.1:${port}`).build();
  const send = (method, url, queryParams, data) => client.sendRequest({
    method, url, contentType: "application/json", queryParams, pathParams: {},
    headers: {}, data,
  });
  return {
    operate: (operation, data) =>
      send("POST", `/v1.0/{project_id}/kms/${operation}`, {}, data),
    get: (url, query) => send("GET", url, query),
  };
}
