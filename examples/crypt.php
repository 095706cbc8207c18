<?php
// SPDX-License-Identifier: Apache-2.0
// Encrypts or decrypts a file through the cipher ENVELOPE:
//     OPENSSL_CONF=by_name.cnf php crypt.php -e|-d IN OUT
// PHP does it in one piece, in memory.  EVP_CIPHER-ENVELOPE(7) says how much it
// can encrypt: 1.6 MB for one recipient, and less for more.

// 32 zero bytes stand for the recipients or identities of openssl.cnf or the
// environment.  Never put a password here.
define('KEY', str_repeat("\0", 32));

function crypt_all(string $mode, string $in): string
{
    $function = $mode === '-e' ? 'openssl_encrypt' : 'openssl_decrypt';
    $out = $function($in, 'ENVELOPE', KEY, OPENSSL_RAW_DATA);
    // An empty string is a result, false is none.
    if ($out !== false) {
        return $out;
    }
    $reasons = [];
    while (($reason = openssl_error_string()) !== false) {
        $reasons[] = $reason;
    }
    throw new RuntimeException(implode("\n", $reasons));
}

// OUT appears with all of the data, or not at all.
function write_whole(string $to, string $data): void
{
    // Elsewhere tempnam() would take another directory.
    if (!is_writable(dirname($to))) {
        throw new RuntimeException(dirname($to) . ': cannot write there');
    }
    $part = tempnam(dirname($to), 'crypt');
    try {
        $file = fopen($part, 'wb');
        if (fwrite($file, $data) !== strlen($data) || !fsync($file)
            || !fclose($file) || !rename($part, $to)) {
            throw new RuntimeException("$to: cannot write");
        }
    } catch (Throwable $error) {
        unlink($part);
        throw $error;
    }
}

if ($argc !== 4 || !in_array($argv[1], ['-e', '-d'], true)) {
    fwrite(STDERR, "usage: crypt.php -e|-d IN OUT\n");
    exit(2);
}
[, $mode, $from, $to] = $argv;
// After a notice PHP would go on, with half a file where it cannot be read.
set_error_handler(fn ($level, $what) => throw new RuntimeException($what));
try {
    write_whole($to, crypt_all($mode, file_get_contents($from)));
} catch (Throwable $error) {
    fwrite(STDERR, "crypt.php: $from: {$error->getMessage()}\n");
    exit(1);
}
