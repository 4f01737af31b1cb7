-- Webhooks: who is told, what is on its way, how far events were looked for; what a raised reason was before; and delivery reports
-- that come over HTTP.
CREATE TABLE "delivery_report" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "delivery_report_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"message" "bytea" NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"read_at" timestamp with time zone,
	CONSTRAINT "delivery_report_message" CHECK (octet_length("delivery_report"."message") between 1 and 262144),
	CONSTRAINT "delivery_report_state" CHECK ("delivery_report"."state" in ('waiting', 'done', 'unread')),
	CONSTRAINT "delivery_report_read" CHECK (("delivery_report"."read_at" is null) = ("delivery_report"."state" = 'waiting'))
);
--> statement-breakpoint
CREATE TABLE "revocation_raise" (
	"certificate_id" uuid PRIMARY KEY NOT NULL,
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"reason_before" text NOT NULL,
	"raised_at" timestamp with time zone NOT NULL,
	CONSTRAINT "revocation_raise_before" CHECK ("revocation_raise"."reason_before" <> 'keyCompromise'),
	CONSTRAINT "revocation_raise_reason" CHECK ("revocation_raise"."reason_before" in ('unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn'))
);
--> statement-breakpoint
CREATE TABLE "webhook" (
	"id" uuid PRIMARY KEY NOT NULL,
	"url" text NOT NULL,
	"structure" text,
	"events" text[] NOT NULL,
	"generation" integer DEFAULT 1 NOT NULL,
	"previous_until" timestamp with time zone,
	"disabled_at" timestamp with time zone,
	"disabled_why" text,
	"failures" integer DEFAULT 0 NOT NULL,
	"failing_since" timestamp with time zone,
	"paused_until" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_url" CHECK (char_length("webhook"."url") <= 1024 and "webhook"."url" ~ '^[!-?A-~]+$' and "webhook"."url" ~ '^(https://[^/?#\\]|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?([/?]|$))'),
	CONSTRAINT "webhook_structure" CHECK (char_length("webhook"."structure") between 1 and 64),
	CONSTRAINT "webhook_events" CHECK (cardinality("webhook"."events") >= 1 and "webhook"."events" <@ array['certificate.issued', 'certificate.revoked', 'certificate.revocation_reason_raised', 'certificate.expiring', 'certificate.expired']),
	CONSTRAINT "webhook_generation" CHECK ("webhook"."generation" >= 1),
	CONSTRAINT "webhook_previous" CHECK ("webhook"."previous_until" is null or "webhook"."generation" > 1),
	CONSTRAINT "webhook_disabled" CHECK (("webhook"."disabled_at" is null) = ("webhook"."disabled_why" is null)),
	CONSTRAINT "webhook_disabled_why" CHECK ("webhook"."disabled_why" in ('operator', 'gone')),
	CONSTRAINT "webhook_failures" CHECK ("webhook"."failures" >= 0),
	CONSTRAINT "webhook_failing" CHECK (("webhook"."failing_since" is null) = ("webhook"."failures" = 0)),
	CONSTRAINT "webhook_paused" CHECK ("webhook"."paused_until" is null or "webhook"."failures" > 0)
);
--> statement-breakpoint
CREATE TABLE "webhook_delivery" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "webhook_delivery_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"webhook_id" uuid NOT NULL,
	"certificate_id" uuid NOT NULL,
	"event" text NOT NULL,
	"threshold" text,
	"reason" text,
	"occurred_at" timestamp with time zone NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"in_hand" boolean DEFAULT false NOT NULL,
	"next_at" timestamp with time zone NOT NULL,
	"give_up_at" timestamp with time zone NOT NULL,
	"last_status" integer,
	"settled_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_delivery_once" UNIQUE NULLS NOT DISTINCT("webhook_id","certificate_id","event","threshold"),
	CONSTRAINT "webhook_delivery_event" CHECK ("webhook_delivery"."event" in ('certificate.issued', 'certificate.revoked', 'certificate.revocation_reason_raised', 'certificate.expiring', 'certificate.expired')),
	CONSTRAINT "webhook_delivery_threshold" CHECK (("webhook_delivery"."threshold" is not null) = ("webhook_delivery"."event" = 'certificate.expiring') and "webhook_delivery"."threshold" ~ '^[1-9][0-9]{0,2}[md]$'),
	CONSTRAINT "webhook_delivery_reason" CHECK (("webhook_delivery"."reason" is not null) = ("webhook_delivery"."event" in ('certificate.revoked', 'certificate.revocation_reason_raised'))),
	CONSTRAINT "webhook_delivery_reason_word" CHECK ("webhook_delivery"."reason" in ('unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn')),
	CONSTRAINT "webhook_delivery_state" CHECK ("webhook_delivery"."state" in ('pending', 'delivered', 'given_up', 'dropped')),
	CONSTRAINT "webhook_delivery_attempt" CHECK ("webhook_delivery"."attempt" >= 0),
	CONSTRAINT "webhook_delivery_in_hand" CHECK ("webhook_delivery"."state" = 'pending' or not "webhook_delivery"."in_hand"),
	CONSTRAINT "webhook_delivery_last_status" CHECK ("webhook_delivery"."last_status" between 100 and 599),
	CONSTRAINT "webhook_delivery_settled" CHECK (("webhook_delivery"."settled_at" is null) = ("webhook_delivery"."state" = 'pending'))
);
--> statement-breakpoint
CREATE TABLE "webhook_ends" (
	"what" text PRIMARY KEY NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	CONSTRAINT "webhook_ends_what" CHECK ("webhook_ends"."what" ~ '^([1-9][0-9]{0,2}[md]|expired)$')
);
--> statement-breakpoint
CREATE TABLE "webhook_feed" (
	"one_row" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"xid" "xid8" NOT NULL,
	"position" bigint NOT NULL,
	CONSTRAINT "webhook_feed_one_row" CHECK ("webhook_feed"."one_row"),
	CONSTRAINT "webhook_feed_position" CHECK ("webhook_feed"."position" >= 0)
);
--> statement-breakpoint
ALTER TABLE "revocation_raise" ADD CONSTRAINT "revocation_raise_certificate_id_certificate_id_fk" FOREIGN KEY ("certificate_id") REFERENCES "public"."certificate"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_webhook_id_webhook_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhook"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_certificate_id_certificate_id_fk" FOREIGN KEY ("certificate_id") REFERENCES "public"."certificate"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "delivery_report_waiting" ON "delivery_report" USING btree ("id") WHERE "delivery_report"."state" = 'waiting';--> statement-breakpoint
CREATE INDEX "webhook_delivery_waiting" ON "webhook_delivery" USING btree ("webhook_id","next_at","id") WHERE "webhook_delivery"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "webhook_delivery_oldest" ON "webhook_delivery" USING btree ("webhook_id","created_at") WHERE "webhook_delivery"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "webhook_delivery_given_up" ON "webhook_delivery" USING btree ("webhook_id","id") WHERE "webhook_delivery"."state" = 'given_up';--> statement-breakpoint
create trigger revocation_raise_append_only before update or delete on revocation_raise
  for each row execute function refuse_change();
--> statement-breakpoint
create trigger revocation_raise_no_truncate before truncate on revocation_raise execute function refuse_change();
