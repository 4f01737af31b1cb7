// Fixed test data, from which documents come out the same wherever they are made: two public keys of which nobody kept the private
// half, a serial, a moment, and certificates without a signature. Nothing here is ever published or signed.

import { authorityFields } from '../../src/policy/authority.ts';
import type { IssuingCa } from '../../src/policy/decide.ts';
import { caOf, type Hierarchy } from '../../src/policy/hierarchy.ts';
import { signatureAlgorithmFor } from '../../src/x509/algorithms.ts';
import {
  assembleSigned,
  buildTbsCertificate,
  type Certificate,
  type CertificateFields,
  parseCertificate,
} from '../../src/x509/certificate.ts';
import { keyIdentifier } from '../../src/x509/keys.ts';

const spkiOf = (...base64: string[]): Uint8Array => Uint8Array.from(Buffer.from(base64.join(''), 'base64'));

const AUTHORITY_KEY = spkiOf(
  ...[
    'MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA7r0c/Rre3VHHKiiUxFNcGPTZvztgqxD4H3OSQigCr9ggXL2/OWKvEm7kjRVSxaQEHG2c',
    '7OeB96BdczEakOuMh+3RClYbOp5Ao4FROry+ofsXLgxVxlYQK1JxrXLkAEOhDp9Uqo5JlIfjs2WDTNW1KbHuaR6mHQyXZlfyxpFgN7itH8d7UiS4',
    'dfVk0e6UYv7RobKT3shF6AfEgB7BFbMBjg1TnW1+dytDkai2LjX0oyAIten+HpGs9x+NBCPsDGrgUXrsuvwfMbau1bShaxTvJLDS0HCsJC92o2W6',
    'N8N2xvYkzDhKTjAithB5g8sEH9TcQWlksspKWJJ6TZPHra025HRomlcEhSSt8yqybCnt+Ib3wepnVtbX/qFNrArBFIN5Dh30J9g9gToYk9J1gxMD',
    'qyogwc1/JqeeSA+xmLlK/tOAM7f7r26QbQAMSfuQxVyY8YBogUI2wPIinaTbUMwTbZ9VHJJUn2vUmvQG4VXkcnWx5MteylTDwTNILLr7BDHC+DQd',
    'G2blG0Gz88PGkbcVzAhI389NB34tjxJs4kZjXDciiJjLHmaLfFEScsBMo38W+EQINLCIwKna51ckCT2po930EoE2rZRXPEEfTXd4DE9G0by+W9Fg',
    'Cg9zQd649/tIExoE5rlYbAc62IC+XkC5pCp+GuAI2vjXvuRC2PzYdYECAwEAAQ==',
  ],
);
const ROOT_KEY = spkiOf(
  ...[
    'MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA9igemC1mokmds4LJhC2+d6IlyEj6ADZb6rnqqg8WIicqBR+OYNU2qe/vfCWJC6hgy/aW',
    'lmchRhlvbLAgjaYAuPXBRr6d7YxBZ9lz9dwEMNctkBBzd5h3GqIM1Dr6yCfTHlaBRhYZA8hxtcC+snPQ9Q05L/PrbQMXkKEfp2X7kfWNGJo/WYJM',
    'CuCbNComI/9BFzymgxoFQ1KCucnu+Jdiq72jNCn0a1VMiVb94vMGv4UrfTjJJc9gs/5R0iSDiCMu3/UZfUzrb0jgxIQL4PGJK2JwFkZX8PcWqhA3',
    'A0g2UeowhAeYzwcSNSFW8YLI56Zp06KgM6IolREDoBTmZUkMLvoWXDKILv2OuapREorXjs6L78WCymzdtt1644+FzKlKBcdwGQCByavdOIr1n7UA',
    'u352DkM8rDE9/5uGdFrdAqwGWnkGmuycj4EBGhP+svkZMnFAJmP1gDAcLiX1LPjEfPXZ2YsA+ribytG2cdQEJjoKJEa8P2/fWCQZqYoclitDfj9Y',
    'dPHcNAeDIGAL0ZMiTE8mdGfjSng1GeSGJnX7JVml9et02obuSSIPZV4BsSiopzk4938c0C/icKE1FY54Pq4tAzfUmY8RRCeb1XoAr1wRS7R2bFd1',
    '/fd3oyrzSjD7sF65OcbI12BnyBzQFcs2wkGyK7g+En+i99ZFVhRrYRsCAwEAAQ==',
  ],
);
export const HOLDER_KEY = spkiOf(
  ...[
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4jYB7DiZ52IcUy4u26A/TpqQhZ31Ph9pizxxlOIIjmo1w6pvcQSBKcUsmN4W9qUJ9Jlb',
    '5wzLc/yG3IoyZ1DAYauczusdXSVap8BE+Mwt93CURyNtuG4IWVUZkyiVwzovoJJqhijB/YOjfxoT7RpLxIUogRwP5yGmJChJ62HiHMkhxRuLxnYM',
    'PhtH7Q54SW/CAhVdRrV99/hPLOBccgZTzPW4LGbeRrT+p9GMhTk2uCvA3XpcTMlhdlIDxXCyYRW3/gUx/dFNPr4K3dUGkKykcx9i+h2oJ/7N3Fen',
    '39g015rMjkrxhNXf3VjKrZ4rxhYlZmskgQno5vVZ4nI6CuDzpwIDAQAB',
  ],
);

export const SERIAL = Buffer.from('5a000102030405060708090a0b0c0d0e', 'hex');

/** The certificate of these fields with an empty signature. */
export const unsigned = (fields: CertificateFields): Certificate =>
  parseCertificate(assembleSigned(buildTbsCertificate(fields), fields.signatureAlgorithm, new Uint8Array()));

/** An authority of a branch that was created then. */
export function authorityOn(hierarchy: Hierarchy, id: string, created: Date): Certificate {
  const authority = caOf(hierarchy, id);
  const parts = { hierarchy, authority, serial: SERIAL, now: created };
  if (authority.kind === 'root') return unsigned(authorityFields({ ...parts, spki: ROOT_KEY }));
  const issuer = authorityOn(hierarchy, authority.issuer, created);
  return unsigned(authorityFields({ ...parts, spki: AUTHORITY_KEY, issuer }));
}

export function issuingCaOn(hierarchy: Hierarchy, id: string, created: Date): IssuingCa {
  const certificate = authorityOn(hierarchy, id, created);
  const { spki } = certificate;
  return { id, certificate, keyId: keyIdentifier(spki), algorithm: signatureAlgorithmFor(spki) };
}
