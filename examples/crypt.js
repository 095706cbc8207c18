// SPDX-License-Identifier: Apache-2.0
// Encrypts or decrypts a file of any size through the cipher ENVELOPE:
//     OPENSSL_CONF=by_name.cnf node crypt.js -e|-d IN OUT
'use strict';
const crypto = require('node:crypto');
const { createReadStream } = require('node:fs');
const fs = require('node:fs/promises');

// 32 zero bytes stand for the recipients or identities of openssl.cnf or the
// environment.  Never put a password here.  There is no IV.
const KEY = Buffer.alloc(32);
const ciphers = {
  '-e': () => crypto.createCipheriv('ENVELOPE', KEY, null),
  '-d': () => crypto.createDecipheriv('ENVELOPE', KEY, null),
};

// Not as a stream in a pipeline: an error of update() would end the program
// there, past all that cleans up.
async function crypt(cipher, from, file) {
  for await (const piece of createReadStream(from)) {
    await file.appendFile(cipher.update(piece));
  }
  await file.appendFile(cipher.final());
}

// Only final() says that the data is whole: before it there is no OUT.
async function writeWhole(cipher, from, to) {
  const directory = await fs.mkdtemp(`${to}.`);
  const part = `${directory}/part`;
  try {
    const file = await fs.open(part, 'wx', 0o600);
    try {
      await crypt(cipher, from, file);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(part, to);
  } finally {
    await fs.rm(directory, { recursive: true });
  }
}

async function main(mode, from, to) {
  try {
    await writeWhole(ciphers[mode](), from, to);
  } catch (error) {
    console.error(`crypt.js: ${from}: ${error.message}`);
    process.exitCode = 1;
  }
}

const args = process.argv.slice(2);
if (args.length === 3 && Object.hasOwn(ciphers, args[0])) {
  main(...args);
} else {
  console.error('usage: crypt.js -e|-d IN OUT');
  process.exitCode = 2;
}
