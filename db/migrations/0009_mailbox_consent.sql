-- Consents to be found by a mailbox, and certificates whose entries in the directory want another look.
CREATE TABLE "mailbox_consent" (
	"id" uuid PRIMARY KEY NOT NULL,
	"mailbox" text NOT NULL,
	"given_at" timestamp with time zone NOT NULL,
	"given_by" text NOT NULL,
	"evidence" text NOT NULL,
	"withdrawn_at" timestamp with time zone,
	"withdrawn_by" text,
	CONSTRAINT "mailbox_consent_mailbox" CHECK (char_length("mailbox_consent"."mailbox") between 3 and 254 and "mailbox_consent"."mailbox" ~ '^[!-~]+@[!-~]+$'),
	CONSTRAINT "mailbox_consent_given_by" CHECK (char_length("mailbox_consent"."given_by") between 1 and 256),
	CONSTRAINT "mailbox_consent_evidence" CHECK (char_length("mailbox_consent"."evidence") between 1 and 120 and "mailbox_consent"."evidence" !~ '[@[:cntrl:]]'),
	CONSTRAINT "mailbox_consent_withdrawn" CHECK (("mailbox_consent"."withdrawn_at" is null) = ("mailbox_consent"."withdrawn_by" is null)),
	CONSTRAINT "mailbox_consent_order" CHECK ("mailbox_consent"."withdrawn_at" >= "mailbox_consent"."given_at"),
	CONSTRAINT "mailbox_consent_withdrawn_by" CHECK (char_length("mailbox_consent"."withdrawn_by") between 1 and 256)
);
--> statement-breakpoint
CREATE TABLE "directory_look" (
	"certificate_id" uuid PRIMARY KEY NOT NULL,
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "mailbox_consent_in_force" ON "mailbox_consent" USING btree ("mailbox") WHERE "mailbox_consent"."withdrawn_at" is null;--> statement-breakpoint
CREATE INDEX "mailbox_consent_by_mailbox" ON "mailbox_consent" USING btree ("mailbox","id");--> statement-breakpoint
-- How far certificates with a mailbox were asked for a look: the directory showed them before anybody could consent.
ALTER TABLE "directory_progress" ADD COLUMN "looks_after" uuid DEFAULT '00000000-0000-0000-0000-000000000000';--> statement-breakpoint
ALTER TABLE "directory_look" ADD CONSTRAINT "directory_look_certificate_id_certificate_id_fk" FOREIGN KEY ("certificate_id") REFERENCES "public"."certificate"("id") ON DELETE no action ON UPDATE no action;