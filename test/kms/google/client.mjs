// SPDX-License-Identifier: Apache-2.0
// Google's own client at the look-alike in the directory $1, as its service account:
//   encrypt KEY HEX AAD     the ciphertext in hex
//   decrypt KEY FILE AAD    the plaintext of what is in FILE, in hex
// $GOOGLE_SDK is the directory of its packages.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.GOOGLE_SDK + "/");
const { KeyManagementServiceClient } = require("@google-cloud/kms");

const [directory, what, name, value, aad] = process.argv.slice(2);
const read = (file) => readFileSync(`${directory}/${file}`, "utf8");
const client = new KeyManagementServiceClient({
  fallback: true, protocol: "http", apiEndpoint: "127.0.0.1",
  port: Number(read("port")), projectId: "p",
  credentials: JSON.parse(read("service.json")),
});
const request = { name, additionalAuthenticatedData: Buffer.from(aad) };
const bytes = what === "encrypt"
  ? (await client.encrypt({
    ...request, plaintext: Buffer.from(value, "hex"),
  }))[0].ciphertext
  : (await client.decrypt({
    ...request, ciphertext: readFileSync(value),
  }))[0].plaintext;
process.stdout.write(Buffer.from(bytes).toString("hex"));
process.exit(0);
