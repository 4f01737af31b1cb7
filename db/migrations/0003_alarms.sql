-- What is wrong now and was wrong before, and the workers that live.
CREATE TABLE "alarm" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alarm_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"detail" text NOT NULL,
	"raised_at" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL,
	"times" integer DEFAULT 1 NOT NULL,
	"acknowledged_at" timestamp with time zone,
	"acknowledged_by" text,
	"cleared_at" timestamp with time zone,
	CONSTRAINT "alarm_kind" CHECK ("alarm"."kind" ~ '^[a-z][a-z_]{0,63}$'),
	CONSTRAINT "alarm_subject" CHECK (char_length("alarm"."subject") between 1 and 256),
	CONSTRAINT "alarm_detail" CHECK (char_length("alarm"."detail") between 1 and 1000),
	CONSTRAINT "alarm_times" CHECK ("alarm"."times" >= 1),
	CONSTRAINT "alarm_seen" CHECK ("alarm"."last_seen_at" >= "alarm"."raised_at"),
	CONSTRAINT "alarm_acknowledged" CHECK (("alarm"."acknowledged_at" is null) = ("alarm"."acknowledged_by" is null)),
	CONSTRAINT "alarm_acknowledged_by" CHECK (char_length("alarm"."acknowledged_by") between 1 and 256)
);
--> statement-breakpoint
CREATE TABLE "alarm_delivery" (
	"alarm_id" bigint NOT NULL,
	"channel" text NOT NULL,
	"event" text NOT NULL,
	"delivered_at" timestamp with time zone NOT NULL,
	CONSTRAINT "alarm_delivery_pkey" PRIMARY KEY("alarm_id","channel","event"),
	CONSTRAINT "alarm_delivery_channel" CHECK ("alarm_delivery"."channel" ~ '^[a-z][a-z_]{0,31}$'),
	CONSTRAINT "alarm_delivery_event" CHECK ("alarm_delivery"."event" in ('raised', 'cleared'))
);
--> statement-breakpoint
CREATE TABLE "worker_heartbeat" (
	"worker" text PRIMARY KEY NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	CONSTRAINT "worker_heartbeat_worker" CHECK (char_length("worker_heartbeat"."worker") between 1 and 128)
);
--> statement-breakpoint
ALTER TABLE "alarm_delivery" ADD CONSTRAINT "alarm_delivery_alarm_id_alarm_id_fk" FOREIGN KEY ("alarm_id") REFERENCES "public"."alarm"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "alarm_open" ON "alarm" USING btree ("kind","subject") WHERE "alarm"."cleared_at" is null;--> statement-breakpoint
CREATE INDEX "alarm_by_time" ON "alarm" USING btree ("raised_at");