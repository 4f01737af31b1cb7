#!/bin/sh
# The API's own TLS key and certificate, made or renewed: both end where API_TLS_KEY_FILE and API_TLS_CERTIFICATE_FILE say, readable
# by the account that runs this and by nobody else. It overwrites no key before the certificate of the next one is there.
#   deploy/api-certificate.sh --structure STRUCT_IDNAT --dns NAME …     options of `igc certificate issue serv-ssl`
set -eu
umask 077

igc=$(dirname -- "$0")/../scripts/igc.ts
# Beside their places, so that a move is one step. What is left in it after a failure is a key whose certificate may exist.
draft=$(mktemp -d "$(dirname -- "$API_TLS_KEY_FILE")/new.XXXXXX")
trap 'rmdir "$draft" 2>/dev/null || :' EXIT

node "$igc" certificate issue serv-ssl "$@" --new-key "$draft/key" --out "$draft/pem"
# If we stop between the two, the API that runs keeps the old pair, for these do not fit; the next call makes both anew.
mv -f "$draft/key" "$API_TLS_KEY_FILE"
mv -f "$draft/pem" "$API_TLS_CERTIFICATE_FILE"
