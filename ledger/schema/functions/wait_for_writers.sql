-- Wait until every transaction of this moment has ended, at most so many seconds; nobody waits for who waits here. After
-- a closed period was announced, whoever comes later sees it, and whoever came before has then ended.
CREATE OR REPLACE FUNCTION ledger.wait_for_writers(seconds integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    boundary xid8 := pg_snapshot_xmax(pg_current_snapshot());
    until timestamptz := clock_timestamp() + make_interval(secs => seconds);
BEGIN
    WHILE pg_snapshot_xmin(pg_current_snapshot()) < boundary LOOP
        IF clock_timestamp() > until THEN
            RETURN false;
        END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RETURN true;
END
$$;
