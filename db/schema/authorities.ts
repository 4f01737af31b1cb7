// Tables of who certifies and who may ask: the hierarchy, its CAs, structures and their technical administrators.

import { sql } from 'drizzle-orm';
import { index, jsonb, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core';
import {
  bytea,
  byteLength,
  createdAt,
  endsAfter,
  hexDigest,
  instant,
  oneOf,
  oneRow,
  rule,
  textLength,
} from './columns.ts';

/** What the database was created for; start-up compares it with the configuration. */
export const hierarchy = pgTable(
  'hierarchy',
  {
    oneRow: oneRow(),
    name: text('name').notNull(),
    urls: jsonb('urls').$type<Record<string, string>>().notNull(),
    digest: text('digest').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    rule('hierarchy_one_row', sql`${t.oneRow}`),
    textLength('hierarchy_name', t.name, 64),
    rule('hierarchy_urls', sql`jsonb_typeof(${t.urls}) = 'object'`),
    hexDigest('hierarchy_digest', t.digest),
  ],
);

const AUTHORITY_KINDS = ['root', 'intermediate'] as const;

/** The CA certificates of the hierarchy; a root is its own issuer. */
export const certificationAuthority = pgTable(
  'certification_authority',
  {
    id: text('id').primaryKey(),
    kind: text('kind', { enum: AUTHORITY_KINDS }).notNull(),
    issuer: text('issuer').notNull(),
    certificate: bytea('certificate').notNull(),
    subject: bytea('subject').notNull(),
    keyId: bytea('key_id').notNull(),
    keyDigest: bytea('key_digest').notNull(),
    notBefore: instant('not_before').notNull(),
    notAfter: instant('not_after').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('certification_authority_key').on(t.keyDigest),
    textLength('certification_authority_id', t.id, 64),
    oneOf('certification_authority_kind', t.kind, AUTHORITY_KINDS),
    rule('certification_authority_self_issued', sql`(${t.kind} = 'root') = (${t.issuer} = ${t.id})`),
    byteLength('certification_authority_certificate', t.certificate, 1, 65536),
    byteLength('certification_authority_subject', t.subject, 1, 4096),
    byteLength('certification_authority_key_id', t.keyId, 20),
    byteLength('certification_authority_key_digest', t.keyDigest, 32),
    endsAfter('certification_authority_validity', t.notAfter, t.notBefore),
  ],
);

export const structure = pgTable(
  'structure',
  {
    id: uuid('id').primaryKey(),
    structIdNat: text('struct_id_nat').notNull(),
    name: text('name').notNull(),
    department: text('department').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('structure_struct_id_nat_unique').on(t.structIdNat),
    textLength('structure_struct_id_nat', t.structIdNat, 64),
    textLength('structure_name', t.name, 256),
    textLength('structure_department', t.department, 128),
  ],
);

/** A technical administrator: who logs in is issuing CA, card profile and national identifier, never a name. */
export const administrator = pgTable(
  'administrator',
  {
    id: uuid('id').primaryKey(),
    issuingCa: text('issuing_ca').notNull(),
    cardProfile: text('card_profile').notNull(),
    nationalId: text('national_id').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('administrator_login').on(t.issuingCa, t.cardProfile, t.nationalId),
    textLength('administrator_issuing_ca', t.issuingCa, 64),
    textLength('administrator_card_profile', t.cardProfile, 64),
    textLength('administrator_national_id', t.nationalId, 64),
  ],
);

export const administratorStructure = pgTable(
  'administrator_structure',
  {
    administratorId: uuid('administrator_id')
      .notNull()
      .references(() => administrator.id),
    structureId: uuid('structure_id')
      .notNull()
      .references(() => structure.id),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'administrator_structure_pkey', columns: [t.administratorId, t.structureId] }),
    index('administrator_structure_structure').on(t.structureId),
  ],
);
