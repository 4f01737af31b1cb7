// The ceremony that makes the certification authorities of a branch: keys in their tokens, certificates in the hierarchy's
// directory. Every step is in the journal first; a repeat goes on where the last run stopped, and a finished ceremony is left alone.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Authority, readAuthority } from '../authority.ts';
import { Refusal } from '../errors.ts';
import { buildAuthoritySignable } from '../policy/authority.ts';
import { type CertificationAuthority, type Hierarchy, hierarchyDigest } from '../policy/hierarchy.ts';
import type { KeyAlgorithm } from '../x509/keys.ts';
import { type CeremonyJournal, certificateMade, openIntents, recordsOf } from './ceremony-journal.ts';
import { recordedSigner, type SigningToken } from './ceremony-signer.ts';
import { writeFileDurably } from './durable-file.ts';
import { newSerial } from './serial.ts';

type Key = { readonly keyId: Uint8Array; readonly spki: Uint8Array };

/** A token that the ceremony has opened. */
export type CeremonyToken = SigningToken & {
  generateKey(algorithm: KeyAlgorithm, label: string): Promise<Key>;
  findKey(keyId: Uint8Array): Key | undefined;
};

export type Ceremony = {
  readonly hierarchy: Hierarchy;
  /** where the certificates go; the journal is in it too */
  readonly directory: string;
  readonly journal: CeremonyJournal;
  /** opens the token that holds the keys of this kind of CA; asked only when something is left to make */
  readonly tokenFor: (kind: CertificationAuthority['kind']) => CeremonyToken;
  readonly clock: () => Date;
  /** told what happens, a line at a time */
  readonly progress: (line: string) => void;
};

/** The file of an authority's certificate in the hierarchy's directory. */
export const certificateFile = (directory: string, id: string): string => join(directory, `${id}.cer`);

/**
 * Makes what is missing of the hierarchy and answers all its authorities, each after its issuer.
 * Throws Refusal `hierarchy_differs` when the directory belongs to another hierarchy; Outage when a token is away.
 */
export async function createHierarchy(ceremony: Ceremony): Promise<readonly Authority[]> {
  // 1. Claim the directory. If we stop here, it is bound to this hierarchy and nothing else has happened.
  claimDirectory(ceremony);
  const made = new Map<string, Authority>();
  for (const ca of ceremony.hierarchy.authorities) {
    // 2. The key. If we stop between token and journal, the token keeps a key that no certificate will ever name.
    // 3. The certificate: recordedSigner says what happens at each stop.
    const certificate = certificateMade(ceremony.journal, ca.id) ?? (await certify(ceremony, ca, made.get(ca.issuer)));
    // 4. The file. If we stop before it, the repeat writes it from the journal.
    keepCertificate(ceremony, ca.id, certificate);
    made.set(ca.id, readAuthority({ id: ca.id, kind: ca.kind, issuer: ca.issuer, certificate }));
  }
  return [...made.values()];
}

function claimDirectory({ directory, hierarchy, journal }: Ceremony): void {
  const path = join(directory, 'hierarchy.json');
  const digest = hierarchyDigest(hierarchy);
  const claim = `${JSON.stringify({ name: hierarchy.name, digest, urls: hierarchy.urls }, undefined, 2)}\n`;
  if (!existsSync(path)) {
    writeFileDurably(path, claim);
    journal.append({ kind: 'ceremony.begun', hierarchy: hierarchy.name, digest });
  } else if (readFileSync(path, 'utf8') !== claim) {
    throw differs(path, 'names, keys or URLs of the policy are not those of the hierarchy that was begun here', {
      remedy: 'restore policies/hierarchy as it was, or take an empty HIERARCHY_DIRECTORY and other tokens',
    });
  }
  for (const { id } of hierarchy.authorities) {
    const file = certificateFile(directory, id);
    if (existsSync(file) && certificateMade(journal, id) === undefined) {
      throw differs(file, 'the ceremony’s journal does not know this certificate', {
        remedy: 'restore ceremony.ndjson that belongs to it',
      });
    }
  }
}

async function certify(
  ceremony: Ceremony,
  ca: CertificationAuthority,
  issuer: Authority | undefined,
): Promise<Uint8Array> {
  const { hierarchy, journal, progress } = ceremony;
  const key = await keyOf(ceremony, ca);
  for (const intent of openIntents(journal, ca.id)) {
    progress(
      `${ca.id}: an earlier run stopped at a signature; whatever it made is abandoned, and a new serial is taken`,
    );
    journal.append({ kind: 'signature.abandoned', about: ca.id, tbsSha256: intent.tbsSha256 });
  }
  const signable = buildAuthoritySignable({
    hierarchy,
    authority: ca,
    spki: key.spki,
    serial: newSerial(),
    now: ceremony.clock(),
    ...(issuer === undefined ? {} : { issuer: issuer.certificate }),
  });
  const signing =
    issuer === undefined
      ? { id: ca.id, ...key }
      : { id: issuer.id, keyId: issuer.keyId, spki: issuer.certificate.spki };
  const signer = recordedSigner(ceremony.tokenFor('root'), journal, {
    authority: signing.id,
    about: ca.id,
    spki: signing.spki,
  });
  await signer.sign(signing.keyId, signable);
  const certificate = certificateMade(journal, ca.id);
  if (certificate === undefined) throw new Error(`the journal has lost the certificate of ${ca.id}`);
  progress(`${ca.id}: certificate signed by ${signing.id}`);
  return certificate;
}

/** The key that the journal names, if its token still has it; else a new one. Only for an authority without a certificate. */
async function keyOf({ journal, tokenFor, progress }: Ceremony, ca: CertificationAuthority): Promise<Key> {
  const token = tokenFor(ca.kind);
  const recorded = recordsOf(journal, 'key.generated').findLast(({ authority }) => authority === ca.id);
  const found = recorded === undefined ? undefined : token.findKey(Buffer.from(recorded.keyId, 'hex'));
  if (found !== undefined && Buffer.from(found.spki).toString('base64') === recorded?.spki) return found;
  const size = ca.key.type === 'rsa' ? `RSA-${ca.key.bits}` : ca.key.curve;
  progress(
    `${ca.id}: making an ${size} key in the ${ca.kind === 'root' ? 'root' : 'issuing'} token, which may take a while`,
  );
  const { keyId, spki } = await token.generateKey(ca.key, ca.id);
  journal.append({
    kind: 'key.generated',
    authority: ca.id,
    token: ca.kind === 'root' ? 'root' : 'issuing',
    keyId: Buffer.from(keyId).toString('hex'),
    spki: Buffer.from(spki).toString('base64'),
  });
  return { keyId, spki };
}

function keepCertificate({ directory }: Ceremony, id: string, certificate: Uint8Array): void {
  const file = certificateFile(directory, id);
  if (!existsSync(file)) writeFileDurably(file, certificate);
  else if (Buffer.compare(readFileSync(file), certificate) !== 0) {
    throw differs(file, 'this is not the certificate that the ceremony made', {
      remedy: 'remove the file: the next run writes it from the journal',
    });
  }
}

const differs = (at: string, detail: string, { remedy }: { remedy: string }): Refusal =>
  new Refusal('hierarchy_differs', 'the hierarchy’s directory does not belong to this hierarchy', [
    { rule: 'names, keys and URLs are fixed at creation', at, detail, remedy },
  ]);
