// What the HTTP adapters ask of the house. main.ts hands in real functions, tests hand in fakes; nothing here decides anything.

import type { RenewalWindow } from '../policy/renewal.ts';
import type { CertificateView } from '../ra/certificate-view.ts';
import type { AdministratorActor, Peer } from '../ra/find-actor.ts';
import type { CertificateExtract, CertificatePage, ExtractQuery, ListQuery } from '../ra/list-certificates.ts';
import type { OrderCommand } from '../ra/order-certificate.ts';
import type { RevokeOrder } from '../ra/revoke-certificate.ts';
import type { DirectoryAnswer, DirectoryQuery } from '../store/directory.ts';
import type { SearchCertificates } from '../store/search.ts';

type ProfileView = {
  readonly name: string;
  /** what it is for, in one sentence */
  readonly description: string;
  /** id of the CA that issues it */
  readonly issuer: string;
  readonly issuedBy: 'order' | 'operator' | 'system';
  /** SHA-256 of the profile file, lower-case hexadecimal */
  readonly digest: string;
};

export type Readiness = {
  readonly ready: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail?: string }[];
};

/** One function per operation of openapi.yaml, under the operation's name. They throw Refusal and Outage, and nothing else on purpose. */
export type ApiUseCases = {
  /** throws Refusal `client_certificate_required` or `client_certificate_refused` */
  findActor(peer: Peer): Promise<AdministratorActor>;
  orderCertificate(command: OrderCommand): Promise<CertificateView>;
  findCertificate(query: { id: string; actor: AdministratorActor }): Promise<CertificateView>;
  /** when to renew it */
  findRenewalWindow(query: { id: string; actor: AdministratorActor }): Promise<RenewalWindow>;
  listCertificates(query: ListQuery & { readonly limit: number }): Promise<CertificatePage>;
  /** the same list as a stream of rows, up to a bound */
  extractCertificates(query: ExtractQuery): Promise<CertificateExtract>;
  /** answers the certificate as it stands after the revocation */
  revokeCertificate(command: RevokeOrder): Promise<CertificateView>;
  listProfiles(): readonly ProfileView[];
  /** throws Refusal `not_found` where no mail system is known, `bearer_token_refused` for any token but its own */
  admitMailSystem(token: string | undefined): void;
  /** keeps a mail about mails that came back, at least one octet, for the worker to read */
  recordDeliveryReport(message: Uint8Array): Promise<void>;
  readiness(): Promise<Readiness>;
};

export type OcspAnswer = {
  readonly der: Uint8Array;
  /** absent when no cache may keep the answer */
  readonly cache?: { readonly thisUpdate: Date; readonly nextUpdate: Date; readonly maxAgeSeconds: number };
};

export type PublishedCrl = {
  readonly der: Uint8Array;
  readonly number: bigint | number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** as the header carries it, quotes included (RFC 9110 §8.8.3 ETag) */
  readonly etag: string;
};

export type AuthorityFile = {
  readonly der: Uint8Array;
  /** RFC 5280 §4.2.2.1 Authority Information Access: pkix-cert for one certificate, pkcs7-mime for a certs-only message */
  readonly contentType: string;
  /** as the header carries it, quotes included */
  readonly etag: string;
};

/** Paths are percent-decoded, begin with `/`, and are compared exactly: `/AC TEST/ACR-EL-TEST.cer`. */
export type PublicUseCases = {
  respondOcsp(requestDer: Uint8Array): Promise<OcspAnswer>;
  findCrl(path: string): Promise<PublishedCrl | undefined>;
  findAuthorityFile(path: string): AuthorityFile | undefined;
  /** the certificate store of RFC 4387 */
  searchCertificates: SearchCertificates;
  /** certificates of a structure or of a name, for anyone */
  searchDirectory(query: DirectoryQuery): Promise<DirectoryAnswer>;
  /** the last CRL of the authority whose subject or key identifier has this search key (RFC 4387 §2.2) */
  findCrlOf(question: {
    readonly by: 'iHash' | 'sKIDHash';
    readonly key: Uint8Array;
  }): Promise<PublishedCrl | undefined>;
  readiness(): Promise<Readiness>;
};
