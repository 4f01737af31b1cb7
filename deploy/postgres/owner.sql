-- The account of every role: owner of the database `igc`, and nothing beyond it. The image runs this once, as the superuser, over an
-- empty volume; nobody needs the superuser afterwards. Run by a test against a PostgreSQL of the tests, never by the image so far.
do $$
begin
  execute format(
    'create role igc login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password %L',
    rtrim(pg_read_file('/run/secrets/database-password'), E'\r\n')
  );
end
$$;
alter database igc owner to igc;
