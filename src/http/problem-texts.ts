// Every code that an answer can carry, with its HTTP status and what it says to a person in French and English. Exhaustive:
// a new RefusalCode without its texts does not compile.

import type { RefusalCode } from '../errors.ts';

/** What only the door itself can find wrong. */
type ProtocolCode =
  | 'request_malformed'
  | 'request_timeout'
  | 'uri_too_long'
  | 'header_too_large'
  | 'rate_limited'
  | 'service_unavailable'
  | 'internal_error';

export type ProblemCode = RefusalCode | ProtocolCode;

export type ProblemText = { readonly title: string; readonly detail: string };

type ProblemKind = {
  readonly status: number;
  readonly fr: ProblemText;
  readonly en: ProblemText;
  /** seconds after which asking again makes sense */
  readonly retryAfter?: number;
};

type Wording = readonly [title: string, detail: string];

const kind = (status: number, fr: Wording, en: Wording, retryAfter?: number): ProblemKind => ({
  status,
  fr: { title: fr[0], detail: fr[1] },
  en: { title: en[0], detail: en[1] },
  ...(retryAfter === undefined ? {} : { retryAfter }),
});

/** Our own fault, whatever its code: the caller learns an incident identifier and nothing else. */
const INCIDENT = kind(
  500,
  [
    'Erreur interne',
    'Une erreur inattendue s’est produite ; signalez l’identifiant d’incident (instance) à l’exploitant.',
  ],
  ['Internal error', 'Something unexpected happened; report the incident identifier (instance) to the operator.'],
);

export const PROBLEMS: Readonly<Record<ProblemCode, ProblemKind>> = {
  body_malformed: kind(
    400,
    [
      'Requête mal formée',
      'La requête ne suit pas le contrat de cette opération ; chaque écart est indiqué dans findings.',
    ],
    [
      'Malformed request',
      'The request does not follow the contract of this operation; findings lists each difference.',
    ],
  ),
  body_too_large: kind(
    413,
    ['Corps trop volumineux', 'Le corps de la requête dépasse la taille acceptée.'],
    ['Body too large', 'The body of the request is larger than what is accepted.'],
  ),
  media_type_not_supported: kind(
    415,
    ['Type de contenu non pris en charge', 'Cette opération n’accepte pas ce Content-Type ni ce codage.'],
    ['Media type not supported', 'This operation does not take this Content-Type or this coding.'],
  ),
  not_found: kind(
    404,
    ['Introuvable', 'Cette ressource n’existe pas, ou ne vous est pas visible.'],
    ['Not found', 'This resource does not exist, or is not visible to you.'],
  ),
  not_acceptable: kind(
    406,
    ['Aucune représentation acceptable', 'Aucun des formats demandés dans Accept n’est disponible.'],
    ['Not acceptable', 'None of the formats that Accept asks for is available.'],
  ),
  client_certificate_required: kind(
    401,
    ['Certificat client requis', 'Cette opération exige une authentification TLS par le certificat d’une carte.'],
    ['Client certificate required', 'This operation needs TLS authentication with the certificate of a card.'],
  ),
  client_certificate_refused: kind(
    401,
    ['Certificat client refusé', 'Le certificat client présenté n’est pas accepté.'],
    ['Client certificate refused', 'The client certificate that was presented is not accepted.'],
  ),
  bearer_token_refused: kind(
    401,
    ['Jeton refusé', 'Cette opération exige le jeton d’un système de messagerie connu.'],
    ['Bearer token refused', 'This operation needs the token of a mail system that is known.'],
  ),
  not_allowed: kind(
    403,
    ['Opération non autorisée', 'Vous n’avez pas le droit d’effectuer cette opération pour cette structure.'],
    ['Not allowed', 'You have no right to do this for this structure.'],
  ),
  idempotency_key_malformed: kind(
    400,
    [
      'Idempotency-Key mal formée',
      'L’en-tête Idempotency-Key comporte de 1 à 255 caractères ASCII imprimables, une seule fois.',
    ],
    [
      'Malformed Idempotency-Key',
      'The header Idempotency-Key has 1 to 255 printable ASCII characters, and stands once.',
    ],
  ),
  idempotency_key_reused: kind(
    422,
    [
      'Idempotency-Key déjà utilisée',
      'Cette clé a déjà accompagné une requête différente ; choisissez-en une nouvelle.',
    ],
    ['Idempotency-Key used before', 'This key came with a different request before; choose a new one.'],
  ),
  idempotency_key_in_progress: kind(
    409,
    ['Requête en cours', 'La première requête portant cette clé n’est pas terminée ; réessayez dans un instant.'],
    ['Request in progress', 'The first request with this key has not ended; try again in a moment.'],
    2,
  ),
  csr_malformed: kind(
    400,
    ['Demande PKCS#10 mal formée', 'La demande de certificat n’est pas exactement une demande PKCS#10 en DER strict.'],
    ['Malformed PKCS#10 request', 'The certificate request is not exactly one PKCS#10 request in strict DER.'],
  ),
  csr_too_large: kind(
    413,
    ['Demande PKCS#10 trop volumineuse', 'La demande de certificat dépasse la taille acceptée.'],
    ['PKCS#10 request too large', 'The certificate request is larger than what is accepted.'],
  ),
  csr_signature_invalid: kind(
    422,
    [
      'Preuve de possession invalide',
      'La signature de la demande ne se vérifie pas avec la clé publique qu’elle contient.',
    ],
    ['Proof of possession invalid', 'The signature of the request does not verify with the public key in it.'],
  ),
  csr_algorithm_not_allowed: kind(
    422,
    ['Algorithme de signature non autorisé', 'La demande est signée par un algorithme qui n’est pas accepté.'],
    ['Signature algorithm not allowed', 'The request is signed with an algorithm that is not accepted.'],
  ),
  csr_extension_not_allowed: kind(
    422,
    [
      'Extension non autorisée dans la demande',
      'La demande contient des extensions ou attributs qui ne sont pas acceptés.',
    ],
    ['Extension not allowed in the request', 'The request contains extensions or attributes that are not accepted.'],
  ),
  key_weak: kind(
    422,
    ['Clé faible', 'La clé publique n’offre pas la sécurité exigée ; générez une nouvelle bi-clé.'],
    ['Weak key', 'The public key does not offer the security that is required; generate a new key pair.'],
  ),
  key_invalid: kind(
    422,
    ['Clé invalide', 'La clé publique n’est pas une clé correcte de son algorithme.'],
    ['Invalid key', 'The public key is not a correct key of its algorithm.'],
  ),
  key_not_allowed: kind(
    422,
    ['Clé non autorisée par le gabarit', 'Ce gabarit n’accepte pas ce type ou cette taille de clé.'],
    ['Key not allowed by the profile', 'This profile does not take this type or size of key.'],
  ),
  key_reused: kind(
    422,
    ['Clé déjà utilisée', 'Cette clé publique a déjà servi ; générez une nouvelle bi-clé.'],
    ['Key used before', 'This public key was used before; generate a new key pair.'],
  ),
  key_blocked: kind(
    422,
    ['Clé bloquée', 'Cette clé publique est réputée compromise et ne sera jamais certifiée.'],
    ['Key blocked', 'This public key counts as compromised and will never be certified.'],
  ),
  name_not_allowed: kind(
    422,
    ['Nom non autorisé', 'Un nom demandé n’est pas permis par le gabarit.'],
    ['Name not allowed', 'A name that was asked for is not permitted by the profile.'],
  ),
  name_conflict: kind(
    422,
    ['Noms contradictoires', 'Les noms de la requête et ceux de la demande PKCS#10 diffèrent.'],
    ['Names in conflict', 'The names of the request and those of the PKCS#10 request differ.'],
  ),
  identifier_invalid: kind(
    422,
    ['Identifiant invalide', 'Un identifiant national n’est pas valide ; findings indique le chiffre ou la règle.'],
    ['Invalid identifier', 'A national identifier is not valid; findings names the digit or the rule.'],
  ),
  holder_unknown: kind(
    422,
    ['Porteur inconnu', 'Le porteur désigné n’est pas enregistré.'],
    ['Holder unknown', 'The holder that was named is not registered.'],
  ),
  holder_invalid: kind(
    422,
    ['Porteur invalide', 'Les données du porteur ne conviennent pas à ce gabarit.'],
    ['Holder invalid', 'The data of the holder do not suit this profile.'],
  ),
  profile_unknown: kind(
    422,
    ['Gabarit inconnu', 'Aucun gabarit ne porte ce nom ; GET /v1/profiles en donne la liste.'],
    ['Profile unknown', 'No profile has this name; GET /v1/profiles lists them.'],
  ),
  profile_not_orderable: kind(
    422,
    ['Gabarit non commandable', 'Les certificats de ce gabarit ne se commandent pas par cette interface.'],
    ['Profile not orderable', 'Certificates of this profile cannot be ordered through this interface.'],
  ),
  validity_not_possible: kind(
    422,
    ['Durée de validité impossible', 'Le certificat dépasserait la fin de validité de l’autorité qui l’émet.'],
    ['Validity not possible', 'The certificate would outlast the authority that issues it.'],
  ),
  lint_failed: INCIDENT,
  certificate_not_issued: kind(
    409,
    ['Certificat non émis', 'Ce certificat n’a jamais été émis.'],
    ['Certificate not issued', 'This certificate was never issued.'],
  ),
  already_revoked: kind(
    409,
    ['Certificat déjà révoqué', 'Ce certificat est déjà révoqué ; la révocation est définitive.'],
    ['Certificate revoked already', 'This certificate is revoked already; revocation is definitive.'],
  ),
  revocation_reason_not_allowed: kind(
    422,
    ['Motif de révocation non autorisé', 'Ce motif n’est pas accepté ; la suspension n’existe pas.'],
    ['Revocation reason not allowed', 'This reason is not accepted; there is no hold.'],
  ),
  already_exists: kind(
    409,
    ['Existe déjà', 'Ce que vous voulez créer existe déjà.'],
    ['Exists already', 'What you want to create exists already.'],
  ),
  hierarchy_differs: INCIDENT,
  signer_refused: INCIDENT,
  configuration_invalid: INCIDENT,
  request_malformed: kind(
    400,
    ['Requête HTTP incorrecte', 'La requête n’est pas une requête HTTP correcte.'],
    ['Incorrect HTTP request', 'The request is not a correct HTTP request.'],
  ),
  request_timeout: kind(
    408,
    ['Délai dépassé', 'La requête n’est pas arrivée entière dans le délai accordé.'],
    ['Request timeout', 'The request did not arrive whole within the time allowed.'],
  ),
  uri_too_long: kind(
    414,
    ['Adresse trop longue', 'L’adresse demandée est trop longue.'],
    ['URI too long', 'The address that was asked for is too long.'],
  ),
  header_too_large: kind(
    431,
    ['En-têtes trop volumineux', 'Les en-têtes de la requête dépassent la taille acceptée.'],
    ['Headers too large', 'The headers of the request are larger than what is accepted.'],
  ),
  rate_limited: kind(
    429,
    ['Trop de requêtes', 'Vous envoyez des requêtes plus vite que permis ; Retry-After indique quand reprendre.'],
    ['Too many requests', 'You send requests faster than is allowed; Retry-After says when to go on.'],
    1,
  ),
  service_unavailable: kind(
    503,
    ['Service momentanément indisponible', 'Le service ne peut pas répondre pour l’instant ; réessayez plus tard.'],
    ['Service unavailable for now', 'The service cannot answer for now; try again later.'],
    10,
  ),
  internal_error: INCIDENT,
};

/** The codes that an answer can show; the others are shown as `internal_error`. */
export const SHOWN_CODES: readonly string[] = Object.entries(PROBLEMS)
  .filter(([code, { status }]) => status !== INCIDENT.status || code === 'internal_error')
  .map(([code]) => code);
