/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module for openssl.cnf with which EVP_get_cipherbyname("ENVELOPE") finds
 * the cipher.  PHP, Ruby and Node.js look for ciphers in this way.
 *     cc -shared -fPIC -o by_name.so by_name.c -lcrypto
 * by_name.cnf names it.  Not for PHP 8.5: see "FROM OTHER LANGUAGES" in
 * EVP_CIPHER-ENVELOPE(7).
 */

/* libcrypto asks a module for two functions by their names, but its own header
 * declares another one that is called OPENSSL_init. */
#define OPENSSL_init libcrypto_init
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#undef OPENSSL_init

#include <envelope/envelope.h>

int OPENSSL_init(CONF_IMODULE *module, const CONF *conf);
void OPENSSL_finish(CONF_IMODULE *module);

/*
 * Runs each time a configuration is loaded.  It never fails: Node.js would not
 * start, and other programs would go without the rest of the configuration.
 * Where the cipher is not there, a program that asks for it is told so.
 *
 * libcrypto compares names without regard to case, so that one is enough.
 */
int
OPENSSL_init(CONF_IMODULE *module, const CONF *conf)
{
    EVP_CIPHER *cipher;

    (void)conf;
    ERR_set_mark();
    cipher = EVP_CIPHER_fetch(NULL, ENVELOPE_CIPHER_NAME, ENVELOPE_PROPERTIES);
    if (cipher != NULL
        && !OBJ_NAME_add(ENVELOPE_CIPHER_NAME, OBJ_NAME_TYPE_CIPHER_METH,
                         (const char *)cipher)) {
        EVP_CIPHER_free(cipher);
        cipher = NULL;
    }
    CONF_imodule_set_usr_data(module, cipher);
    ERR_pop_to_mark();
    return 1;
}

/* Runs before libcrypto gives up its providers. */
void
OPENSSL_finish(CONF_IMODULE *module)
{
    EVP_CIPHER *cipher = CONF_imodule_get_usr_data(module);

    if (cipher == NULL)
        return;
    (void)OBJ_NAME_remove(ENVELOPE_CIPHER_NAME, OBJ_NAME_TYPE_CIPHER_METH);
    EVP_CIPHER_free(cipher);
}
