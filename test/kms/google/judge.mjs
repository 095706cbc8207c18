// SPDX-License-Identifier: Apache-2.0
// Proves google_lookalike.py, which runs in the directory $1, with Google's own
// client: what it sends is accepted, what the look-alike says is understood, and what
// is wrong is refused.  $GOOGLE_SDK is the directory of its packages.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.GOOGLE_SDK + "/");
const { KeyManagementServiceClient } = require("@google-cloud/kms");
const { ExternalAccountClient, UserRefreshClient } = require("google-auth-library");

const directory = process.argv[2];
const read = (name) => readFileSync(`${directory}/${name}`, "utf8");
const put = (name, text) => writeFileSync(`${directory}/${name}`, text);
const last = () => JSON.parse(read("log").trim().split("\n").at(-1));
const port = Number(read("port"));
const file = (name) => JSON.parse(read(name + ".json"));

const ring = "projects/p/locations/global/keyRings/r/cryptoKeys/";
const name = ring + "backup";
const plaintext = Buffer.alloc(32);
const plaintextCrc32c = { value: 2324772522 };
const aad = Buffer.from("db=orders\n");

const transport = {
  fallback: true, protocol: "http", apiEndpoint: "127.0.0.1", port,
  projectId: "p",
};
const clients = (more) =>
  new KeyManagementServiceClient({ ...transport, ...more });
const client = clients({ credentials: file("service") });

const encrypt = async (request, by = client) => (await by.encrypt({
  name, plaintext, plaintextCrc32c, additionalAuthenticatedData: aad,
  ...request,
}, { retry: null }))[0];
const decrypt = async (request, by = client) => (await by.decrypt({
  name, additionalAuthenticatedData: aad, ...request,
}, { retry: null }))[0];

async function refused(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(JSON.parse(error.message).error.status, code);
    return true;
  });
}

// Round trips, with every member that the service has.
const sealed = await encrypt({});
assert.equal(sealed.name, name + "/cryptoKeyVersions/2");
assert.equal(sealed.verifiedPlaintextCrc32c, true);
assert.equal(sealed.verifiedAdditionalAuthenticatedDataCrc32c, false);
assert.match(sealed.ciphertextCrc32c.value, /^\d+$/);
assert.equal(last().who, "service@p.iam.gserviceaccount.com");
assert.equal(last().jwt.claims.exp, 3600);
const { ciphertext, ciphertextCrc32c } = sealed;
const opened = await decrypt({ ciphertext, ciphertextCrc32c });
assert.deepEqual(Buffer.from(opened.plaintext), plaintext);
assert.equal(opened.plaintextCrc32c.value, "2324772522");
assert.equal(opened.usedPrimary, true);
const old = await encrypt({ name: name + "/cryptoKeyVersions/1" });
assert.equal((await decrypt({ ciphertext: old.ciphertext })).usedPrimary, false);

// What is refused
const wrong = { value: 1 };
await refused("INVALID_ARGUMENT", decrypt({ ciphertext, additionalAuthenticatedData: null }));
await refused("INVALID_ARGUMENT", decrypt({ ciphertext, name: ring + "second" }));
await refused("INVALID_ARGUMENT", decrypt({ ciphertext: Buffer.alloc(60) }));
await refused("INVALID_ARGUMENT", decrypt({ ciphertext, ciphertextCrc32c: wrong }));
// The client does not even send this.
await assert.rejects(decrypt({ ciphertext, name: old.name }),
  /Cannot build HTTP request/);
await refused("INVALID_ARGUMENT", encrypt({ plaintextCrc32c: wrong }));
await refused("INVALID_ARGUMENT", encrypt({ additionalAuthenticatedDataCrc32c: wrong }));
await refused("NOT_FOUND", encrypt({ name: name + "/cryptoKeyVersions/3" }));
await refused("PERMISSION_DENIED", encrypt({ name: ring + "nobodys" }));
await refused("FAILED_PRECONDITION", encrypt({ name: ring + "off" }));
await refused("PERMISSION_DENIED", encrypt({}, clients({ credentials: file("denied") })));
const writer = clients({ credentials: file("writer") });
await encrypt({}, writer);
await refused("PERMISSION_DENIED", decrypt({ ciphertext }, writer));

// Faults come in a form that the client understands.
for (const [fault, code] of [["throttle", "RESOURCE_EXHAUSTED"],
  ["500", "INTERNAL"], ["503", "UNAVAILABLE"], ["504", "DEADLINE_EXCEEDED"],
  ["destroyed", "FAILED_PRECONDITION"], ["denied", "PERMISSION_DENIED"],
  ["expired", "UNAUTHENTICATED"]]) {
  put("faults", fault);
  await refused(code, encrypt({}));
}
put("faults", "no-flags");
assert.equal((await encrypt({})).verifiedPlaintextCrc32c, false);
put("faults", "wrong-crc");
assert.notEqual((await decrypt({ ciphertext })).plaintextCrc32c.value,
  "2324772522");
put("faults", "other-key");
assert.equal((await encrypt({})).name, ring + "second/cryptoKeyVersions/2");

// Other tokens: a user's, exchanged ones, the machine's
const other = file("user");
const user = new UserRefreshClient({
  clientId: other.client_id, clientSecret: other.client_secret,
  refreshToken: other.refresh_token,
  endpoints: { oauth2TokenUrl: `http://127.0.0.1:${port}/token` },
});
user.quotaProjectId = other.quota_project_id;
await encrypt({}, clients({ authClient: user }));
assert.deepEqual([last().who, last().project], ["user", "billed"]);
for (const [from, who] of [["federated", "federated"],
  ["impersonating", "writer@p.iam.gserviceaccount.com"]]) {
  const authClient = ExternalAccountClient.fromJSON({
    ...file(from), scopes: ["https://www.googleapis.com/auth/cloudkms",
      "https://www.googleapis.com/auth/cloud-platform"],
  });
  await encrypt({}, clients({ authClient }));
  assert.equal(last().who, who);
}
process.env.GCE_METADATA_HOST = `127.0.0.1:${port}`;
process.env.METADATA_SERVER_DETECTION = "assume-present";
process.env.HOME = "/nowhere";
await encrypt({}, clients({}));
assert.equal(last().who, "machine@p.iam.gserviceaccount.com");
put("broken", "flavor");
await assert.rejects(encrypt({}, clients({})), /Metadata-Flavor/);
put("broken", "");
process.exit(0);
