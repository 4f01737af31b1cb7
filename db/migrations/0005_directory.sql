-- What the LDAP directory was told, and what it could not take.
CREATE TABLE "directory_list" (
	"authority" text PRIMARY KEY NOT NULL,
	"number" bigint NOT NULL,
	"written_at" timestamp with time zone NOT NULL,
	CONSTRAINT "directory_list_number" CHECK ("directory_list"."number" >= 0)
);
--> statement-breakpoint
CREATE TABLE "directory_pending" (
	"entry" text PRIMARY KEY NOT NULL,
	"attempts" integer NOT NULL,
	"reason" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"next_try" timestamp with time zone NOT NULL,
	CONSTRAINT "directory_pending_entry" CHECK (char_length("directory_pending"."entry") between 1 and 1024),
	CONSTRAINT "directory_pending_attempts" CHECK ("directory_pending"."attempts" >= 1),
	CONSTRAINT "directory_pending_reason" CHECK (char_length("directory_pending"."reason") between 1 and 64)
);
--> statement-breakpoint
CREATE TABLE "directory_progress" (
	"one_row" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"xid" "xid8" NOT NULL,
	"position" bigint NOT NULL,
	"ended_until" timestamp with time zone NOT NULL,
	"complete_at" timestamp with time zone,
	CONSTRAINT "directory_progress_one_row" CHECK ("directory_progress"."one_row"),
	CONSTRAINT "directory_progress_position" CHECK ("directory_progress"."position" >= 0)
);
--> statement-breakpoint
ALTER TABLE "directory_list" ADD CONSTRAINT "directory_list_authority_certification_authority_id_fk" FOREIGN KEY ("authority") REFERENCES "public"."certification_authority"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "directory_pending_by_turn" ON "directory_pending" USING btree ("next_try");--> statement-breakpoint
-- The feed is followed from its beginning; what ended before never was in the directory.
insert into directory_progress (xid, position, ended_until) values ('0', 0, clock_timestamp());
--> statement-breakpoint
create trigger directory_progress_no_delete before delete on directory_progress
  for each row execute function refuse_change();
