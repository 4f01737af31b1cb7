// A certificate as a flat list of facts, in one form for ours and for those of IGC-Santé, so that the two can be held side by side.

import { parseSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { describeExtension, describeKey, describeName, describeValidity, type Veil, wordOf } from './describe.ts';

/** From the name of a field to what stands there. */
export type Facts = Readonly<Record<string, string>>;

/** Every field of a certificate; `veil` hides who a person is. */
export function factsOf(certificate: Certificate, veil: Veil): Facts {
  const [from, until, length] = describeValidity(certificate);
  const times = [from, until].map((time) => /\((.*)\)/.exec(time ?? '')?.[1]);
  return {
    serialNumber: `${certificate.serial.length} octets`,
    signature: parseSignatureAlgorithm(certificate.signatureAlgorithm) ?? 'another algorithm',
    issuer: describeName(certificate.issuerName).join(' / '),
    validity: `${length}, ${times.join(' and ')}`,
    subject: describeName(certificate.subjectName, veil).map(sorted).join(' / '),
    subjectPublicKeyInfo: describeKey(certificate.spki),
    'order of the extensions': certificate.extensions.map(({ oid }) => wordOf(oid)).join(', '),
    ...Object.fromEntries(
      certificate.extensions.map((extension) => [
        wordOf(extension.oid),
        describeExtension(extension, certificate, veil).map(withoutDates).join(', '),
      ]),
    ),
  };
}

// a multi-valued RDN is in the order of its encodings, which depends on how long a veiled name is
const sorted = (rdn: string): string => rdn.split(' + ').sort().join(' + ');

/** A period is compared by what it is, and stated by its validity. */
const withoutDates = (text: string): string =>
  text.replace(
    /^(\d{4}-\d{2}-\d{2}T[\d:]+Z) to (\d{4}-\d{2}-\d{2}T[\d:]+Z), /,
    (_, from, until) => `${Math.round((Date.parse(until) - Date.parse(from)) / 86_400_000)} days, `,
  );
