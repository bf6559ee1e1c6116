-- Acts that change terms may raise what is owed or forgive interest, so a second person approves them.

ALTER TABLE lending.acts DROP CONSTRAINT second_person;
ALTER TABLE lending.acts ADD CONSTRAINT second_person CHECK (
    proposal_id IS NOT NULL OR act NOT IN (
        'change-rate', 'charge-fee', 'extend', 'goodwill', 'move-dues', 'pause-interest', 're-age', 're-amortise',
        'reschedule', 'reverse', 'waive-fee', 'waive-interest', 'write-off'
    )
);
