// A test branch for the decisions: authorities with keys of node:crypto, a fixed moment and a fixed serial.

import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { authorityFields } from '../../src/policy/authority.ts';
import type { IssuingCa } from '../../src/policy/decide.ts';
import { caOf } from '../../src/policy/hierarchy.ts';
import { signatureAlgorithmFor } from '../../src/x509/algorithms.ts';
import {
  assembleSigned,
  buildTbsCertificate,
  type CertificateFields,
  parseCertificate,
} from '../../src/x509/certificate.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import { policies } from './policies.ts';

export const CREATED = new Date('2026-11-01T00:00:00.000Z');
export const NOW = new Date('2026-11-23T09:30:15.250Z');
export const SERIAL = Buffer.from('1d5de25e3dc14bde5190ed764e028e1f', 'hex');

export type KeyPair = { readonly spki: Uint8Array; readonly privateKey: KeyObject };

export function rsaPair(bits = 2048): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return { spki: publicKey.export({ type: 'spki', format: 'der' }), privateKey };
}

export function ecPair(namedCurve: string): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  return { spki: publicKey.export({ type: 'spki', format: 'der' }), privateKey };
}

/** The whole certificate, signed with an RSA key. */
export function signed(fields: CertificateFields, { privateKey }: KeyPair): Uint8Array {
  const tbs = buildTbsCertificate(fields);
  return assembleSigned(tbs, fields.signatureAlgorithm, sign('sha256', tbs, privateKey));
}

export const rootKey = rsaPair();
export const issuingKey = rsaPair();

/** The certificate of an authority of the branch; all roots have one key and all intermediates another. */
export function certificateOf(id: string, created = CREATED): Uint8Array {
  const { hierarchy } = policies;
  const authority = caOf(hierarchy, id);
  const parts = { hierarchy, authority, serial: SERIAL, now: created };
  if (authority.kind === 'root') return signed(authorityFields({ ...parts, spki: rootKey.spki }), rootKey);
  const issuer = parseCertificate(certificateOf(authority.issuer, created));
  return signed(authorityFields({ ...parts, spki: issuingKey.spki, issuer }), rootKey);
}

export function issuingCa(id: string, created = CREATED): IssuingCa {
  const certificate = parseCertificate(certificateOf(id, created));
  return {
    id,
    certificate,
    keyId: keyIdentifier(certificate.spki),
    algorithm: signatureAlgorithmFor(certificate.spki),
  };
}

/** The private key as openssl takes it. */
export const pemOf = ({ privateKey }: KeyPair): string =>
  createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();

/** What openssl answers on stdout; throws with its stderr. */
export const openssl = (args: readonly string[], input?: string | Uint8Array): Buffer =>
  execFileSync('openssl', args, { input: input ?? '', stdio: ['pipe', 'pipe', 'pipe'] });
