/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identities that the fuzz targets open with, and make_corpus.py encrypts
 * for.  They protect nothing.
 */
#ifndef ENVL_FUZZ_KEYS_H
#define ENVL_FUZZ_KEYS_H

/* clang-format off */
#define FUZZ_KEY_RSA \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDf7h9e17xB6jus\n" \
    "GtmL1gkBS+Sgr1mFd2d6slaEWFKMwTdBd7iJbI66yC05xRb13wRawvvwOndETs6A\n" \
    "FGtocxjQY1TgvnmoXdOvIb8tzy0LnZjXW5Sdyhq3rMkXPbXGjIWXlZSyZt0cTEmq\n" \
    "lS3tNjGOKPWUltGth/uNH7DhVLKUUr9TscG6h9jXxhJB5aSdLu2WL18acSOnKEwI\n" \
    "JsF3WqSKIEG/Sf8JCyOG1Wm6U97lf6LMa9jB452chhOaz5dZlrLqLIYGFMgkW6XM\n" \
    "KxqpmVCo7t3xA5/C2XafJRQBu/Scxo4yFkTEx7KQVhZuzGVjwN0P1/moAdmzN+8P\n" \
    "7DhtkE7FAgMBAAECggEADDsJzJjU5/a+rp5Czo/wqvj1sk8RgSgt5zYxYoYecCCn\n" \
    "f3RmCF99BjejvLmGkQROzRRERXE0DW+OeNFksm5C5zLdsm7E30zMoI6jzgE4UR+Y\n" \
    "9v5CBkJBJlISI6pTsNYA//AEEKBsqDyEc4Q1X3TrzPtwul5ocmVweFtIQm5pWI94\n" \
    "SrcVxjmaDfJv+pBWQ3kzVSN5c1/xiMFNxSgqpCOFEEdPHiaKvcI/iKipG/K0hbII\n" \
    "YoLTLI8EITepmlRTnWKCOfGBURRn5a3a9gD0ic1qseTsrFoxbeeArZ1XxCaCZeHv\n" \
    "UfvlR0CMr4FyP2x0LJaCB67uNE3GfiaUpldSG43TMQKBgQDyMaXQncFcRCWpU4I1\n" \
    "hR2o6VbumZDQ+CRn8m4B2TlQPlfwZ/jrZuwtAp7XVBeJB1bDeHIOXmmBGm6G/WsO\n" \
    "8Dc+WiYTxXyavzsTeiYW/pUmyPaMX5PsxECTvpJnwwOO/aCN0zb7gnHN5pzNCHjz\n" \
    "BRD4Xgo0rj6BB9eyix5nPzx3eQKBgQDssfNN9PLO2uUuG3VKRo6VEsXfwtLiUGhx\n" \
    "qISEzsl0WcYANNVbjytZuBX54PBQQr8OIjg/prn2utInT0ORHynqdsxj+nRrd4Zw\n" \
    "gJWDobja3FBjf9o0pn3PhewB/vpMNGIrbjKM8NEfsov/WgvQad3fB+orlnYV1z9H\n" \
    "3Cpv46GirQKBgDM1firjADxjCFeKGbD5SXEqjT/75lvY69Gyt8HaTT0DQZLKWR5k\n" \
    "77EAqdc7p5JIo/bGo88X9VTf4tjWAmnxLq0XYI+zpQoPPw16OU2JXL4Lpd2+Y8ef\n" \
    "I0xZ8hjQahM021rBexGo3ik8BpFvpis0OgdZ0uyanwqnPts4gSAxhbZ5AoGAccBz\n" \
    "tZtqtY7tZWM80x1lmK8U+ZyfzLPn/feG+GyI1KnwRlkd0IrVwqB9r0EzPN9XAmvf\n" \
    "rHdsF+9g4BNv3WaktlGxmLrdCGjA64BgWop2VHhdCfR/4Z3CCOHLsonfsI/cPhMP\n" \
    "qDxzxFACiA22b8rxHianm5sL1SNE/jwJCQzUuWECgYBQ3kSCn/se1EAVshpfydc5\n" \
    "rd3Pu3OKZaCHXChXCF6Frp4Giu+vY6Vvz6UjW03PSs4KIbH5FkQAeCZgE/6TfLJq\n" \
    "FFj4E2C/BvUSNtKSwt45TXFx9DfTCt682UnNlnQITdI0VHgT8TyctEoLeKEmr3eK\n" \
    "gmFIibxg51KGb/DDswVkDQ==\n" \
    "-----END PRIVATE KEY-----\n"

#define FUZZ_KEY_P256 \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYK7xiyYZbDEagAB/\n" \
    "zAD6r5aElcfkx9Aq9YiE1xKFmlOhRANCAAQq9uFHY+PLW4z6GwNviHItzbtZDGz6\n" \
    "I6AVDM/VNEdv3gtXegHD8L9VTR4f19bZaBArXcSJCIYMMZkOX4CDDiAE\n" \
    "-----END PRIVATE KEY-----\n"

#define FUZZ_KEY_X25519 \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MC4CAQAwBQYDK2VuBCIEIJBxVslS+0we6AJf1AzUQvw1a3+ySVeGe5AIgy76WvR8\n" \
    "-----END PRIVATE KEY-----\n"

#define FUZZ_KEY_X448 \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MEYCAQAwBQYDK2VvBDoEOHTZ2olnryOefYz7HjzhEpRTcQZMbd3ri59YzQOE5bLb\n" \
    "Q6mPYFud9A9ZmyryXzKgN1aQFJhErqe2\n" \
    "-----END PRIVATE KEY-----\n"

/* A key-encryption key: the bytes of this text. */
#define FUZZ_KEK "0123456789abcdef0123456789abcdef"
/* clang-format on */

#endif
