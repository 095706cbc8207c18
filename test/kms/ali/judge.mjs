// SPDX-License-Identifier: Apache-2.0
// Proves ali_lookalike.py, which runs in the directory $1, with Alibaba's own core
// client: what it sends is accepted, what the look-alike says is understood, and what
// is wrong is refused.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

import { call, profile, read } from "./client.mjs";

const directory = process.argv[2];
const put = (name, text) => writeFileSync(`${directory}/${name}`, text);
const last = () => JSON.parse(read(directory, "log").trim().split("\n").at(-1));
const kms = (action, query, how) => call(directory, action, query, how);
const as = (name) => ({ keys: profile(directory, name) });

async function refused(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code);
    return true;
  });
}

// Round trips: what a context means counts, and not how it is written.
const key = "key-hzz62f1cb66fa42qo1234";
const other = "1234abcd-12ab-34cd-56ef-1234567890ab";
const EncryptionContext = '{"a b":"c+/=~*","d":"\u00e9"}';
const made = await kms("GenerateDataKey",
  { KeyId: "alias/backup", KeySpec: "AES_256", EncryptionContext });
assert.equal(made.KeyId, key);
assert.equal(Buffer.from(made.Plaintext, "base64").length, 32);
const { CiphertextBlob } = made;
const opened = await kms("Decrypt", {
  CiphertextBlob, EncryptionContext: '{"d":"\u00e9", "a b":"c+/=~*"}',
}, as("session"));
assert.equal(opened.Plaintext, made.Plaintext);
assert.equal(opened.KeyId, key);
assert.equal(last().access_key, profile(directory, "session").access_key_id);
assert.match(last().signed, /x-acs-security-token/);
const anew = await kms("ReEncrypt", {
  CiphertextBlob, DestinationKeyId: other,
  SourceEncryptionContext: EncryptionContext,
});
assert.equal(anew.KeyId, key);
assert.equal((await kms("Decrypt", { CiphertextBlob: anew.CiphertextBlob }))
  .KeyId, other);
const sealed = await kms("Encrypt", {
  KeyId: `acs:kms:cn-hangzhou:154035569884:key/${key}`,
  Plaintext: Buffer.alloc(32).toString("base64"),
});
assert.equal(sealed.KeyId, key);

// What is refused
await refused("InvalidCiphertextBlob", kms("Decrypt", { CiphertextBlob }));
await refused("InvalidCiphertextBlob", kms("Decrypt", { CiphertextBlob: "x" }));
await refused("Forbidden.AliasNotFound",
  kms("GenerateDataKey", { KeyId: "alias/nobodys" }));
await refused("Forbidden.KeyNotFound", kms("GenerateDataKey", { KeyId: "k" }));
await refused("Rejected.Disabled",
  kms("GenerateDataKey", { KeyId: "key-hzz62f1cb66fa42off000" }));
await refused("Forbidden.NoPermission",
  kms("GenerateDataKey", { KeyId: key }, as("denied")));
await refused("SignatureDoesNotMatch", kms("GenerateDataKey", { KeyId: key },
  { keys: { ...profile(directory, "default"), access_key_secret: "no" } }));
await refused("InvalidAccessKeyId.NotFound",
  kms("GenerateDataKey", { KeyId: key },
    { keys: { access_key_id: "x", access_key_secret: "y" } }));
put("clock", "3600");
await refused("InvalidTimeStamp.Expired", kms("GenerateDataKey", { KeyId: key }));
put("clock", "0");

// Faults come in a form that the client understands.
for (const [fault, code] of [["throttle", "Rejected.Throttling"],
  ["throttle-user", "Throttling.User"], ["internal", "InternalFailure"],
  ["nonce", "SignatureNonceUsed"], ["invalid", "InvalidCiphertextBlob"],
  ["expired", "InvalidSecurityToken.Expired"]]) {
  put("faults", fault);
  await refused(code, kms("GenerateDataKey", { KeyId: key }));
}

// A role
const sts = (query) =>
  kms("AssumeRole", query, { version: "2015-04-01" });
const RoleArn = "acs:ram::154035569884:role/backup";
const { Credentials } = await sts({ RoleArn, RoleSessionName: "judge" });
await kms("GenerateDataKey", { KeyId: key }, { keys: {
  access_key_id: Credentials.AccessKeyId,
  access_key_secret: Credentials.AccessKeySecret,
  sts_token: Credentials.SecurityToken,
} });
assert.ok(Date.parse(Credentials.Expiration) > Date.now());
await refused("EntityNotExist.Role",
  sts({ RoleArn: RoleArn + "x", RoleSessionName: "judge" }));
process.exit(0);
