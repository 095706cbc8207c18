// SPDX-License-Identifier: Apache-2.0
// Huawei's own client at the look-alike in the directory $1, as its first user:
//   encrypt-data KEY TEXT [AAD]    the cipher text
//   decrypt-data KEY FILE [AAD]    the text of what is in FILE

import { readFileSync } from "node:fs";
import { user } from "./sdk.mjs";

const [directory, what, key_id, value, aad] = process.argv.slice(2);
const encrypts = what === "encrypt-data";
const reply = await user(directory, "basic").operate(what, {
  key_id,
  ...(encrypts ? { plain_text: value }
    : { cipher_text: readFileSync(value, "utf8") }),
  ...(aad ? { additional_authenticated_data: aad } : {}),
});
process.stdout.write(encrypts ? reply.cipher_text : reply.plain_text);
process.exit(0);
