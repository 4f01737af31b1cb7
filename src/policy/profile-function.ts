// One function for each certificate: authentication, signature or encryption, and of the mixtures only the two that certificates
// of IGC-Santé have (CGU 2023 §5). A key that also enciphers must not be able to bind its holder by a signature, and the other way.

import type { Finding } from '../errors.ts';
import type { Profile } from './profile.ts';

type Usage = NonNullable<Profile['keyUsage']['rsa']>[number];
type Purpose = Profile['extendedKeyUsage'][number];

type CertificateFunction = {
  readonly name: string;
  /** each a whole set of key usages */
  readonly usages: readonly (readonly Usage[])[];
  /** of these purposes one or more, and no other */
  readonly purposes: readonly Purpose[];
  /** the purpose without which it is another function */
  readonly mark?: Purpose;
  /** whether the private key may be used for a stated period: always where it binds its holder, else never */
  readonly usagePeriod: boolean;
};

/** Named as RGS A4 has them; a server and a seal have the mixtures that are seen. */
const FUNCTIONS: readonly CertificateFunction[] = [
  {
    name: 'authentication',
    usages: [['digitalSignature']],
    purposes: ['clientAuth', 'msSmartcardLogin'],
    usagePeriod: false,
  },
  {
    name: 'authentication of a server',
    usages: [['digitalSignature'], ['digitalSignature', 'keyEncipherment']],
    purposes: ['serverAuth', 'clientAuth'],
    mark: 'serverAuth',
    usagePeriod: false,
  },
  {
    name: 'signature',
    usages: [['nonRepudiation'], ['digitalSignature', 'nonRepudiation']],
    purposes: ['emailProtection'],
    usagePeriod: true,
  },
  { name: 'signature of mail', usages: [['digitalSignature']], purposes: ['emailProtection'], usagePeriod: false },
  {
    name: 'encryption',
    usages: [['keyEncipherment'], ['dataEncipherment'], ['keyAgreement']],
    purposes: ['emailProtection'],
    usagePeriod: false,
  },
  { name: 'OCSP', usages: [['digitalSignature']], purposes: ['OCSPSigning'], usagePeriod: false },
];

const RULE = 'CGU 2023 §5: one function for each certificate';

/** Findings where usages and purposes are not those of one function, the same for every type of key, with its period of use. */
export function functionFindings(profile: Profile): Finding[] {
  const { extendedKeyUsage, keyUsage, privateKeyUsagePeriod } = profile;
  const types = (['rsa', 'ec'] as const).filter((type) => keyUsage[type] !== undefined);
  const candidates = types.map((type) => FUNCTIONS.filter((one) => fits(one, keyUsage[type] ?? [], extendedKeyUsage)));
  const mixed = types.filter((_, index) => candidates[index]?.length === 0);
  if (mixed.length > 0) {
    const detail = 'these usages and purposes together are no function, or more than one';
    return mixed.map((type) => ({ rule: RULE, at: `/keyUsage/${type}`, detail }));
  }
  const shared = FUNCTIONS.find((one) => candidates.every((found) => found.includes(one)));
  if (shared === undefined) {
    return [{ rule: RULE, at: '/keyUsage', detail: 'keys of different types have different functions' }];
  }
  if (shared.usagePeriod === (privateKeyUsagePeriod !== undefined)) return [];
  const rule = 'RFC 3280 §4.2.1.4 Private Key Usage Period';
  const detail = shared.usagePeriod
    ? 'a signature profile says how long its key may sign'
    : `only a signature profile has a period of use, and this is ${shared.name}`;
  return [{ rule, at: '/privateKeyUsagePeriod', detail }];
}

const fits = (one: CertificateFunction, usages: readonly Usage[], purposes: readonly Purpose[]): boolean =>
  one.usages.some((set) => set.length === usages.length && set.every((usage) => usages.includes(usage))) &&
  purposes.every((purpose) => one.purposes.includes(purpose)) &&
  (one.mark === undefined || purposes.includes(one.mark));
