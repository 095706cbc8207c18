// SPDX-License-Identifier: Apache-2.0
// Proves huawei_lookalike.py, which runs in the directory $1, with Huawei's own signer
// and client: what they send is accepted, and what is wrong is refused.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { user } from "./sdk.mjs";

const directory = process.argv[2];
const put = (name, text) => writeFileSync(`${directory}/${name}`, text);
const last = () => JSON.parse(readFileSync(`${directory}/log`, "utf8").trim()
  .split("\n").at(-1));

const key_id = "0d0466b0-e727-4d9c-b35d-f84bb474a37f";
const second = key_id.replace("0d", "1d");
const aad = { additional_authenticated_data: "x".repeat(128) };
const plain_text = Buffer.alloc(32).toString("base64");
const { operate, get } = user(directory, "basic");

// The client knows the gateway's errors only: the log has what the service said.
async function refused(code, promise) {
  await assert.rejects(promise);
  assert.equal(last().outcome, code);
}

// Round trips
const sealed = await operate("encrypt-data", { key_id, plain_text, ...aad });
assert.equal(sealed.key_id, key_id);
assert.equal(last().signed, "content-type;host;x-project-id;x-sdk-date");
const { cipher_text } = sealed;
const opened = await operate("decrypt-data", { key_id, cipher_text, ...aad });
assert.equal(opened.plain_text, plain_text);
assert.equal(Buffer.from(opened.plain_text_base64, "base64").toString(),
  plain_text);
await operate("decrypt-data", { cipher_text, ...aad });
const anew = await operate("re-encrypt", {
  source_key_id: key_id, destination_key_id: second, cipher_text,
  source_additional_authenticated_data: aad.additional_authenticated_data,
});
assert.deepEqual([anew.key_id, anew.source_key_id], [second, key_id]);
assert.equal((await operate("decrypt-data", {
  key_id: second, cipher_text: anew.cipher_text,
})).plain_text, plain_text);

// Temporary keys, and IAM
const session = user(directory, "session");
await session.operate("encrypt-data", { key_id, plain_text });
assert.equal(last().signed,
  "content-type;host;x-project-id;x-sdk-date;x-security-token");
const { projects } = await get("/v3/projects", { name: "cn-north-4" });
assert.deepEqual(projects.map((p) => p.id), [key_id.replaceAll("-", "")]);
assert.deepEqual((await get("/v3/projects", { name: "b a" })).projects, []);

// What is refused
await refused("KMS.0308", operate("decrypt-data", { key_id, cipher_text }));
await refused("KMS.0308", operate("decrypt-data", {
  key_id, cipher_text, additional_authenticated_data: "x",
}));
await refused("KMS.0308", operate("decrypt-data", { key_id: second, cipher_text, ...aad }));
await refused("KMS.0208", operate("encrypt-data", {
  key_id, plain_text, additional_authenticated_data: "x".repeat(129),
}));
await refused("KMS.0204", operate("encrypt-data", { key_id }));
await refused("KMS.0308", operate("encrypt-data", { key_id, plain_text, more: "x" }));
await refused("KMS.0205", operate("encrypt-data", { key_id: "alias/x", plain_text }));
await refused("KMS.0205", operate("encrypt-data", {
  key_id: key_id.replace("0d", "9d"), plain_text,
}));
await refused("KMS.0209", operate("encrypt-data", { key_id: key_id.replace("0d", "2d"), plain_text }));
await refused("KMS.0210", operate("encrypt-data", { key_id: key_id.replace("0d", "3d"), plain_text }));
await refused("APIGW.0101", operate("encrypt-more", { key_id }));
const asks = (name, more) => user(directory, name, more)
  .operate("encrypt-data", { key_id, plain_text });
await refused("KMS.0301", asks("denied"));
await refused("KMS.0301", asks("basic", { project_id: "1".repeat(32) }));
await refused("APIGW.0301", asks("basic", { sk: "another" }));
await refused("APIGW.0301", asks("basic", { ak: "NOBODY" }));
await refused("APIGW.0301", asks("session", { security_token: "another" }));
put("clock", "1000");
await refused("APIGW.0301", asks("basic"));
put("clock", "0");
put("faults", "throttle");
await refused("APIGW.0308", asks("basic"));
process.exit(0);
