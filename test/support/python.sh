#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a test that is written in Python, where there is Python.
command -v "$PYTHON" >/dev/null || [ -n "${ENVELOPE_NO_SKIP-}" ] || {
    echo "1..0 # SKIP $PYTHON is not installed"
    exit 0
}
exec "$PYTHON" "$@"
