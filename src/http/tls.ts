// The API's side of mutual TLS. The handshake asks for a certificate and lets everybody in; whether the certificate is worth
// anything is decided per request (actor.ts). Nothing of a session outlives its connection.

import { constants } from 'node:crypto';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { FastifyInstance } from 'fastify';

export type ServerTls = {
  /** private key, PEM */
  readonly key: string | Buffer;
  /** server certificate and its issuers, leaf first, PEM */
  readonly cert: string | Buffer;
  /** certificates of the CAs whose names are suggested to clients, PEM; browsers and Java choose a card by them */
  readonly clientAuthorities?: readonly string[];
};

/** TLS 1.3, and of TLS 1.2 what has forward secrecy and authenticated encryption. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

function secureContext(tls: ServerTls): SecureContextOptions {
  return {
    key: tls.key,
    cert: tls.cert,
    ...(tls.clientAuthorities === undefined ? {} : { ca: [...tls.clientAuthorities] }),
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    // without tickets and without a session store nothing can be resumed; without renegotiation the peer stays who it was
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}

/** Options of an HTTPS server; without `tls` no handshake succeeds, which is enough to describe the API or to inject requests. */
export const tlsServerOptions = (tls: ServerTls | undefined): TlsOptions => ({
  ...(tls === undefined ? {} : secureContext(tls)),
  requestCert: true,
  rejectUnauthorized: false,
  ALPNProtocols: ['http/1.1'],
});

/** From the next handshake on the server shows another certificate; connections that stand are not touched. */
export function renewServerCertificate(app: FastifyInstance, tls: ServerTls): void {
  const { server } = app;
  if (!('setSecureContext' in server) || typeof server.setSecureContext !== 'function')
    throw new Error('this server has no TLS');
  const context = secureContext(tls);
  // tried first: Node has already forgotten parts of the old one when it finds a fault in the new one
  createSecureContext(context);
  server.setSecureContext(context);
}
