-- Every change of a break is an event. Only an act of a person changes the owner or the due day of an open break.
CREATE OR REPLACE FUNCTION payments.keep_changed_breaks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT a.break_id INTO wrong
      FROM added a JOIN gone g USING (break_id) CROSS JOIN payments.who_acts_on_breaks() w
     WHERE w.act_id IS NULL AND a.class = g.class AND g.closed_on IS NULL
       AND (a.owner, a.due_by) IS DISTINCT FROM (g.owner, g.due_by);
    IF FOUND THEN
        RAISE EXCEPTION 'break %: owner and due day change only by an act', wrong USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO payments.break_events (break_id, number, event, class, owner, severity, due_by, reason, actor, act_id,
                                       key, on_day, at)
    SELECT c.break_id, c.before + c.place, c.event, c.class, c.owner, c.severity, c.due_by, coalesce(c.reason, c.why),
           w.actor, w.act_id, c.break_id || ':' || c.before + c.place, coalesce(w.on_day, c.day), w.at
      FROM (SELECT a.break_id, a.class, a.owner, a.severity, a.due_by, e.event, e.why, e.day, w.reason,
                   (SELECT count(*) FROM payments.break_events k WHERE k.break_id = a.break_id) AS before,
                   row_number() OVER (PARTITION BY a.break_id ORDER BY e.place) AS place
              FROM added a
              JOIN gone g USING (break_id)
             CROSS JOIN payments.who_acts_on_breaks() w
             CROSS JOIN LATERAL (VALUES
                   (1, 'reopened', a.reason, g.closed_on, g.closed_on IS NOT NULL AND a.closed_on IS NULL),
                   (2, 'refined', a.reason, a.opened_on, a.class <> g.class),
                   (3, 'severity_raised', 'past its due day, ' || a.due_by, a.due_by + 1,
                    a.class = g.class AND g.closed_on IS NULL AND a.severity <> g.severity),
                   (4, 'assigned', 'given to ' || a.owner, a.opened_on,
                    a.class = g.class AND g.closed_on IS NULL AND a.owner <> g.owner),
                   (5, 'accepted', 'accepted until ' || a.due_by, a.opened_on,
                    a.class = g.class AND g.closed_on IS NULL AND a.due_by <> g.due_by),
                   (6, 'closed', a.closed_by, a.closed_on, a.closed_on IS NOT NULL AND g.closed_on IS NULL))
                   AS e (place, event, why, day, happened)
             WHERE e.happened) c
     CROSS JOIN payments.who_acts_on_breaks() w;
    RETURN NULL;
END
$$;
