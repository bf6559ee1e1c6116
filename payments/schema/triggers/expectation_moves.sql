CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments.expectation_moves
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_to_change();
CREATE TRIGGER move_expectation AFTER INSERT ON payments.expectation_moves REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.move_expectation();
