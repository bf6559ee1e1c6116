-- A new break has the event that raised it, and one more when a posting has already repaired it.
CREATE OR REPLACE FUNCTION payments.keep_raised_breaks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments.break_events (break_id, number, event, class, owner, severity, due_by, reason, actor, act_id,
                                       key, on_day, at)
    SELECT a.break_id, e.number, e.event, a.class, a.owner, a.severity, a.due_by, e.reason, w.actor, w.act_id,
           a.break_id || ':' || e.number, e.on_day, w.at
      FROM added a
     CROSS JOIN payments.who_acts_on_breaks() w
     CROSS JOIN LATERAL (VALUES (1, 'raised', a.reason, a.opened_on), (2, 'closed', a.closed_by, a.closed_on))
                AS e (number, event, reason, on_day)
     WHERE e.on_day IS NOT NULL;
    RETURN NULL;
END
$$;
