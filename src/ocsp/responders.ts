// The delegated responders whose certificates are valid now, read from the database and kept for a short while.

import type { Database } from '#db/connect.ts';
import { listAllResponders } from '#db/responders.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';

/** A new responder is used this long after its certificate at the latest; the overlap of old and new is days. */
const KEPT_MS = 10_000;

export type Responder = { readonly issuer: string; readonly keyId: Uint8Array; readonly certificate: Certificate };

export type Responders = {
  /** the responder of `issuer` that is valid at `now` and ends last; throws Outage when the database is away and nothing is kept */
  current(issuer: string, now: Date): Promise<Responder | undefined>;
};

/** A reader of the responder rows; one a process. */
export function createResponders(db: Database, monotonic: () => number = () => performance.now()): Responders {
  let kept: readonly Responder[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  const refresh = async (now: Date): Promise<void> => {
    const rows = await listAllResponders(db.read, now);
    kept = rows.map((row) => ({ issuer: row.issuer, keyId: row.keyId, certificate: parseCertificate(row.der) }));
    readAt = monotonic();
  };
  const find = (issuer: string, now: Date): Responder | undefined =>
    kept
      .filter(
        ({ issuer: of, certificate }) => of === issuer && certificate.notBefore <= now && now < certificate.notAfter,
      )
      .reduce<Responder | undefined>(
        (best, one) => (best === undefined || one.certificate.notAfter > best.certificate.notAfter ? one : best),
        undefined,
      );
  return {
    async current(issuer, now) {
      if (monotonic() - readAt > KEPT_MS || find(issuer, now) === undefined) await refresh(now);
      return find(issuer, now);
    },
  };
}
