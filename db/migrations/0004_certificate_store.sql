-- What anyone may look certificates up by; the worker fills it from the status feed, from the beginning on.
CREATE TABLE "certificate_store" (
	"certificate_id" uuid PRIMARY KEY NOT NULL,
	"issuer" text NOT NULL,
	"profile" text NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"structure" text,
	"sought_name" text collate "C" NOT NULL,
	"certificate_key" "bytea" NOT NULL,
	"subject_key" "bytea" NOT NULL,
	"issuer_and_serial_key" "bytea" NOT NULL,
	"key_identifier_key" "bytea" NOT NULL,
	"common_name" text,
	"hosts" text[] NOT NULL,
	"mailboxes" text[] NOT NULL,
	"mail_consented" boolean DEFAULT false NOT NULL,
	CONSTRAINT "certificate_store_struct_id_nat" CHECK (char_length("certificate_store"."structure") between 1 and 64),
	CONSTRAINT "certificate_store_sought_name" CHECK (char_length("certificate_store"."sought_name") <= 160),
	CONSTRAINT "certificate_store_common_name_length" CHECK (char_length("certificate_store"."common_name") between 1 and 128),
	CONSTRAINT "certificate_store_certificate_key" CHECK (octet_length("certificate_store"."certificate_key") = 20),
	CONSTRAINT "certificate_store_subject_key" CHECK (octet_length("certificate_store"."subject_key") = 20),
	CONSTRAINT "certificate_store_issuer_and_serial_key" CHECK (octet_length("certificate_store"."issuer_and_serial_key") = 20),
	CONSTRAINT "certificate_store_key_identifier_key" CHECK (octet_length("certificate_store"."key_identifier_key") = 20),
	CONSTRAINT "certificate_store_names" CHECK (cardinality("certificate_store"."hosts") <= 1000 and cardinality("certificate_store"."mailboxes") <= 1000)
);
--> statement-breakpoint
ALTER TABLE "certificate_store" ADD CONSTRAINT "certificate_store_certificate_id_certificate_id_fk" FOREIGN KEY ("certificate_id") REFERENCES "public"."certificate"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "certificate_store_certificate" ON "certificate_store" USING btree ("certificate_key");--> statement-breakpoint
CREATE INDEX "certificate_store_subject" ON "certificate_store" USING btree ("subject_key","certificate_id");--> statement-breakpoint
CREATE INDEX "certificate_store_issuer_and_serial" ON "certificate_store" USING btree ("issuer_and_serial_key");--> statement-breakpoint
CREATE INDEX "certificate_store_key_identifier" ON "certificate_store" USING btree ("key_identifier_key","certificate_id");--> statement-breakpoint
CREATE INDEX "certificate_store_profile" ON "certificate_store" USING btree ("profile","certificate_id");--> statement-breakpoint
CREATE INDEX "certificate_store_common_name" ON "certificate_store" USING btree ("common_name","certificate_id") WHERE "certificate_store"."common_name" is not null;--> statement-breakpoint
CREATE INDEX "certificate_store_name" ON "certificate_store" USING btree ("sought_name","certificate_id");--> statement-breakpoint
CREATE INDEX "certificate_store_structure" ON "certificate_store" USING btree ("structure","sought_name","certificate_id");--> statement-breakpoint
CREATE INDEX "certificate_store_hosts" ON "certificate_store" USING gin ("hosts");--> statement-breakpoint
CREATE INDEX "certificate_store_mailboxes" ON "certificate_store" USING gin ("mailboxes") WHERE "certificate_store"."mail_consented";--> statement-breakpoint
CREATE INDEX "certificate_store_expiry" ON "certificate_store" USING btree ("not_after");