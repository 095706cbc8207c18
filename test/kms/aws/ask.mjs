// SPDX-License-Identifier: Apache-2.0
// AWS's own client asks the look-alike of KMS for a data key of $1 and opens it
// again, with the credentials and the endpoints that the environment has.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(process.env.node_modules + "/");
const { KMS } = require("@aws-sdk/client-kms");

const client = new KMS({ maxAttempts: 1 });
const EncryptionContext = { db: "orders" };
const made = await client.generateDataKey({
  KeyId: process.argv[2], KeySpec: "AES_256", EncryptionContext,
});
const opened = await client.decrypt({
  CiphertextBlob: made.CiphertextBlob, EncryptionContext,
});
assert.equal(opened.KeyId, process.argv[2]);
assert.deepEqual(opened.Plaintext, made.Plaintext);
