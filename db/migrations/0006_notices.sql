-- Notices of an end: contacts, what each certificate was told, and the mails on their way.
CREATE TABLE "contact" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_key" text NOT NULL,
	"role" text NOT NULL,
	"email" text NOT NULL,
	"language" text NOT NULL,
	"refused_at" timestamp with time zone,
	"refused_why" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "contact_once" UNIQUE("owner_kind","owner_key","role","email"),
	CONSTRAINT "contact_owner_kind" CHECK ("contact"."owner_kind" in ('structure', 'holder', 'administrator')),
	CONSTRAINT "contact_owner_key" CHECK (char_length("contact"."owner_key") between 1 and 128),
	CONSTRAINT "contact_role" CHECK ("contact"."role" in ('owner', 'technical', 'fallback')),
	CONSTRAINT "contact_role_of_owner" CHECK (("contact"."role" = 'technical') = ("contact"."owner_kind" = 'administrator') and ("contact"."role" <> 'fallback' or "contact"."owner_kind" = 'structure')),
	CONSTRAINT "contact_email" CHECK (char_length("contact"."email") between 3 and 254 and "contact"."email" ~ '^[!-~]+@[!-~]+$'),
	CONSTRAINT "contact_language" CHECK ("contact"."language" in ('fr', 'en')),
	CONSTRAINT "contact_refused" CHECK (("contact"."refused_at" is null) = ("contact"."refused_why" is null)),
	CONSTRAINT "contact_refused_why" CHECK ("contact"."refused_why" ~ '^[a-z0-9_.]{1,64}$')
);
--> statement-breakpoint
CREATE TABLE "notice" (
	"certificate_id" uuid NOT NULL,
	"threshold" text NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"message_id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "notice_pkey" PRIMARY KEY("certificate_id","threshold"),
	CONSTRAINT "notice_message_id" UNIQUE("message_id"),
	CONSTRAINT "notice_threshold" CHECK ("notice"."threshold" ~ '^[1-9][0-9]{0,2}[md]$'),
	CONSTRAINT "notice_message_id_form" CHECK (char_length("notice"."message_id") <= 250 and "notice"."message_id" ~ '^<[!-=?-~]+@[!-=?-~]+>$')
);
--> statement-breakpoint
CREATE TABLE "notice_mail" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "notice_mail_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"certificate_id" uuid,
	"threshold" text,
	"digest_day" date,
	"contact_id" uuid,
	"email" text NOT NULL,
	"language" text NOT NULL,
	"message_id" text NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"next_at" timestamp with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp with time zone,
	"why" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "notice_mail_once" UNIQUE("certificate_id","threshold","email"),
	CONSTRAINT "notice_mail_kind" CHECK (("notice_mail"."certificate_id" is null) = ("notice_mail"."threshold" is null) and num_nonnulls("notice_mail"."certificate_id", "notice_mail"."digest_day") >= 1),
	CONSTRAINT "notice_mail_collected" CHECK ("notice_mail"."certificate_id" is null or ("notice_mail"."digest_day" is not null) = ("notice_mail"."state" = 'collected')),
	CONSTRAINT "notice_mail_email" CHECK (char_length("notice_mail"."email") between 3 and 254 and "notice_mail"."email" ~ '^[!-~]+@[!-~]+$'),
	CONSTRAINT "notice_mail_language" CHECK ("notice_mail"."language" in ('fr', 'en')),
	CONSTRAINT "notice_mail_message_id" CHECK (char_length("notice_mail"."message_id") between 1 and 250),
	CONSTRAINT "notice_mail_state" CHECK ("notice_mail"."state" in ('pending', 'sending', 'sent', 'refused', 'obsolete', 'collected')),
	CONSTRAINT "notice_mail_attempt" CHECK ("notice_mail"."attempt" >= 0),
	CONSTRAINT "notice_mail_settled" CHECK (("notice_mail"."settled_at" is null) = ("notice_mail"."state" in ('pending', 'sending'))),
	CONSTRAINT "notice_mail_why" CHECK ("notice_mail"."why" ~ '^[a-z0-9_.]{1,64}$')
);
--> statement-breakpoint
CREATE TABLE "notice_progress" (
	"threshold" text PRIMARY KEY NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	CONSTRAINT "notice_progress_threshold" CHECK ("notice_progress"."threshold" ~ '^[1-9][0-9]{0,2}[md]$')
);
--> statement-breakpoint
ALTER TABLE "notice" ADD CONSTRAINT "notice_certificate_id_certificate_id_fk" FOREIGN KEY ("certificate_id") REFERENCES "public"."certificate"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notice_mail" ADD CONSTRAINT "notice_mail_notice" FOREIGN KEY ("certificate_id","threshold") REFERENCES "public"."notice"("certificate_id","threshold") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "contact_by_email" ON "contact" USING btree ("email");--> statement-breakpoint
CREATE UNIQUE INDEX "notice_mail_digest" ON "notice_mail" USING btree ("email","digest_day") WHERE "notice_mail"."certificate_id" is null;--> statement-breakpoint
CREATE INDEX "notice_mail_open" ON "notice_mail" USING btree ("next_at","id") WHERE "notice_mail"."state" in ('pending', 'sending');--> statement-breakpoint
CREATE INDEX "notice_mail_by_contact" ON "notice_mail" USING btree ("contact_id","created_at");--> statement-breakpoint
CREATE INDEX "notice_mail_by_message" ON "notice_mail" USING btree ("message_id");--> statement-breakpoint
CREATE INDEX "notice_mail_by_digest" ON "notice_mail" USING btree ("email","digest_day") WHERE "notice_mail"."digest_day" is not null;--> statement-breakpoint
CREATE INDEX "certificate_by_end" ON "certificate" USING btree ("not_after","id") WHERE "certificate"."state" = 'issued' and "certificate"."revoked_at" is null and "certificate"."actor_kind" <> 'system';