CREATE TABLE "audit_chain" (
	"position" bigint PRIMARY KEY NOT NULL,
	"event_id" bigint NOT NULL,
	"previous_hash" "bytea" NOT NULL,
	"hash" "bytea" NOT NULL,
	"sealed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "audit_chain_event" UNIQUE("event_id"),
	CONSTRAINT "audit_chain_position" CHECK ("audit_chain"."position" >= 1),
	CONSTRAINT "audit_chain_previous_hash" CHECK (octet_length("audit_chain"."previous_hash") = 32),
	CONSTRAINT "audit_chain_hash" CHECK (octet_length("audit_chain"."hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "audit_event" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_event_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"actor" text NOT NULL,
	"subject_id" text NOT NULL,
	"content" jsonb,
	"salt" "bytea",
	"digest" "bytea" NOT NULL,
	CONSTRAINT "audit_event_kind" CHECK (char_length("audit_event"."kind") between 1 and 64),
	CONSTRAINT "audit_event_actor" CHECK (char_length("audit_event"."actor") between 1 and 256),
	CONSTRAINT "audit_event_subject_id" CHECK (char_length("audit_event"."subject_id") between 1 and 256),
	CONSTRAINT "audit_event_content" CHECK (jsonb_typeof("audit_event"."content") = 'object'),
	CONSTRAINT "audit_event_salt" CHECK (octet_length("audit_event"."salt") = 16),
	CONSTRAINT "audit_event_digest" CHECK (octet_length("audit_event"."digest") = 32),
	CONSTRAINT "audit_event_erased" CHECK (("audit_event"."content" is null) = ("audit_event"."salt" is null))
);
--> statement-breakpoint
CREATE TABLE "audit_head" (
	"one_row" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"position" bigint NOT NULL,
	"hash" "bytea" NOT NULL,
	"xid" "xid8" NOT NULL,
	"event_id" bigint NOT NULL,
	CONSTRAINT "audit_head_one_row" CHECK ("audit_head"."one_row"),
	CONSTRAINT "audit_head_position" CHECK ("audit_head"."position" >= 0),
	CONSTRAINT "audit_head_hash" CHECK (octet_length("audit_head"."hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"task" text NOT NULL,
	"payload" jsonb NOT NULL,
	"job_key" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "outbox_task" CHECK (char_length("outbox"."task") between 1 and 64),
	CONSTRAINT "outbox_payload" CHECK (jsonb_typeof("outbox"."payload") = 'object'),
	CONSTRAINT "outbox_job_key" CHECK (char_length("outbox"."job_key") between 1 and 256)
);
--> statement-breakpoint
CREATE TABLE "administrator" (
	"id" uuid PRIMARY KEY NOT NULL,
	"issuing_ca" text NOT NULL,
	"card_profile" text NOT NULL,
	"national_id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "administrator_login" UNIQUE("issuing_ca","card_profile","national_id"),
	CONSTRAINT "administrator_issuing_ca" CHECK (char_length("administrator"."issuing_ca") between 1 and 64),
	CONSTRAINT "administrator_card_profile" CHECK (char_length("administrator"."card_profile") between 1 and 64),
	CONSTRAINT "administrator_national_id" CHECK (char_length("administrator"."national_id") between 1 and 64)
);
--> statement-breakpoint
CREATE TABLE "administrator_structure" (
	"administrator_id" uuid NOT NULL,
	"structure_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "administrator_structure_pkey" PRIMARY KEY("administrator_id","structure_id")
);
--> statement-breakpoint
CREATE TABLE "certification_authority" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"issuer" text NOT NULL,
	"certificate" "bytea" NOT NULL,
	"subject" "bytea" NOT NULL,
	"key_id" "bytea" NOT NULL,
	"key_digest" "bytea" NOT NULL,
	"not_before" timestamp with time zone NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "certification_authority_key" UNIQUE("key_digest"),
	CONSTRAINT "certification_authority_id" CHECK (char_length("certification_authority"."id") between 1 and 64),
	CONSTRAINT "certification_authority_kind" CHECK ("certification_authority"."kind" in ('root', 'intermediate')),
	CONSTRAINT "certification_authority_self_issued" CHECK (("certification_authority"."kind" = 'root') = ("certification_authority"."issuer" = "certification_authority"."id")),
	CONSTRAINT "certification_authority_certificate" CHECK (octet_length("certification_authority"."certificate") between 1 and 65536),
	CONSTRAINT "certification_authority_subject" CHECK (octet_length("certification_authority"."subject") between 1 and 4096),
	CONSTRAINT "certification_authority_key_id" CHECK (octet_length("certification_authority"."key_id") = 20),
	CONSTRAINT "certification_authority_key_digest" CHECK (octet_length("certification_authority"."key_digest") = 32),
	CONSTRAINT "certification_authority_validity" CHECK ("certification_authority"."not_after" > "certification_authority"."not_before")
);
--> statement-breakpoint
CREATE TABLE "hierarchy" (
	"one_row" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"name" text NOT NULL,
	"urls" jsonb NOT NULL,
	"digest" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "hierarchy_one_row" CHECK ("hierarchy"."one_row"),
	CONSTRAINT "hierarchy_name" CHECK (char_length("hierarchy"."name") between 1 and 64),
	CONSTRAINT "hierarchy_urls" CHECK (jsonb_typeof("hierarchy"."urls") = 'object'),
	CONSTRAINT "hierarchy_digest" CHECK ("hierarchy"."digest" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "structure" (
	"id" uuid PRIMARY KEY NOT NULL,
	"struct_id_nat" text NOT NULL,
	"name" text NOT NULL,
	"department" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "structure_struct_id_nat_unique" UNIQUE("struct_id_nat"),
	CONSTRAINT "structure_struct_id_nat" CHECK (char_length("structure"."struct_id_nat") between 1 and 64),
	CONSTRAINT "structure_name" CHECK (char_length("structure"."name") between 1 and 256),
	CONSTRAINT "structure_department" CHECK (char_length("structure"."department") between 1 and 128)
);
--> statement-breakpoint
CREATE TABLE "blocked_key" (
	"key_digest" "bytea" PRIMARY KEY NOT NULL,
	"reason" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "blocked_key_key_digest" CHECK (octet_length("blocked_key"."key_digest") = 32),
	CONSTRAINT "blocked_key_reason" CHECK (char_length("blocked_key"."reason") between 1 and 128)
);
--> statement-breakpoint
CREATE TABLE "certificate" (
	"id" uuid PRIMARY KEY NOT NULL,
	"issuer" text NOT NULL,
	"serial" "bytea" NOT NULL,
	"profile" text NOT NULL,
	"profile_digest" text NOT NULL,
	"state" text NOT NULL,
	"tbs" "bytea" NOT NULL,
	"der" "bytea",
	"subject" text NOT NULL,
	"holder" jsonb NOT NULL,
	"holder_key" text NOT NULL,
	"structure" text GENERATED ALWAYS AS (coalesce(holder ->> 'structIdNat', holder -> 'structure' ->> 'structIdNat')) STORED,
	"key_digest" "bytea" NOT NULL,
	"order_digest" "bytea" NOT NULL,
	"actor" text NOT NULL,
	"actor_kind" text NOT NULL,
	"not_before" timestamp with time zone NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp with time zone,
	CONSTRAINT "certificate_issuer_serial" UNIQUE("issuer","serial"),
	CONSTRAINT "certificate_issuer" CHECK (char_length("certificate"."issuer") between 1 and 64),
	CONSTRAINT "certificate_serial" CHECK (octet_length("certificate"."serial") between 8 and 20 and substr("certificate"."serial", 1, 1) between '\x01'::bytea and '\x7f'::bytea),
	CONSTRAINT "certificate_profile" CHECK (char_length("certificate"."profile") between 1 and 64),
	CONSTRAINT "certificate_profile_digest" CHECK ("certificate"."profile_digest" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "certificate_state" CHECK ("certificate"."state" in ('signing', 'issued', 'unsigned', 'burnt')),
	CONSTRAINT "certificate_tbs" CHECK (octet_length("certificate"."tbs") between 1 and 65536),
	CONSTRAINT "certificate_der_when_issued" CHECK (("certificate"."der" is not null) = ("certificate"."state" = 'issued')),
	CONSTRAINT "certificate_der" CHECK (octet_length("certificate"."der") > octet_length("certificate"."tbs") and octet_length("certificate"."der") <= 65536),
	CONSTRAINT "certificate_settled" CHECK (("certificate"."settled_at" is null) = ("certificate"."state" = 'signing')),
	CONSTRAINT "certificate_subject" CHECK (char_length("certificate"."subject") between 1 and 2048),
	CONSTRAINT "certificate_holder" CHECK (jsonb_typeof("certificate"."holder") = 'object' and octet_length("certificate"."holder"::text) <= 8192),
	CONSTRAINT "certificate_holder_key" CHECK (char_length("certificate"."holder_key") between 1 and 128),
	CONSTRAINT "certificate_key_digest" CHECK (octet_length("certificate"."key_digest") = 32),
	CONSTRAINT "certificate_order_digest" CHECK (octet_length("certificate"."order_digest") = 32),
	CONSTRAINT "certificate_actor" CHECK (char_length("certificate"."actor") between 1 and 256),
	CONSTRAINT "certificate_actor_kind" CHECK ("certificate"."actor_kind" in ('administrator', 'operator', 'system')),
	CONSTRAINT "certificate_validity" CHECK ("certificate"."not_after" > "certificate"."not_before")
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"actor" text NOT NULL,
	"route" text NOT NULL,
	"key" text NOT NULL,
	"body_digest" "bytea" NOT NULL,
	"state" text NOT NULL,
	"attempt" integer DEFAULT 1 NOT NULL,
	"certificate_id" uuid,
	"refusal" jsonb,
	"lease_until" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_pkey" PRIMARY KEY("actor","route","key"),
	CONSTRAINT "idempotency_actor" CHECK (char_length("idempotency"."actor") between 1 and 256),
	CONSTRAINT "idempotency_route" CHECK (char_length("idempotency"."route") between 1 and 128),
	CONSTRAINT "idempotency_key" CHECK (char_length("idempotency"."key") between 1 and 255),
	CONSTRAINT "idempotency_body_digest" CHECK (octet_length("idempotency"."body_digest") = 32),
	CONSTRAINT "idempotency_state" CHECK ("idempotency"."state" in ('running', 'done')),
	CONSTRAINT "idempotency_attempt" CHECK ("idempotency"."attempt" >= 1),
	CONSTRAINT "idempotency_lease_while_running" CHECK (("idempotency"."lease_until" is not null) = ("idempotency"."state" = 'running')),
	CONSTRAINT "idempotency_one_outcome" CHECK (num_nonnulls("idempotency"."certificate_id", "idempotency"."refusal") = case when "idempotency"."state" = 'done' then 1 else 0 end)
);
--> statement-breakpoint
CREATE TABLE "crl" (
	"issuer" text NOT NULL,
	"number" bigint NOT NULL,
	"state" text NOT NULL,
	"scheduled" boolean NOT NULL,
	"this_update" timestamp with time zone NOT NULL,
	"next_update" timestamp with time zone NOT NULL,
	"entries" integer NOT NULL,
	"tbs" "bytea",
	"der" "bytea",
	"epoch" bigint,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp with time zone,
	CONSTRAINT "crl_pkey" PRIMARY KEY("issuer","number"),
	CONSTRAINT "crl_number" CHECK ("crl"."number" >= 1),
	CONSTRAINT "crl_state" CHECK ("crl"."state" in ('signing', 'published', 'burnt')),
	CONSTRAINT "crl_validity" CHECK ("crl"."next_update" > "crl"."this_update"),
	CONSTRAINT "crl_entries" CHECK ("crl"."entries" >= 0),
	CONSTRAINT "crl_der_when_published" CHECK (("crl"."der" is not null) = ("crl"."state" = 'published')),
	CONSTRAINT "crl_tbs_until_published" CHECK (("crl"."tbs" is null) = ("crl"."state" = 'published')),
	CONSTRAINT "crl_epoch_when_published" CHECK (("crl"."epoch" is not null) = ("crl"."state" = 'published')),
	CONSTRAINT "crl_settled" CHECK (("crl"."settled_at" is null) = ("crl"."state" = 'signing'))
);
--> statement-breakpoint
CREATE TABLE "feed_reader" (
	"copy" text PRIMARY KEY NOT NULL,
	"xid" "xid8" NOT NULL,
	"position" bigint NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	CONSTRAINT "feed_reader_copy" CHECK (char_length("feed_reader"."copy") between 1 and 128),
	CONSTRAINT "feed_reader_position" CHECK ("feed_reader"."position" >= 0)
);
--> statement-breakpoint
CREATE TABLE "lease" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"epoch" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "lease_name" CHECK (char_length("lease"."name") between 1 and 128),
	CONSTRAINT "lease_holder" CHECK (char_length("lease"."holder") between 1 and 128),
	CONSTRAINT "lease_epoch" CHECK ("lease"."epoch" >= 1)
);
--> statement-breakpoint
CREATE TABLE "ocsp_responder" (
	"key_id" "bytea" PRIMARY KEY NOT NULL,
	"issuer" text NOT NULL,
	"certificate_id" uuid NOT NULL,
	"not_before" timestamp with time zone NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "ocsp_responder_certificate" UNIQUE("certificate_id"),
	CONSTRAINT "ocsp_responder_key_id" CHECK (octet_length("ocsp_responder"."key_id") = 20),
	CONSTRAINT "ocsp_responder_validity" CHECK ("ocsp_responder"."not_after" > "ocsp_responder"."not_before")
);
--> statement-breakpoint
CREATE TABLE "revocation" (
	"certificate_id" uuid PRIMARY KEY NOT NULL,
	"issuer" text NOT NULL,
	"serial" "bytea" NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone NOT NULL,
	"reason" text NOT NULL,
	"actor" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "revocation_in_crl_order" UNIQUE("issuer","revoked_at","serial"),
	CONSTRAINT "revocation_reason" CHECK ("revocation"."reason" in ('unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn')),
	CONSTRAINT "revocation_actor" CHECK (char_length("revocation"."actor") between 1 and 256)
);
--> statement-breakpoint
CREATE TABLE "status_feed" (
	"position" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "status_feed_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"issuer" text NOT NULL,
	"serial" "bytea" NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "status_feed_issuer" CHECK (char_length("status_feed"."issuer") between 1 and 64),
	CONSTRAINT "status_feed_serial" CHECK (octet_length("status_feed"."serial") between 8 and 20)
);
--> statement-breakpoint
ALTER TABLE "audit_chain" ADD CONSTRAINT "audit_chain_event_id_audit_event_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."audit_event"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "administrator_structure" ADD CONSTRAINT "administrator_structure_administrator_id_administrator_id_fk" FOREIGN KEY ("administrator_id") REFERENCES "public"."administrator"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "administrator_structure" ADD CONSTRAINT "administrator_structure_structure_id_structure_id_fk" FOREIGN KEY ("structure_id") REFERENCES "public"."structure"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency" ADD CONSTRAINT "idempotency_certificate_id_certificate_id_fk" FOREIGN KEY ("certificate_id") REFERENCES "public"."certificate"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "crl" ADD CONSTRAINT "crl_issuer_certification_authority_id_fk" FOREIGN KEY ("issuer") REFERENCES "public"."certification_authority"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ocsp_responder" ADD CONSTRAINT "ocsp_responder_issuer_certification_authority_id_fk" FOREIGN KEY ("issuer") REFERENCES "public"."certification_authority"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ocsp_responder" ADD CONSTRAINT "ocsp_responder_certificate_id_certificate_id_fk" FOREIGN KEY ("certificate_id") REFERENCES "public"."certificate"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "revocation" ADD CONSTRAINT "revocation_certificate_id_certificate_id_fk" FOREIGN KEY ("certificate_id") REFERENCES "public"."certificate"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_event_in_order" ON "audit_event" USING btree ("xid","id");--> statement-breakpoint
CREATE INDEX "audit_event_by_subject" ON "audit_event" USING btree ("subject_id","id");--> statement-breakpoint
CREATE INDEX "outbox_in_order" ON "outbox" USING btree ("xid","id");--> statement-breakpoint
CREATE INDEX "administrator_structure_structure" ON "administrator_structure" USING btree ("structure_id");--> statement-breakpoint
CREATE UNIQUE INDEX "certificate_key_in_use" ON "certificate" USING btree ("key_digest") WHERE "certificate"."state" in ('signing', 'issued');--> statement-breakpoint
CREATE INDEX "certificate_key" ON "certificate" USING btree ("key_digest");--> statement-breakpoint
CREATE INDEX "certificate_by_structure" ON "certificate" USING btree ("structure","id");--> statement-breakpoint
CREATE INDEX "certificate_by_profile" ON "certificate" USING btree ("profile","id");--> statement-breakpoint
CREATE INDEX "certificate_not_issued" ON "certificate" USING btree ("state","id") WHERE "certificate"."state" <> 'issued';--> statement-breakpoint
CREATE INDEX "crl_signing" ON "crl" USING btree ("created_at") WHERE "crl"."state" = 'signing';--> statement-breakpoint
CREATE INDEX "ocsp_responder_by_issuer" ON "ocsp_responder" USING btree ("issuer","not_after");--> statement-breakpoint
CREATE INDEX "status_feed_in_order" ON "status_feed" USING btree ("xid","position");