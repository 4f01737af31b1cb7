-- Of a mailbox without consent no index leads to the certificate but those of its hashes.
DROP INDEX "certificate_store_profile";--> statement-breakpoint
DROP INDEX "certificate_store_name";--> statement-breakpoint
DROP INDEX "certificate_store_structure";--> statement-breakpoint
CREATE INDEX "certificate_store_profile" ON "certificate_store" USING btree ("profile","certificate_id") WHERE ("certificate_store"."mail_consented" or cardinality("certificate_store"."mailboxes") = 0);--> statement-breakpoint
CREATE INDEX "certificate_store_name" ON "certificate_store" USING btree ("sought_name","certificate_id") WHERE ("certificate_store"."mail_consented" or cardinality("certificate_store"."mailboxes") = 0);--> statement-breakpoint
CREATE INDEX "certificate_store_structure" ON "certificate_store" USING btree ("structure","sought_name","certificate_id") WHERE ("certificate_store"."mail_consented" or cardinality("certificate_store"."mailboxes") = 0);