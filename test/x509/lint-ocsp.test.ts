import { describe, expect, it } from 'vitest';
import type { Certificate } from '../../src/x509/certificate.ts';
import { integer, objectIdentifier, octetString, sequence } from '../../src/x509/der-writer.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';
import { type ExpectedResponseData, lintResponseData } from '../../src/x509/lint-ocsp.ts';
import { buildResponseData, certIdFor, type ResponseDataFields, type SingleResponse } from '../../src/x509/ocsp.ts';
import { OID } from '../../src/x509/oids.ts';
import { refusalOf } from '../helpers/refusal.ts';
import { at, FROM, hex, newBranch, SERIAL } from './branch.ts';

const { root, ca, responder, server } = newBranch('P-256');
const later = (seconds: number): Date => new Date(FROM.getTime() + seconds * 1000);
const { subject, spki } = ca.certificate;
const SINGLE: SingleResponse = {
  certIdDer: certIdFor(subject, spki, SERIAL),
  status: { good: true },
  thisUpdate: FROM,
  nextUpdate: later(3600),
};
const UNKNOWN: SingleResponse = {
  certIdDer: certIdFor(subject, spki, hex('07'), 'sha256'),
  status: { unknown: true },
  thisUpdate: FROM,
};
const FIELDS: ResponseDataFields = {
  responderKeyHash: keyIdentifier(responder.key.spki),
  producedAt: FROM,
  responses: [SINGLE, { ...SINGLE, status: { revoked: at('2026-03-10T23:00:00') } }, UNKNOWN],
  nonce: hex('01'),
};
const EXPECTED: ExpectedResponseData = { responder: responder.certificate, issuer: ca.certificate, now: later(1) };
const without = (certificate: Certificate, unwanted: string): Certificate => ({
  ...certificate,
  extensions: certificate.extensions.filter(({ oid }) => oid !== unwanted),
});

describe('an OCSP answer that is what was decided', () => {
  it('becomes signable: good, revoked and unknown in one', () => {
    const tbs = buildResponseData(FIELDS);
    expect(lintResponseData(tbs, EXPECTED)).toMatchObject({ kind: 'ocsp', tbs });
  });
});

describe('an OCSP answer is not signable, by this rule,', () => {
  const data = (change: Partial<ResponseDataFields>): Uint8Array => buildResponseData({ ...FIELDS, ...change });
  const single = (change: Partial<SingleResponse>): Uint8Array => data({ responses: [{ ...SINGLE, ...change }] });
  const withoutNext = ({ certIdDer, status, thisUpdate }: SingleResponse): SingleResponse => ({
    certIdDer,
    status,
    thisUpdate,
  });
  const foreign = sequence(
    sequence(objectIdentifier('1.2.3')),
    octetString(hex('01')),
    octetString(hex('02')),
    integer(1),
  );
  const TIMES = '§2.4 Semantics of thisUpdate, nextUpdate, and producedAt';
  const RESPONDER = '§4.2.2.2 Authorized Responders';

  it.each([
    ['§4.2.1 ASN.1 Specification of the OCSP Response', 'one that cannot be read', sequence(), {}],
    [
      '§4.2.1 ResponderID',
      'one that names another responder',
      data({ responderKeyHash: keyIdentifier(ca.key.spki) }),
      {},
    ],
    [RESPONDER, 'one of a responder of another CA', data({}), { issuer: root.certificate }],
    [
      RESPONDER,
      'one of a certificate that is no responder',
      data({ responderKeyHash: keyIdentifier(server.key.spki) }),
      { responder: server.certificate },
    ],
    [
      RESPONDER,
      'one of a responder without nocheck',
      data({}),
      { responder: without(responder.certificate, OID.ocspNoCheck) },
    ],
    [
      RESPONDER,
      'one of a responder without a key usage',
      data({}),
      { responder: without(responder.certificate, OID.keyUsage) },
    ],
    [
      RESPONDER,
      'one signed by the CA itself',
      data({ responderKeyHash: keyIdentifier(ca.key.spki) }),
      { responder: ca.certificate },
    ],
    [TIMES, 'one produced in the future', data({}), { now: later(-1) }],
    [TIMES, 'one produced too long ago', data({}), { now: later(61) }],
    [
      TIMES,
      'one after the end of the responder',
      data({ producedAt: at('2026-04-15T09:44:51') }),
      { now: at('2026-04-15T09:44:51') },
    ],
    [TIMES, 'one with a thisUpdate after producedAt', single({ thisUpdate: later(1) }), {}],
    [TIMES, 'one good without nextUpdate', data({ responses: [withoutNext(SINGLE)] }), {}],
    [TIMES, 'one that is stale at once', single({ nextUpdate: later(-1) }), {}],
    [TIMES, 'one that outlives its responder', single({ nextUpdate: at('2026-04-15T09:44:51') }), {}],
    ['§2.2 Response', 'one unknown with a nextUpdate', single({ status: { unknown: true } }), {}],
    [
      '§4.1.1 CertID',
      'one about another CA',
      single({ certIdDer: certIdFor(root.certificate.subject, root.certificate.spki, SERIAL) }),
      {},
    ],
    [
      '§4.1.1 CertID',
      'one about the same name with another key',
      single({ certIdDer: certIdFor(subject, root.certificate.spki, SERIAL) }),
      {},
    ],
    ['§4.1.1 CertID', 'one under a hash that we do not know', single({ certIdDer: foreign }), {}],
  ] satisfies [string, string, Uint8Array, Partial<ExpectedResponseData>][])(
    'RFC 6960 %s: %s',
    (rule, _, tbs, expected) => {
      const { code, findings } = refusalOf(() => lintResponseData(tbs, { ...EXPECTED, ...expected }));
      expect(code).toBe('lint_failed');
      expect(findings.map((finding) => finding.rule)).toContain(`RFC 6960 ${rule}`);
      expect(findings.every(({ remedy }) => remedy !== undefined)).toBe(true);
    },
  );
});
