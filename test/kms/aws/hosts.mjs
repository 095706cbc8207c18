// SPDX-License-Identifier: Apache-2.0
// The hosts of AWS, by the rules in AWS's own clients: for each line
// "SERVICE REGION FIPS DUAL-STACK" that is read, the same with the URL after it,
// or with "none".

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.env.node_modules + "/");
const rules = Object.fromEntries(["kms", "sts"].map((name) => [
  name,
  require(`@aws-sdk/client-${name}/dist-cjs/endpoint/endpointResolver.js`)
    .defaultEndpointResolver,
]));

function host(service, Region, fips, dualStack) {
  try {
    return rules[service]({
      Region, UseFIPS: fips === "true", UseDualStack: dualStack === "true",
    }).url.origin;
  } catch {
    return "none";
  }
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(`${line} ${host(...line.split(" "))}`);
