-- The login roles of the kinds of processes, without a password: whoever runs the database gives each the way to log in.
-- What each may do is in ledger/database_roles.toml, which every migration brings the database to.
DO $$
DECLARE
    process text;
BEGIN
    FOREACH process IN ARRAY ARRAY['tranche_serving', 'tranche_payments', 'tranche_lending', 'tranche_books',
                                   'tranche_identity', 'tranche_features', 'tranche_relay', 'tranche_reader'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', process);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the whole server: another database on it has created this one
        END;
    END LOOP;
END
$$;
