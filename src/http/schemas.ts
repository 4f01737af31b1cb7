// The shapes that several operations share, as TypeBox schemas: they check requests and are the text of openapi.yaml.

import { type TSchema, Type } from 'typebox';
import { SHOWN_CODES } from './problem-texts.ts';

export const closed = { additionalProperties: false } as const;

const text = (description: string, example: string) => Type.String({ description, examples: [example] });

const Finding = Type.Object(
  {
    rule: text('The rule that was broken, as number and title.', 'RFC 2986 §4.1 CertificationRequestInfo'),
    at: Type.Optional(
      text(
        'Where: a JSON pointer into the body, a path into the DER with its byte offset, `query:` or `header:`.',
        '/holder/structure',
      ),
    ),
    detail: text('What is wrong there, in English.', "must have required property 'structure'"),
    remedy: Type.Optional(text('How to mend it, in English.', 'generate a new key pair of at least 2048 bits')),
  },
  closed,
);

export const Problem = Type.Object(
  {
    type: text('Where this kind of problem is explained, relative to this server.', '/problems/body_malformed'),
    title: text('The kind of problem, in French or in English (Accept-Language).', 'Requête mal formée'),
    status: Type.Integer({ description: 'The HTTP status once more.', examples: [400] }),
    code: Type.Unsafe<string>({
      type: 'string',
      enum: [...SHOWN_CODES],
      description: 'The kind of problem for programs: test this, never a text.',
      examples: ['body_malformed'],
    }),
    detail: text('What it means, in French or in English.', 'La requête ne suit pas le contrat de cette opération.'),
    reason: Type.Optional(
      text('What exactly was refused, in English.', 'the body is not the JSON that this operation takes'),
    ),
    findings: Type.Array(Finding, { description: 'Everything that was found wrong, not only the first.' }),
    instance: text('Identifies this answer in the operator’s log.', 'urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057'),
  },
  { ...closed, $id: 'Problem', description: 'Problem details (RFC 9457).' },
);

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'The request does not follow the contract.',
  401: 'No client certificate, or one that is not accepted.',
  403: 'The caller has no right to do this.',
  404: 'There is no such resource, or the caller may not see it.',
  406: 'None of the formats in Accept is available.',
  409: 'The state of the resource, or a request that is still running, stands against it.',
  413: 'The body is too large.',
  415: 'Another Content-Type than those listed.',
  422: 'The request is understood and refused: by the policy, by the rules of the standards, or because the Idempotency-Key came with another request.',
  429: 'Too many requests from this caller or this address; Retry-After says when to go on.',
  500: 'An unexpected error; `instance` identifies it for the operator.',
  503: 'A part of the service is away; Retry-After says when to try again.',
};

/** The answers of an operation that are problem documents. */
export const problems = (...statuses: readonly number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: MEANINGS[status] ?? '',
        content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
      },
    ]),
  );

/** An answer in JSON. */
export const json = (description: string, schema: TSchema | { $ref: string }) => ({
  description,
  content: { 'application/json': { schema } },
});

const id = Type.String({
  description: 'Identifier of the certificate in this service (a UUID).',
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  examples: ['0198f2a4-5d4e-7c31-9b7a-2f1d3c4b5a69'],
});

export const CertificateParams = Type.Object({ id }, closed);

export const IdempotencyHeaders = Type.Object({
  'Idempotency-Key': Type.Optional(
    Type.String({
      description:
        'Chosen by the caller, new for each act. 1 to 255 printable ASCII characters. A request repeated with the same key and the same body is done once and gets the same answer.',
      examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
    }),
  ),
});

const moment = (description: string, example: string) =>
  Type.String({ description, format: 'date-time', examples: [example] });
const url = (description: string, example: string) => Type.String({ description, examples: [example] });
const PEM = '-----BEGIN CERTIFICATE-----\nMIIG…\n-----END CERTIFICATE-----\n';

const revocation = {
  reason: text('Why, in the words of RFC 5280 §5.3.1.', 'superseded'),
  revokedAt: moment('Since when.', '2026-11-21T14:03:07.000Z'),
};

const summary = {
  id,
  profile: text('The profile under which it was issued.', 'serv-ssl'),
  state: Type.Unsafe<string>({
    type: 'string',
    enum: ['issued', 'revoked', 'expired'],
    description: 'Its state at this moment; what was revoked stays so when it expires.',
  }),
  issuer: text('The CA that issued it.', 'ACI-EL-ORG-TEST'),
  serial: text('Serial number in lower-case hexadecimal.', '5f0c9d1b3a7e42688c1d9e0f2b4a6c81'),
  subject: text('Subject (RFC 4514).', 'CN=www.exemple.fr,OU=10B0000001,O=ETABLISSEMENT DE TEST,ST=Paris (75),C=FR'),
  holder: Type.Object(
    {
      structure: text('National identifier of the structure to which it belongs (Struct_IdNat).', '10B0000001'),
      identifier: text(
        'National identifier of the holder: of the structure itself, or of a person (IdNat_PS).',
        '899700075064',
      ),
    },
    closed,
  ),
  keyDigest: text(
    'Digest of its public key, by which certificates are found again: see the parameter `key` of the list.',
    '6f1ed002ab5595859014ebf0951522d9a8a1e4b8c0e2a5ee9ea3a5c9bd5cf2f1',
  ),
  notBefore: moment('Valid from.', '2026-11-21T13:58:00.000Z'),
  notAfter: moment('Valid until.', '2029-11-21T13:58:00.000Z'),
  created: moment('When it was recorded here.', '2026-11-21T13:58:00.412Z'),
};
const revoked = Type.Optional(Type.Object(revocation, { ...closed, description: 'Present when it is revoked.' }));

export const CertificateSummary = Type.Object(
  {
    ...summary,
    revocation: revoked,
    links: Type.Object(
      { self: url('The certificate itself.', '/v1/certificates/0198f2a4-5d4e-7c31-9b7a-2f1d3c4b5a69') },
      closed,
    ),
  },
  { ...closed, $id: 'CertificateSummary' },
);

export const Certificate = Type.Object(
  {
    ...summary,
    certificate: text('The certificate in PEM.', PEM),
    chain: Type.Array(Type.String(), { description: 'Its issuer, then the root, in PEM.', examples: [[PEM, PEM]] }),
    revocation: revoked,
    links: Type.Object(
      {
        self: url('This certificate.', '/v1/certificates/0198f2a4-5d4e-7c31-9b7a-2f1d3c4b5a69'),
        revocation: url('Where to revoke it.', '/v1/certificates/0198f2a4-5d4e-7c31-9b7a-2f1d3c4b5a69/revocation'),
        issuerCertificate: url(
          'The issuer’s certificate.',
          'http://igc.demo.igc-sante.fr/AC%20TEST/ACI-EL-ORG-TEST.cer',
        ),
        crl: url('The revocation list that covers it.', 'http://igc.demo.igc-sante.fr/CRL/ACI-EL-ORG-TEST.crl'),
        ocsp: url('Where to ask for its status (OCSP).', 'http://ocsp.demo.igc-sante.fr'),
      },
      closed,
    ),
  },
  { ...closed, $id: 'Certificate' },
);

export const Revocation = Type.Object(
  {
    certificate: id,
    issuer: text('The CA that issued the certificate.', 'ACI-EL-ORG-TEST'),
    serial: text('Serial number in lower-case hexadecimal.', '5f0c9d1b3a7e42688c1d9e0f2b4a6c81'),
    ...revocation,
    links: Type.Object(
      {
        certificate: url('The certificate.', '/v1/certificates/0198f2a4-5d4e-7c31-9b7a-2f1d3c4b5a69'),
        crl: url('The revocation list in which it will stand.', 'http://igc.demo.igc-sante.fr/CRL/ACI-EL-ORG-TEST.crl'),
        ocsp: url('Where the revocation shows first (OCSP).', 'http://ocsp.demo.igc-sante.fr'),
      },
      closed,
    ),
  },
  { ...closed, $id: 'Revocation' },
);
