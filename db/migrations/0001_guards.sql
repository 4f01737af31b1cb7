-- Rules about changes, which a CHECK cannot see. Each raises SQLSTATE 23001 and names itself as the constraint.

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name
    using errcode = '23001', table = tg_table_name, constraint = tg_table_name || '_append_only';
end $$;
--> statement-breakpoint
create function refuse_rule(broken text) returns void language plpgsql as $$
begin
  raise exception 'refused by %', broken using errcode = '23001', constraint = broken;
end $$;
--> statement-breakpoint
create trigger status_feed_append_only before update or delete on status_feed
  for each row execute function refuse_change();
--> statement-breakpoint
create trigger audit_chain_append_only before update or delete on audit_chain
  for each row execute function refuse_change();
--> statement-breakpoint
create trigger audit_event_no_delete before delete on audit_event for each row execute function refuse_change();
--> statement-breakpoint
create trigger audit_head_no_delete before delete on audit_head for each row execute function refuse_change();
--> statement-breakpoint
create trigger certificate_no_delete before delete on certificate for each row execute function refuse_change();
--> statement-breakpoint
create trigger revocation_no_delete before delete on revocation for each row execute function refuse_change();
--> statement-breakpoint
create trigger crl_no_delete before delete on crl for each row execute function refuse_change();
--> statement-breakpoint
create trigger lease_no_delete before delete on lease for each row execute function refuse_change();
--> statement-breakpoint
create trigger status_feed_no_truncate before truncate on status_feed execute function refuse_change();
--> statement-breakpoint
create trigger audit_chain_no_truncate before truncate on audit_chain execute function refuse_change();
--> statement-breakpoint
create trigger audit_event_no_truncate before truncate on audit_event execute function refuse_change();
--> statement-breakpoint
create trigger audit_head_no_truncate before truncate on audit_head execute function refuse_change();
--> statement-breakpoint
create trigger certificate_no_truncate before truncate on certificate execute function refuse_change();
--> statement-breakpoint
create trigger revocation_no_truncate before truncate on revocation execute function refuse_change();
--> statement-breakpoint
create trigger crl_no_truncate before truncate on crl execute function refuse_change();
--> statement-breakpoint
-- What was to be signed stays as it was written; subject and holder are left out so that personal data can be erased.
create function guard_certificate() returns trigger language plpgsql as $$
begin
  if (new.id, new.issuer, new.serial, new.tbs, new.profile, new.profile_digest, new.key_digest, new.order_digest,
      new.actor, new.actor_kind, new.not_before, new.not_after, new.created_at)
    is distinct from
     (old.id, old.issuer, old.serial, old.tbs, old.profile, old.profile_digest, old.key_digest, old.order_digest,
      old.actor, old.actor_kind, old.not_before, old.not_after, old.created_at)
  then perform refuse_rule('certificate_immutable'); end if;
  if old.state <> 'signing' and (new.state, new.der, new.settled_at) is distinct from (old.state, old.der, old.settled_at)
  then perform refuse_rule('certificate_settled_once'); end if;
  return new;
end $$;
--> statement-breakpoint
create trigger certificate_guard before update on certificate for each row execute function guard_certificate();
--> statement-breakpoint
-- Re-revocation only raises the reason.
create function guard_revocation() returns trigger language plpgsql as $$
begin
  if new.reason <> 'keyCompromise'
    or (new.certificate_id, new.issuer, new.serial, new.not_after, new.revoked_at, new.actor, new.created_at)
      is distinct from
       (old.certificate_id, old.issuer, old.serial, old.not_after, old.revoked_at, old.actor, old.created_at)
  then perform refuse_rule('revocation_definitive'); end if;
  return new;
end $$;
--> statement-breakpoint
create trigger revocation_guard before update on revocation for each row execute function guard_revocation();
--> statement-breakpoint
create function guard_crl() returns trigger language plpgsql as $$
begin
  if old.state <> 'signing'
    or (new.issuer, new.number, new.scheduled, new.this_update, new.next_update, new.entries, new.created_at)
      is distinct from
       (old.issuer, old.number, old.scheduled, old.this_update, old.next_update, old.entries, old.created_at)
  then perform refuse_rule('crl_settled_once'); end if;
  return new;
end $$;
--> statement-breakpoint
create trigger crl_guard before update on crl for each row execute function guard_crl();
--> statement-breakpoint
create function guard_lease() returns trigger language plpgsql as $$
begin
  if new.name <> old.name or new.epoch < old.epoch then perform refuse_rule('lease_epoch_rises'); end if;
  return new;
end $$;
--> statement-breakpoint
create trigger lease_guard before update on lease for each row execute function guard_lease();
--> statement-breakpoint
-- Personal data may go; that something happened, and its digest, may not.
create function guard_audit_event() returns trigger language plpgsql as $$
begin
  if new.content is not null or new.salt is not null
    or (new.id, new.xid, new.at, new.kind, new.actor, new.subject_id, new.digest)
      is distinct from (old.id, old.xid, old.at, old.kind, old.actor, old.subject_id, old.digest)
  then perform refuse_rule('audit_event_append_only'); end if;
  return new;
end $$;
--> statement-breakpoint
create trigger audit_event_guard before update on audit_event for each row execute function guard_audit_event();
--> statement-breakpoint
create function guard_audit_head() returns trigger language plpgsql as $$
begin
  if new.position <= old.position or (new.xid, new.event_id) <= (old.xid, old.event_id)
  then perform refuse_rule('audit_head_rises'); end if;
  return new;
end $$;
--> statement-breakpoint
create trigger audit_head_guard before update on audit_head for each row execute function guard_audit_head();
--> statement-breakpoint
insert into audit_head (position, hash, xid, event_id) values (0, decode(repeat('00', 32), 'hex'), '0', 0);
--> statement-breakpoint
-- A CRL has tens of megabytes of signed bytes: trying to compress them costs a second per publication.
alter table crl alter column tbs set storage external;
--> statement-breakpoint
alter table crl alter column der set storage external;
