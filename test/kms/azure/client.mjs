// SPDX-License-Identifier: Apache-2.0
// Microsoft's own client at the look-alike with TLS in the directory $1:
//   wrap KEY HEX      what the service has wrapped, in hex
//   unwrap KEY FILE   what it has unwrapped of what is in FILE, in hex
// $AZURE_SDK is the directory of its packages.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.AZURE_SDK + "/");
const { CryptographyClient } = require("@azure/keyvault-keys");
const { ClientSecretCredential } = require("@azure/identity");

const [directory, what, name, value] = process.argv.slice(2);
const read = (file) => readFileSync(`${directory}/${file}`, "utf8").trim();
const here = `https://127.0.0.1:${read("port")}`;
const client = new CryptographyClient(`${here}/keys/${name}`,
  new ClientSecretCredential("11111111-2222-3333-4444-555555555555", "restore",
    read("secret"), { authorityHost: here, disableInstanceDiscovery: true }),
  { disableChallengeResourceVerification: true });
const { result } = what === "wrap"
  ? await client.wrapKey("RSA-OAEP-256", Buffer.from(value, "hex"))
  : await client.unwrapKey("RSA-OAEP-256", readFileSync(value));
process.stdout.write(Buffer.from(result).toString("hex"));
process.exit(0);
