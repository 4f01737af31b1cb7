// What a ResponseData must be before an OCSP key signs it: that key's own, of now, and not for too long.
import type { Finding } from '../src/errors.ts';
import { type DerElement, DerError, readDer, readTime, TAG } from '../src/x509/der.ts';
import { parseExtensions } from '../src/x509/extensions.ts';
import { parseCertId } from '../src/x509/ocsp.ts';
import type { PurposeContext } from './purpose.ts';

const DAY = 86_400_000;
/** Far above what is answered: who holds the socket for a moment must not keep a revocation unseen for long. */
const LONGEST_MS = DAY;
const BY_KEY = 0xa2;
const RESPONSE_EXTENSIONS = 0xa1;
const NEXT_UPDATE = 0xa0;
const SINGLE_EXTENSIONS = 0xa1;
const STATUS = { good: 0x80, revoked: 0xa1, unknown: 0x82 } as const;

type Single = { readonly thisUpdate: Date; readonly nextUpdate?: Date };
type ResponseData = {
  readonly responder: Uint8Array;
  readonly producedAt: Date;
  readonly responses: readonly Single[];
};

const unless = (good: boolean, rule: string, detail: string): Finding[] => (good ? [] : [{ rule, detail }]);

/** Every reason not to sign this answer. Throws DerError where it is no ResponseData. */
export function checkResponseData(tbs: Uint8Array, { keyId, now, toleranceMs }: PurposeContext): Finding[] {
  const { responder, producedAt, responses } = readResponseData(readDer(tbs));
  const latest = now.getTime() + toleranceMs;
  const ends = responses.flatMap(({ nextUpdate }) => nextUpdate ?? []);
  return [
    ...unless(
      Buffer.compare(responder, keyId) === 0,
      'RFC 6960 §4.2.2.3 Basic Response',
      'the responder is not the key that is asked to sign',
    ),
    ...unless(
      Math.abs(producedAt.getTime() - now.getTime()) <= toleranceMs,
      'RFC 6960 §4.2.2.1 Time',
      `producedAt is more than ${toleranceMs / 1000} s from the signer's clock`,
    ),
    ...unless(
      responses.every(
        ({ thisUpdate, nextUpdate }) =>
          thisUpdate.getTime() <= latest && (nextUpdate === undefined || nextUpdate > thisUpdate),
      ),
      'RFC 6960 §4.2.2.1 Time',
      'thisUpdate is not in the future, and comes before nextUpdate',
    ),
    ...unless(
      ends.every((nextUpdate) => nextUpdate.getTime() <= now.getTime() + LONGEST_MS),
      'RFC 6960 §4.2.2.1 Time',
      'nextUpdate is at most a day away',
    ),
  ];
}

/** RFC 6960 §4.2.1 ASN.1 Specification of the OCSP Response: version 1, which DER leaves out, and ResponderID byKey. */
function readResponseData(whole: DerElement): ResponseData {
  const [responder, producedAt, responses, extensions, ...rest] = whole.children;
  const [hash, ...more] = responder?.children ?? [];
  if (
    whole.tag !== TAG.SEQUENCE ||
    responder?.tag !== BY_KEY ||
    hash?.tag !== TAG.OCTET_STRING ||
    more.length + rest.length > 0
  ) {
    throw new DerError('a ResponseData with a responder by key was expected', whole.offset);
  }
  if (responses?.tag !== TAG.SEQUENCE || responses.children.length === 0) {
    throw new DerError('an answer answers something', whole.offset);
  }
  checkExtensions(extensions, RESPONSE_EXTENSIONS);
  return {
    responder: hash.content,
    producedAt: generalizedTime(producedAt),
    responses: responses.children.map(readSingle),
  };
}

function readSingle(single: DerElement): Single {
  const [certId, status, thisUpdate, ...rest] = single.children;
  if (single.tag !== TAG.SEQUENCE || certId === undefined || status === undefined) {
    throw new DerError('a SingleResponse was expected', single.offset);
  }
  parseCertId(certId);
  checkStatus(status);
  const nextUpdate = rest[0]?.tag === NEXT_UPDATE ? rest.shift() : undefined;
  checkExtensions(rest.shift(), SINGLE_EXTENSIONS);
  if (rest.length > 0) throw new DerError('a SingleResponse ends here', single.offset);
  const from = generalizedTime(thisUpdate);
  if (nextUpdate === undefined) return { thisUpdate: from };
  const [until, ...more] = nextUpdate.children;
  if (more.length > 0) throw new DerError('one nextUpdate was expected', nextUpdate.offset);
  return { thisUpdate: from, nextUpdate: generalizedTime(until) };
}

function checkStatus({ tag, content, children, offset }: DerElement): void {
  if ((tag === STATUS.good || tag === STATUS.unknown) && content.length === 0) return;
  const [revokedAt, reason, ...rest] = children;
  const [code, ...more] = reason?.children ?? [];
  const reasonGood = reason === undefined || (reason.tag === 0xa0 && code?.tag === TAG.ENUMERATED && more.length === 0);
  if (tag !== STATUS.revoked || !reasonGood || rest.length > 0) throw new DerError('a CertStatus was expected', offset);
  generalizedTime(revokedAt);
}

function checkExtensions(field: DerElement | undefined, tag: number): void {
  if (field === undefined) return;
  const [list, ...rest] = field.children;
  if (field.tag !== tag || list === undefined || rest.length > 0)
    throw new DerError('extensions were expected', field.offset);
  for (const { value } of parseExtensions(list)) readDer(value);
}

function generalizedTime(element: DerElement | undefined): Date {
  if (element?.tag !== TAG.GENERALIZED_TIME) throw new DerError('a GeneralizedTime was expected', element?.offset ?? 0);
  return readTime(element);
}
