// SPDX-License-Identifier: Apache-2.0
// Proves azure_lookalike.py, which runs with TLS in the directory $1, with Microsoft's
// own clients: what they send is accepted, what the look-alike says is understood, and
// what is wrong is refused.  $AZURE_SDK is the directory of their packages.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants, createPrivateKey, privateDecrypt, publicEncrypt }
  from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const directory = process.argv[2];
const read = (name) => readFileSync(`${directory}/${name}`, "utf8");
const put = (name, text) => writeFileSync(`${directory}/${name}`, text);
const log = () => read("log").trim().split("\n").map((line) => JSON.parse(line));
const here = `https://127.0.0.1:${read("port").trim()}`;
const tenant = "11111111-2222-3333-4444-555555555555";

// Where managed identities are is read once in a process: the second one is of App
// Service.
const isSecond = process.argv[3] === "app";
if (isSecond) {
  process.env.IDENTITY_ENDPOINT = `${here}/msi/token`;
  process.env.IDENTITY_HEADER = read("header").trim();
}
process.env.AZURE_POD_IDENTITY_AUTHORITY_HOST = here;
const require = createRequire(process.env.AZURE_SDK + "/");
const { CryptographyClient, KeyClient } = require("@azure/keyvault-keys");
const { ClientSecretCredential, ManagedIdentityCredential,
  WorkloadIdentityCredential } = require("@azure/identity");

const retryOptions = { maxRetries: 0 };
const options = { disableChallengeResourceVerification: true, retryOptions };
const entra = { authorityHost: here, disableInstanceDiscovery: true,
  retryOptions };
const as = (who) => new ClientSecretCredential(tenant, who,
  read("secret").trim(), entra);
const keys = (credential) => new KeyClient(here, credential, options);
const client = keys(as("restore"));
// A key that is given as an id is used by the service alone.
const at = (key, credential = as("restore")) => new CryptographyClient(
  `${here}/keys/${key.name}/${key.properties.version}`, credential, options);

if (isSecond) {
  await keys(new ManagedIdentityCredential({ retryOptions })).getKey("backup");
  assert.equal(log().at(-1).who, "app");
  process.exit(0);
}

async function refused(code, promise, inner) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code, error.message);
    if (inner)
      assert.match(JSON.stringify(error.details), new RegExp(inner));
    return true;
  });
}

// The public half is the one of the private key, and the service opens what it wraps.
const key = await client.getKey("backup");
assert.equal(key.keyType, "RSA");
assert.equal(key.properties.enabled, true);
assert(key.keyOperations.includes("unwrapKey"));
assert.equal(new URL(key.id).host, "unit.vault.azure.net");
assert.equal(key.properties.version, key.id.split("/").at(-1));
const pem = createPrivateKey(read("backup.1.pem"));
const jwk = pem.export({ format: "jwk" });
assert.equal(Buffer.from(key.key.n).toString("base64url"), jwk.n);
assert.equal(Buffer.from(key.key.e).toString("base64url"), jwk.e);
const kek = Buffer.alloc(32, 7);
const oaep = { oaepHash: "sha256", padding: constants.RSA_PKCS1_OAEP_PADDING };
const { result } = await at(key).wrapKey("RSA-OAEP-256", kek);
assert.deepEqual(privateDecrypt({ key: pem, ...oaep }, Buffer.from(result)), kek);
const ours = publicEncrypt({ key: pem, ...oaep }, kek);
const opened = await at(key).unwrapKey("RSA-OAEP-256", ours);
assert.deepEqual(Buffer.from(opened.result), kek);
assert.equal(opened.keyID, key.id);
assert.equal(log().at(-1).operation, "unwrapkey");
assert.equal(log().at(-1).who, "restore");

// Versions, of which a page has no more than ten
put("versions", "backup 2");
const next = await client.getKey("backup");
assert.notEqual(next.id, key.id);
const old = await client.getKey("backup", { version: key.properties.version });
assert.equal(old.id, key.id);
await refused("BadParameter", at(next).unwrapKey("RSA-OAEP-256", ours));
put("versions", "");
// The client follows the link as it stands, here to the look-alike.
put("elsewhere", `${here}/keys/many/versions`);
const versions = [], pages = log().length;
for await (const one of client.listPropertiesOfKeyVersions("many"))
  versions.push(one.version);
assert.equal(new Set(versions).size, 12);
assert.deepEqual(versions, [...versions].sort());
assert.deepEqual(log().slice(pages).map((line) => line.operation),
  ["versions", "versions"]);
put("elsewhere", "");

// What is refused
await refused("KeyNotFound", client.getKey("nowhere"));
await refused("KeyNotFound", client.getKey("backup", { version: "0" }));
put("disabled", "second/1");
await refused("Forbidden", client.getKey("second"), "KeyDisabled");
put("disabled", "");
await refused("Forbidden", keys(as("nobody")).getKey("backup"),
  "ForbiddenByRbac");
await keys(as("backup")).getKey("backup");
await refused("Forbidden", at(key, as("backup")).unwrapKey("RSA-OAEP-256", ours));
await refused("BadParameter", at(key).unwrapKey("RSA-OAEP", ours));
await refused("BadParameter", at(key).unwrapKey("RSA-OAEP-256",
  Buffer.alloc(256)));
for (const [name, type] of [["curve", "EC"], ["symmetric", "oct-HSM"]])
  assert.equal((await client.getKey(name)).keyType, type);
for (const [fault, code] of [["throttle", "Throttled"],
  ["500", "InternalServerError"], ["denied", "Forbidden"],
  ["notfound", "KeyNotFound"]]) {
  put("faults", fault);
  await refused(code, client.getKey("backup"));
}

// Without a token there is a challenge, which the client answers.
const asked = log().length;
await keys(as("restore")).getKey("backup");
assert.deepEqual(log().slice(asked).map((line) => line.status).slice(0, 1),
  [401]);

// Other tokens
await assert.rejects(keys(new ClientSecretCredential(tenant, "restore", "wrong",
  entra)).getKey("backup"), /AADSTS7000215/);
await keys(new WorkloadIdentityCredential({ tenantId: tenant,
  clientId: "workload", tokenFilePath: `${directory}/token`, ...entra }))
  .getKey("backup");
assert.equal(log().at(-1).who, "workload");
await keys(new ManagedIdentityCredential({ retryOptions })).getKey("backup");
assert.equal(log().at(-1).who, "machine");
await keys(new ManagedIdentityCredential({ clientId: "other", retryOptions }))
  .getKey("backup");
assert.equal(log().at(-1).who, "other-machine");
execFileSync(process.execPath, [process.argv[1], directory, "app"],
  { stdio: "inherit" });
process.exit(0);
