// What each caller may have signed. The socket tells the role, the bytes tell what is asked, and both are judged here by what
// the signer knows itself; nothing that a caller says about its bytes counts. Pure: no token is touched before the verdict.
import type { Finding } from '../src/errors.ts';
import { DerError } from '../src/x509/der.ts';
import type { CertListOutline } from './cert-list-stream.ts';
import { checkAuthorityCertificate, checkCertificate } from './purpose-certificate.ts';
import { checkCertList } from './purpose-crl.ts';
import { checkResponseData } from './purpose-ocsp.ts';
import type { IssuingKey, SigningKey } from './signing-key.ts';

export type TokenKind = 'issuing' | 'ocsp';
export type Role = 'api' | 'operator' | 'public' | 'worker';

/** One thing that a key can be asked to sign. */
export type Duty =
  /** of software: what technical administrators order */
  | 'end-entity certificate'
  /** with which people log in: made by operators alone */
  | 'card certificate'
  | 'OCSP responder certificate'
  | 'CA certificate'
  | 'CRL'
  | 'OCSP response';

type Rights = { readonly sign: readonly Duty[]; readonly manageKeys: boolean };

/** A role without a line has no socket. */
export const RIGHTS: Readonly<Record<TokenKind, Readonly<Partial<Record<Role, Rights>>>>> = {
  issuing: {
    api: { sign: ['end-entity certificate'], manageKeys: false },
    operator: { sign: ['end-entity certificate', 'card certificate', 'CRL'], manageKeys: false },
    worker: { sign: ['OCSP responder certificate', 'CRL'], manageKeys: false },
  },
  ocsp: {
    public: { sign: ['OCSP response'], manageKeys: false },
    worker: { sign: [], manageKeys: true },
  },
};

/** A ceremony, with people in the room, makes CAs and the lists of roots; it issues to nobody else. */
export const CEREMONY: readonly Duty[] = ['CA certificate', 'CRL'];

/** The three structures, told apart by their first tags. */
export type Kind = 'certificate' | 'crl' | 'ocsp';

const KIND_OF: Readonly<Record<Duty, Kind>> = {
  'end-entity certificate': 'certificate',
  'card certificate': 'certificate',
  'OCSP responder certificate': 'certificate',
  'CA certificate': 'certificate',
  CRL: 'crl',
  'OCSP response': 'ocsp',
};

/** Whether any of these duties is about structures of this kind. */
export const isKindAllowed = (duties: readonly Duty[], kind: Kind): boolean =>
  duties.some((duty) => KIND_OF[duty] === kind);

/** A structure that has come whole: a list as its outline, the others in full. */
export type Received =
  | { readonly kind: 'certificate' | 'ocsp'; readonly tbs: Uint8Array }
  | { readonly kind: 'crl'; readonly outline: CertListOutline };

export type PurposeContext = {
  readonly duties: readonly Duty[];
  /** CKA_ID of the key that is asked for */
  readonly keyId: Uint8Array;
  /** the key itself, where it is known before the token is asked: always but for keys of the OCSP token */
  readonly key?: SigningKey | IssuingKey;
  /** every CA, roots included: their keys and names are nobody else's */
  readonly authorities: readonly IssuingKey[];
  /** the signer's clock, and how far a caller's may be from it */
  readonly now: Date;
  readonly toleranceMs: number;
};

/** Every reason not to sign; none is the permission to. */
export function checkPurpose(received: Received, context: PurposeContext): Finding[] {
  try {
    if (!isKindAllowed(context.duties, received.kind)) return [notAllowed(received.kind)];
    if (received.kind === 'crl') return checkCertList(received.outline, context);
    if (received.kind === 'ocsp') return checkResponseData(received.tbs, context);
    return context.duties.includes('CA certificate')
      ? checkAuthorityCertificate(received.tbs, context)
      : checkCertificate(received.tbs, context);
  } catch (error) {
    if (error instanceof DerError) return [malformed(error)];
    throw error;
  }
}

const NAMES: Readonly<Record<Kind, string>> = {
  certificate: 'a TBSCertificate',
  crl: 'a TBSCertList',
  ocsp: 'a ResponseData',
};

export const notAllowed = (kind: Kind): Finding => ({
  rule: 'what this socket may have signed',
  detail: `${NAMES[kind]} is not signed for this caller with this key`,
});

export const malformed = ({ message, offset }: DerError): Finding => ({
  rule: 'X.690 §10 Distinguished encoding rules',
  at: `@ ${offset}`,
  detail: message,
});
