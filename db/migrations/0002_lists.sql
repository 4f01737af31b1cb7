-- Lists of a million certificates, and whose certificate one is where its holder is not of the structure.
DROP INDEX "certificate_by_structure";--> statement-breakpoint
ALTER TABLE "certificate" ALTER COLUMN "structure" DROP EXPRESSION;--> statement-breakpoint
ALTER TABLE "certificate" ADD COLUMN "revoked_at" timestamp with time zone;--> statement-breakpoint
update certificate set revoked_at = revocation.revoked_at from revocation where certificate_id = id;
--> statement-breakpoint
CREATE INDEX "certificate_list" ON "certificate" USING btree ("id","structure","profile","state","revoked_at","not_before","not_after","created_at");--> statement-breakpoint
CREATE INDEX "certificate_by_holder" ON "certificate" USING btree ("holder_key","id","structure","profile","state","revoked_at","not_before","not_after","created_at");--> statement-breakpoint
CREATE INDEX "certificate_by_subject" ON "certificate" USING btree (lower(left("subject", 64)) text_pattern_ops,"id");--> statement-breakpoint
CREATE INDEX "certificate_by_structure" ON "certificate" USING btree ("structure","id","profile","state","revoked_at","not_before","not_after","created_at");--> statement-breakpoint
ALTER TABLE "certificate" ADD CONSTRAINT "certificate_structure" CHECK (char_length("certificate"."structure") between 1 and 64);--> statement-breakpoint
-- A process of the version before, which may run beside this one, does not name the structure of the holder.
create function fill_structure() returns trigger language plpgsql as $$
begin
  new.structure := coalesce(new.structure, new.holder ->> 'structIdNat', new.holder -> 'structure' ->> 'structIdNat');
  return new;
end $$;
--> statement-breakpoint
create trigger certificate_fill_structure before insert on certificate
  for each row execute function fill_structure();
--> statement-breakpoint
-- The date stands in both rows, so that a list need not join; nothing but this trigger writes the second.
create function copy_revocation() returns trigger language plpgsql as $$
begin
  update certificate set revoked_at = new.revoked_at where id = new.certificate_id;
  return null;
end $$;
--> statement-breakpoint
create trigger revocation_copy after insert on revocation for each row execute function copy_revocation();
--> statement-breakpoint
create or replace function guard_certificate() returns trigger language plpgsql as $$
begin
  if (new.id, new.issuer, new.serial, new.tbs, new.profile, new.profile_digest, new.key_digest, new.order_digest,
      new.structure, new.actor, new.actor_kind, new.not_before, new.not_after, new.created_at)
    is distinct from
     (old.id, old.issuer, old.serial, old.tbs, old.profile, old.profile_digest, old.key_digest, old.order_digest,
      old.structure, old.actor, old.actor_kind, old.not_before, old.not_after, old.created_at)
  then perform refuse_rule('certificate_immutable'); end if;
  if old.state <> 'signing' and (new.state, new.der, new.settled_at) is distinct from (old.state, old.der, old.settled_at)
  then perform refuse_rule('certificate_settled_once'); end if;
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at
  then perform refuse_rule('certificate_revoked_once'); end if;
  return new;
end $$;
--> statement-breakpoint
-- Lists read indexes alone where pages are known to be visible to all, which vacuum finds out; the defaults wait for 200,000 rows.
alter table certificate set (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.02);
